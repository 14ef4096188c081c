# SPDX-License-Identifier: Apache-2.0
"""Default policies: one file per resource."""

import itertools

from allocator.policies import allocation
from allocator.policies import allocation_candidate
from allocator.policies import backend
from allocator.policies import chassis
from allocator.policies import conductor
from allocator.policies import driver
from allocator.policies import node
from allocator.policies import shard


def list_rules():
    """List all default rules, for the enforcer and oslo.policy's tools."""
    return itertools.chain.from_iterable(
        resource.list_rules() for resource in (
            allocation, allocation_candidate, backend, chassis, conductor,
            driver, node, shard))
