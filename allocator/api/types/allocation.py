# SPDX-License-Identifier: Apache-2.0
"""Request bodies of the allocation API."""

import wsme.types
from wsme.types import wsattr

from allocator.api.types import values


class AllocationCreate(wsme.types.Base):
    """Body of POST /v1/allocations.

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


class AllocationPatch(wsme.types.Base):
    """What a patched allocation may look like; null takes the name away."""

    name = wsattr(values.Name())
    extra = wsattr(values.Object())
