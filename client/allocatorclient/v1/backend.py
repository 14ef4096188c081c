# SPDX-License-Identifier: Apache-2.0
"""Backends: the Bare Metal services whose nodes are handed out."""

from openstack import resource

from allocatorclient.v1 import _resource


class Backend(_resource.Resource):
    """A Bare Metal service, as this service sees it."""

    resources_key = 'backends'
    base_path = '/backends'

    allow_fetch = True
    allow_list = True

    _query_mapping = resource.QueryParameters(
        'fields', include_pagination_defaults=False)

    #: Its name, which is also its id.
    name = resource.Body('name', alternate_id=True)
    #: URL that users may know.
    public_url = resource.Body('public_url')
    #: "up", "stale", "silent", "drained" or "removed".
    status = resource.Body('status')
    #: Since when (ISO 8601).
    status_since = resource.Body('status_since')
    #: How many nodes it has.
    nodes = resource.Body('nodes', type=int)
    #: How many of them are free.
    free = resource.Body('free', type=int)
    #: How many nodes it no longer shows.
    missing = resource.Body('missing', type=int)
    #: When it was looked at last (ISO 8601).
    last_look = resource.Body('last_look')
    #: When it was looked at in full last (ISO 8601).
    last_full_look = resource.Body('last_full_look')
    #: Age of what is known of it, in seconds.
    lag = resource.Body('lag', type=float)
    #: How much is still to be written there.
    open_writes = resource.Body('open_writes', type=int)
    #: Since when the oldest of that is open (ISO 8601).
    oldest_open = resource.Body('oldest_open')
    #: What went wrong there last.
    last_error = resource.Body('last_error')
    #: Since when it is known (ISO 8601).
    created_at = resource.Body('created_at')
    #: Links to itself.
    links = resource.Body('links', type=list)
