# SPDX-License-Identifier: Apache-2.0
"""/v1/nodes/{node}/traits"""

import pecan

from allocator.api import request
from allocator.api import routing
from allocator.api.controllers.v1.nodes import access
from allocator.api.types import node as types
from allocator.api.types import values
from allocator.api.views import links
from allocator.common import exception
from allocator.common.i18n import _
from allocator.db import node_changes
from allocator.db import nodes


def _change(rule, row, edit):
    access.carry_out(access.needs(rule), row, lambda row: (
        node_changes.change_traits(row.uuid, edit, row)))


class TraitsController(routing.Resource):
    """/v1/nodes/{node}/traits

    :param ident: UUID or name of the node
    """

    resource = 'node_traits'

    def __init__(self, ident):
        self._ident = ident

    def child(self, segment):
        return TraitController(self._ident, segment)

    @routing.expose()
    def get(self):
        row = access.find(self._ident, 'traits:list')
        request.no_query()
        return {'traits': nodes.show(row.uuid, ['traits'])['traits']}

    @routing.expose(status=204)
    def put(self):
        row = access.find(self._ident, 'traits:set')
        request.no_query()
        wanted = request.body(types.Traits, 'node_traits').traits
        if wanted is None:
            raise exception.Invalid(reason=_(
                'Invalid input for traits: expected a list, got null.'))
        _change('traits:set', row, lambda traits: wanted)

    @routing.expose(status=204)
    def delete(self):
        row = access.find(self._ident, 'traits:delete')
        request.no_query()
        _change('traits:delete', row, lambda traits: [])


class TraitController(routing.Resource):
    """/v1/nodes/{node}/traits/{trait}

    :param ident: UUID or name of the node
    :param trait: name of the trait
    """

    resource = 'node_traits'

    def __init__(self, ident, trait):
        self._ident = ident
        self._trait = trait

    @routing.expose(status=204)
    def put(self):
        row = access.find(self._ident, 'traits:set')
        request.no_query()
        try:
            values.Trait().validate(self._trait)
        except ValueError as exc:
            raise exception.Invalid(reason='%s.' % exc) from None
        _change('traits:set', row, self._add)
        pecan.response.headers['Location'] = links.of(
            'nodes', self._ident, links.base_url(),
            '/traits/' + self._trait)[0]['href']

    def _add(self, traits):
        wanted = {*traits, self._trait}
        if len(wanted) > values.MAX_TRAITS:
            raise exception.Invalid(reason=_(
                'Node %(node)s has %(most)d traits already; more are not '
                'possible.') % {'node': self._ident,
                                'most': values.MAX_TRAITS})
        return wanted

    @routing.expose(status=204)
    def delete(self):
        row = access.find(self._ident, 'traits:delete')
        request.no_query()
        _change('traits:delete', row, self._remove)

    def _remove(self, traits):
        if self._trait not in traits:
            raise exception.TraitNotFound(node=self._ident,
                                          trait=self._trait)
        return [trait for trait in traits if trait != self._trait]
