# SPDX-License-Identifier: Apache-2.0
"""/v1/chassis"""

from oslo_utils import uuidutils
import pecan
from wsme.types import Unset

from allocator.api import listing
from allocator.api import patch
from allocator.api import request
from allocator.api import routing
from allocator.api.controllers.v1.nodes import lists as node_listing
from allocator.api.types import chassis as types
from allocator.api.types import values
from allocator.api.views import chassis as view
from allocator.common import exception
from allocator.common import policy
from allocator.common.i18n import _
from allocator.db import chassis

SORTABLE = ('uuid', 'description', 'created_at', 'updated_at')


def _authorize(rule):
    policy.authorize('baremetal:chassis:' + rule, pecan.request.context)


def _list(collection, detail):
    _authorize('get')
    query = request.query()
    listing.refuse_unknown(query, (*listing.PARAMETERS, 'detail'))
    request.refuse_newer('filters', 'chassis', query)
    page = listing.page(query, 'chassis', SORTABLE)
    names = listing.fields(query, 'chassis', view.FIELDS)
    if 'detail' in query:
        if detail:
            raise exception.Invalid(reason=_('Unknown argument: detail.'))
        detail = listing.boolean(query, 'detail')
    if detail and names is not None:
        raise exception.Invalid(reason=_(
            "Can't fetch a subset of fields with all details."))
    names = names or (view.FIELDS if detail else view.SHORT)
    found = chassis.get_page(
        names, sort_key=page.sort_key, descending=page.descending,
        limit=page.limit, marker=page.marker)
    return view.serialize_page(found, names, query, page.limit, collection,
                               nodes=detail)


class AllChassisController(routing.Resource):
    """/v1/chassis"""

    resource = 'chassis'

    def child(self, segment):
        if segment == 'detail':
            return ChassisDetailController()
        return ChassisController(segment)

    @routing.expose()
    def get(self):
        return _list('chassis', False)

    @routing.expose(status=201)
    def post(self):
        _authorize('create')
        request.no_query()
        body = request.body(types.ChassisCreate, 'chassis')
        uuid = body.uuid or uuidutils.generate_uuid()
        chassis.create({'uuid': uuid, 'extra': body.extra or {},
                        'description': body.description or None})
        found = view.serialize(chassis.get(uuid)._mapping, view.FIELDS)
        pecan.response.headers['Location'] = found['links'][0]['href']
        return found


class ChassisDetailController(routing.Resource):
    """/v1/chassis/detail"""

    resource = 'chassis'

    @routing.expose()
    def get(self):
        return _list('chassis/detail', True)


class ChassisController(routing.Resource):
    """/v1/chassis/{chassis}

    :param ident: UUID
    """

    resource = 'chassis'

    def __init__(self, ident):
        self._ident = ident

    def child(self, segment):
        return ChassisNodesController(self) if segment == 'nodes' else None

    def find(self, rule):
        """Read the row, if the client may.

        :param rule: last part of the policy's name
        :raises: Forbidden, InvalidUUID, ChassisNotFound
        """
        _authorize(rule)
        if not uuidutils.is_uuid_like(self._ident):
            raise exception.InvalidUUID(uuid=self._ident)
        return chassis.get(values.canonical_uuid(self._ident))

    @routing.expose()
    def get(self):
        row = self.find('get')
        query = request.query()
        listing.refuse_unknown(query, ('fields',))
        request.refuse_newer('filters', 'chassis', query)
        names = listing.fields(query, 'chassis', view.FIELDS)
        return view.serialize(row._mapping, names or view.FIELDS,
                        nodes=names is None)

    @routing.expose()
    def patch(self):
        row = self.find('update')
        request.no_query()
        operations = patch.read(('description', 'extra'))

        def change(current):
            before = {'description': current.description,
                      'extra': current.extra}
            body = request.typed(types.ChassisPatch, patch.apply(
                before, operations))
            return {'extra': body.extra or {},
                    'description': None if body.description is Unset
                    else body.description}

        chassis.update(row.uuid, change)
        return view.serialize(chassis.get(row.uuid)._mapping, view.FIELDS)

    @routing.expose(status=204)
    def delete(self):
        row = self.find('delete')
        request.no_query()
        chassis.delete(row.uuid)


class ChassisNodesController(routing.Resource):
    """/v1/chassis/{chassis}/nodes, and /detail below it

    :param parent: controller of the chassis
    :param detail: whether all fields are asked for
    """

    resource = 'chassis'

    def __init__(self, parent, detail=False):
        self._parent = parent
        self._detail = detail

    def child(self, segment):
        if segment == 'detail' and not self._detail:
            return ChassisNodesController(self._parent, detail=True)
        return None

    @routing.expose()
    def get(self):
        row = self._parent.find('get')
        path = 'chassis/%s/nodes%s' % (row.uuid,
                                       '/detail' if self._detail else '')
        return node_listing.answer(request.query(), path, self._detail,
                                   chassis_id=row.id)
