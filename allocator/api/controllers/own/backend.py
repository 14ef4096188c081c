# SPDX-License-Identifier: Apache-2.0
"""/allocator/v1/backends: how the mirrored services are, to read."""

import pecan

from allocator.api import listing
from allocator.api import request
from allocator.api import routing
from allocator.api.views import backend as view
from allocator.api.views import links
from allocator.common import policy
from allocator.db import backend_status


def _names():
    """Check the right to read, and read which fields to show."""
    policy.authorize('allocator:backend:get', pecan.request.context)
    query = request.query()
    listing.refuse_unknown(query, ('fields',))
    chosen = listing.fields(query, 'backend', view.FIELDS)
    return view.FIELDS if chosen is None else chosen


class BackendsController(routing.Resource):
    """/allocator/v1/backends

    There are few of them, so a list has no pages.
    """

    resource = 'backend'

    def child(self, segment):
        return BackendController(segment)

    @routing.expose()
    def get(self):
        names, base = _names(), links.base_url()
        return {'backends': [view.serialize(found, names, base)
                             for found in backend_status.list_all()]}


class BackendController(routing.Resource):
    """/allocator/v1/backends/{name}

    :param name: name of the backend
    """

    resource = 'backend'

    def __init__(self, name):
        self._name = name

    @routing.expose()
    def get(self):
        names = _names()
        return view.serialize(backend_status.get(self._name), names,
                              links.base_url())
