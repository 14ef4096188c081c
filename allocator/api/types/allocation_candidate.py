# SPDX-License-Identifier: Apache-2.0
"""Request body of the dry run."""

from wsme.types import wsattr

from allocator.api.types import allocation
from allocator.api.types import values


class AllocationCandidates(allocation.AllocationCreate):
    """Body of POST /allocator/v1/allocation_candidates."""

    limit = wsattr(values.PositiveInteger())
