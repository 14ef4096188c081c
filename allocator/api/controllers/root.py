# SPDX-License-Identifier: Apache-2.0
"""The root of the API: which versions there are."""

from allocator.api import request
from allocator.api import routing
from allocator.api import versions
from allocator.api.controllers import v1
from allocator.api.versions import baremetal
from allocator.api.views import links


def describe_v1():
    """Describe version 1 of the API (API reference, "API versions")."""
    return {
        'id': 'v1',
        'links': [{'rel': 'self', 'href': links.base_url() + '/v1/'}],
        'status': 'CURRENT',
        'min_version': versions.string(baremetal.MIN),
        'version': versions.string(baremetal.MAX),
    }


class RootController(routing.Resource):
    """GET / without a token; everything of v1 is reachable here, too."""

    def __init__(self):
        self._v1 = v1.V1Controller(describe_v1)

    def child(self, segment):
        # A catalogue may hold the URL with or without the version.
        return self._v1 if segment == 'v1' else self._v1.child(segment)

    @routing.expose()
    def get(self):
        request.no_query()
        return {
            'name': 'OpenStack Bare Metal Allocation API',
            'description': 'Hands out bare metal nodes.',
            'default_version': describe_v1(),
            'versions': [describe_v1()],
        }
