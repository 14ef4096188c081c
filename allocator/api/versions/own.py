# SPDX-License-Identifier: Apache-2.0
"""The microversions of what is this service's own, below /allocator.

Version 1.0 shows what the Bare Metal API shows in its newest, and more; a
field that comes to both later gets a version in both tables.
"""

from allocator.api.versions import table
from allocator.common import constraints

MIN = 0
MAX = 2

# From here on an allocation may wait for a node.
WAITING = 1

# What a node must and must not be.
_CONSTRAINTS = dict.fromkeys(constraints.FIELDS, 2)

_WAITING_FIELDS = dict.fromkeys(
    ('wait_timeout', 'deadline', 'priority', 'waiting', 'reason',
     'queue_position'), WAITING)
_WAITING_INPUTS = dict.fromkeys(('wait_timeout', 'priority'), WAITING)

RESOURCES = {
    'allocation': table.Resource(
        fields=_WAITING_FIELDS | _CONSTRAINTS,
        inputs=_WAITING_INPUTS | _CONSTRAINTS,
        filters={'waiting': WAITING}),
    'allocation_candidate': table.Resource(
        since=2, inputs=_WAITING_INPUTS | _CONSTRAINTS),
    'backend': table.Resource(),
    # What it links to is in the Bare Metal API alone.
    'node': table.Resource(absent=frozenset({'states'})),
}

API = table.Api('allocator', '/allocator', MIN, MAX, RESOURCES)
