# SPDX-License-Identifier: Apache-2.0
"""Allocations."""

from openstack import resource

from allocatorclient.v1 import _resource


class Allocation(_resource.Request):
    """A request for one node, and what became of it."""

    resources_key = 'allocations'
    base_path = '/allocations'

    allow_create = True
    allow_fetch = True
    allow_commit = True
    allow_delete = True
    allow_list = True
    allow_patch = True
    commit_method = 'PATCH'
    # Older releases of openstacksdk patch only what says so.
    commit_jsonpatch = True

    _query_mapping = resource.QueryParameters(
        'node', 'resource_class', 'state', 'owner', 'backend', 'waiting',
        'fields', 'sort_key', 'sort_dir')

    #: UUID of the allocation; the client may choose it.
    id = resource.Body('uuid', alternate_id=True)
    #: "allocating", "active" or "error".
    state = resource.Body('state')
    #: UUID of the node, once it is active.
    node_id = resource.Body('node_uuid')
    #: Name of the Bare Metal service that the node is of, if it is of one.
    backend = resource.Body('backend')
    #: Why it failed.
    last_error = resource.Body('last_error')
    #: When it was created (ISO 8601).
    created_at = resource.Body('created_at')
    #: When it was changed last (ISO 8601).
    updated_at = resource.Body('updated_at')
    #: Links to itself.
    links = resource.Body('links', type=list)
    #: When it fails unless it has a node by then (ISO 8601). Since 1.1.
    deadline = resource.Body('deadline')
    #: Whether it waits for a node to become free. Since 1.1.
    waiting = resource.Body('waiting', type=bool)
    #: Why no node suits as yet. Since 1.1.
    reason = resource.Body('reason')
    #: Its place among those that wait, from 1 on; on request. Since 1.1.
    queue_position = resource.Body('queue_position', type=int)
