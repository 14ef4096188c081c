# SPDX-License-Identifier: Apache-2.0
"""/v1/nodes/{node}/vifs, /vmedia and /firmware

Clients that deploy nodes call these. They do what the Bare Metal API's noop
interfaces do: agree, and have nothing to show.
"""

from allocator.api import listing
from allocator.api import request
from allocator.api import routing
from allocator.api.controllers.v1.nodes import access


class _OfNode(routing.Resource):
    """Something that belongs to a node.

    :param ident: UUID or name of the node
    """

    def __init__(self, ident):
        self._ident = ident

    def _allow(self, rule):
        """Refuse what the client may not do, and any query."""
        access.find(self._ident, rule)
        request.no_query()


class VifsController(_OfNode):
    """/v1/nodes/{node}/vifs"""

    resource = 'node_vif'

    def child(self, segment):
        return VifController(self._ident)

    @routing.expose()
    def get(self):
        self._allow('vif:list')
        return {'vifs': []}

    @routing.expose(status=204)
    def post(self):
        self._allow('vif:attach')
        request.json_body()


class VifController(_OfNode):
    """/v1/nodes/{node}/vifs/{vif}"""

    resource = 'node_vif'

    @routing.expose(status=204)
    def delete(self):
        self._allow('vif:detach')


class VirtualMediaController(_OfNode):
    """/v1/nodes/{node}/vmedia"""

    resource = 'node_vmedia'

    @routing.expose(status=204)
    def post(self):
        self._allow('vmedia:attach')
        request.json_body()

    @routing.expose(status=204)
    def delete(self):
        access.find(self._ident, 'vmedia:detach')
        listing.refuse_unknown(request.query(), ('device_types',))


class FirmwareController(_OfNode):
    """/v1/nodes/{node}/firmware"""

    resource = 'node_firmware'

    @routing.expose()
    def get(self):
        self._allow('firmware:get')
        return {'firmware': []}
