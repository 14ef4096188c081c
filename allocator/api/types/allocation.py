# SPDX-License-Identifier: Apache-2.0
"""Request bodies of the allocation API."""

import wsme.types
from wsme.types import wsattr

from allocator.api.types import constraints
from allocator.api.types import values

# Seconds; how long it may be, an option says.
WAIT = values.Integer(0)
PRIORITY = values.Integer(-100, 100)


class AllocationCreate(wsme.types.Base):
    """Body of POST /v1/allocations, and of the own API's.

    null means the same as leaving an attribute out.
    """

    uuid = wsattr(values.UUID())
    name = wsattr(values.Name())
    resource_class = wsattr(values.ResourceClass)
    traits = wsattr(values.Traits)
    candidate_nodes = wsattr(values.Candidates)
    extra = wsattr(values.Object())
    owner = wsattr(values.Project)
    node = wsattr(values.NodeIdent())
    # The own API's alone.
    forbidden_traits = wsattr(constraints.Forbidden)
    any_traits = wsattr(constraints.AnyTraits())
    preferred_traits = wsattr(constraints.PreferredTraits())
    excluded_nodes = wsattr(constraints.Excluded)
    properties = wsattr(constraints.Properties())
    wait_timeout = wsattr(WAIT)
    priority = wsattr(PRIORITY)


class AllocationPatch(wsme.types.Base):
    """What a patched allocation may look like; null takes the name away."""

    name = wsattr(values.Name())
    extra = wsattr(values.Object())
    wait_timeout = wsattr(WAIT)
    priority = wsattr(PRIORITY)
