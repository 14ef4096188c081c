# SPDX-License-Identifier: Apache-2.0
"""/v1/nodes/{node}/maintenance"""

from wsme.types import Unset

from allocator.api import request
from allocator.api import routing
from allocator.api.controllers.v1.nodes import access
from allocator.api.types import node as types
from allocator.db import node_changes


def _set(rule, row, maintenance, reason):
    change = node_changes.Change({'maintenance': maintenance,
                                  'maintenance_reason': reason})
    access.carry_out(access.needs(rule), row, lambda row: (
        node_changes.change(row.uuid, lambda node: change, row)))


class MaintenanceController(routing.Resource):
    """/v1/nodes/{node}/maintenance

    :param ident: UUID or name of the node
    """

    resource = 'node'

    def __init__(self, ident):
        self._ident = ident

    @routing.expose(status=202)
    def put(self):
        row = access.find(self._ident, 'set_maintenance')
        request.no_query()
        body = request.optional_body(types.Maintenance, 'node')
        _set('set_maintenance', row, True,
             None if body.reason is Unset else body.reason)

    @routing.expose(status=202)
    def delete(self):
        row = access.find(self._ident, 'clear_maintenance')
        request.no_query()
        _set('clear_maintenance', row, False, None)
