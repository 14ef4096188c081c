# SPDX-License-Identifier: Apache-2.0
"""Version 1 of the API."""

from allocator.api import request
from allocator.api import routing
from allocator.api.controllers.v1 import allocation
from allocator.api.controllers.v1 import chassis
from allocator.api.controllers.v1 import conductor
from allocator.api.controllers.v1 import driver
from allocator.api.controllers.v1 import shard
from allocator.api.controllers.v1 import unserved
from allocator.api.controllers.v1.nodes import node
from allocator.api.views import links

MEDIA_TYPE = {
    'base': 'application/json',
    'type': 'application/vnd.openstack.ironic.v1+json',
}


class V1Controller(routing.Resource):
    """GET /v1 without a token.

    :param describe: function that describes this version
    """

    def __init__(self, describe):
        self._describe = describe
        self._children = {
            'allocations': allocation.AllocationsController(),
            'chassis': chassis.AllChassisController(),
            'conductors': conductor.ConductorsController(),
            'drivers': driver.DriversController(),
            'nodes': node.NodesController(),
            'shards': shard.ShardsController(),
        }

    def child(self, segment):
        return self._children.get(segment) or unserved.find()

    @routing.expose()
    def get(self):
        request.no_query()
        base = links.base_url()
        found = {'id': 'v1', 'version': self._describe(),
                 'media_types': [MEDIA_TYPE],
                 'links': [{'rel': 'self', 'href': base + '/v1/'}]}
        for name in self._children:
            found[name] = [
                {'rel': 'self', 'href': '%s/v1/%s/' % (base, name)},
                {'rel': 'bookmark', 'href': '%s/%s/' % (base, name)},
            ]
        return found
