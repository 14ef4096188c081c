# SPDX-License-Identifier: Apache-2.0
"""/v1/nodes/{node}/validate"""

from allocator.api import listing
from allocator.api import request
from allocator.api import routing
from allocator.api.controllers.v1.nodes import access
from allocator.api.views import node as view
from allocator.common import exception
from allocator.common.i18n import _


class ValidateController(routing.Resource):
    """/v1/nodes/{node}/validate, also /v1/nodes/validate?node={node}

    :param ident: UUID or name of the node, None if the query names it
    """

    resource = 'node'

    def __init__(self, ident):
        self._ident = ident

    @routing.expose()
    def get(self):
        query = request.query()
        ident = self._ident
        if ident is None:
            listing.refuse_unknown(query, ('node',))
            if 'node' not in query:
                raise exception.Invalid(reason=_('node is needed.'))
            ident = query['node']
        else:
            request.no_query()
        access.find(ident, 'validate')
        # There is no hardware that could be wrongly described.
        return {name.removesuffix('_interface'): {'result': True}
                for name in view.DEFAULT_INTERFACES}
