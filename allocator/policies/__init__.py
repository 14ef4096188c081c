# SPDX-License-Identifier: Apache-2.0
"""Default policies: one file per resource."""

import itertools

from allocator.policies import allocation
from allocator.policies import chassis
from allocator.policies import conductor
from allocator.policies import driver
from allocator.policies import node
from allocator.policies import shard


def list_rules():
    """List all default rules, for the enforcer and oslo.policy's tools."""
    return itertools.chain.from_iterable(
        resource.list_rules() for resource in (
            allocation, chassis, conductor, driver, node, shard))
