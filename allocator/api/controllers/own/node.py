# SPDX-License-Identifier: Apache-2.0
"""/allocator/v1/nodes: to read, and no more."""

from allocator.api import request
from allocator.api import routing
from allocator.api.controllers.v1.nodes import lists
from allocator.api.controllers.v1.nodes import node


class NodesController(routing.Resource):
    """/allocator/v1/nodes"""

    resource = 'node'

    def child(self, segment):
        return NodeController(segment)

    @routing.expose()
    def get(self):
        return lists.answer(request.query(), 'nodes', False)


class NodeController(routing.Resource):
    """/allocator/v1/nodes/{node}

    :param ident: UUID or name
    """

    resource = 'node'

    def __init__(self, ident):
        self._ident = ident

    @routing.expose()
    def get(self):
        return node.read(self._ident)
