# SPDX-License-Identifier: Apache-2.0
"""/v1/shards"""

import pecan

from allocator.api import request
from allocator.api import routing
from allocator.common import policy
from allocator.db import nodes


class ShardsController(routing.Resource):
    """/v1/shards"""

    resource = 'shard'

    @routing.expose()
    def get(self):
        policy.authorize('baremetal:shards:get', pecan.request.context)
        request.no_query()
        return {'shards': [{'name': name, 'count': count}
                           for name, count in nodes.count_by_shard()]}
