# SPDX-License-Identifier: Apache-2.0
"""Tells listeners of an allocation that goes with its node's workload."""

import contextlib

import pecan

from allocator.common import exception
from allocator.db import allocations
from allocator.telemetry import notifications


@contextlib.contextmanager
def notifying(node):
    """Send a notification if the block deletes a node's allocation.

    :param node: row of the node
    """
    before = notifications.is_on() and allocations.get_of_node(node.id)
    yield
    if before and _is_gone(before.uuid):
        notifications.send(pecan.request.context, notifications.API,
                           'delete.end', before._mapping)


def _is_gone(uuid):
    try:
        allocations.get(uuid)
    except exception.AllocationNotFound:
        return True
    except Exception:
        # The request has succeeded, and must not fail for this.
        return False
    return False
