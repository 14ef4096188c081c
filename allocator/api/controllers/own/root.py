# SPDX-License-Identifier: Apache-2.0
"""/allocator and /allocator/v1: which versions of the own API there are."""

from allocator.api import request
from allocator.api import routing
from allocator.api import versions
from allocator.api.controllers.own import allocation_candidate
from allocator.api.controllers.own import backend
from allocator.api.controllers.own import node
from allocator.api.controllers.v1 import allocation
from allocator.api.versions import own
from allocator.api.views import links


def describe_v1():
    """Describe version 1 (API SIG guideline "Version Discovery")."""
    return {
        'id': 'v1',
        'status': 'CURRENT',
        'min_version': versions.string(own.MIN),
        'max_version': versions.string(own.MAX),
        'links': [{'rel': 'self', 'href': links.base_url() + '/v1/'}],
    }


class RootController(routing.Resource):
    """Where the paths of the own API begin."""

    def __init__(self):
        self._versions = VersionsController()

    def child(self, segment):
        # No other path is passed on to this API.
        return self._versions


class VersionsController(routing.Resource):
    """GET /allocator without a token."""

    def __init__(self):
        self._v1 = V1Controller()

    def child(self, segment):
        return self._v1 if segment == 'v1' else None

    @routing.expose()
    def get(self):
        request.no_query()
        return {'versions': [describe_v1()]}


class V1Controller(routing.Resource):
    """GET /allocator/v1 without a token."""

    def __init__(self):
        self._children = {
            'allocation_candidates':
                allocation_candidate.AllocationCandidatesController(),
            'allocations': allocation.AllocationsController(),
            'backends': backend.BackendsController(),
            'nodes': node.NodesController(),
        }

    def child(self, segment):
        return self._children.get(segment)

    @routing.expose()
    def get(self):
        request.no_query()
        return {'version': describe_v1()}
