# SPDX-License-Identifier: Apache-2.0
"""/v1/nodes/{node}/maintenance"""

from wsme.types import Unset

from allocator.api import request
from allocator.api import routing
from allocator.api.controllers.v1 import node_access
from allocator.api.types import node as types
from allocator.db import node_changes


def _set(uuid, maintenance, reason):
    node_changes.change(uuid, lambda node: node_changes.Change(
        {'maintenance': maintenance, 'maintenance_reason': reason}))


class MaintenanceController(routing.Resource):
    """/v1/nodes/{node}/maintenance

    :param ident: UUID or name of the node
    """

    resource = 'node'

    def __init__(self, ident):
        self._ident = ident

    @routing.expose(status=202)
    def put(self):
        row = node_access.find(self._ident, 'set_maintenance')
        request.no_query()
        body = request.optional_body(types.Maintenance, 'node')
        _set(row.uuid, True, None if body.reason is Unset else body.reason)

    @routing.expose(status=202)
    def delete(self):
        row = node_access.find(self._ident, 'clear_maintenance')
        request.no_query()
        _set(row.uuid, False, None)
