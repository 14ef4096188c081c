# SPDX-License-Identifier: Apache-2.0
"""Flaws: what makes a node impossible to claim although it seems suitable.

Something outside of this service has written them. The node is at fault, not
the allocation that would have got it.
"""

import dataclasses

import sqlalchemy as sa

from allocator.db import models
from allocator.db import types

_allocation = models.Allocation.__table__


@dataclasses.dataclass(frozen=True)
class Flaw:
    """Why a node cannot be claimed."""

    node: sa.Row
    reason: str


def find(connection, nodes):
    """Find those of some locked nodes that cannot be claimed.

    :returns: dict of Flaw by id of the node
    """
    found = {node.id: Flaw(node, 'its instance_info is no JSON object')
             for node in nodes if read_info(node) is None}
    # What was read with the row may be older than the lock on it: whoever
    # released the node has ended since. What is read now is not.
    held = {node.id: node for node in nodes if node.holder is not None}
    if held:
        for holder in connection.execute(
                sa.select(_allocation.c.uuid, _allocation.c.node_id).where(
                    _allocation.c.node_id.in_(held))):
            found[holder.node_id] = Flaw(
                held[holder.node_id],
                'allocation %s, which is not its own, holds it' % holder.uuid)
    return found


def read_info(node):
    """Read a node's instance_info.

    :param node: row of the node, in which it is a text
    :returns: dict, or None for what is no object
    """
    return types.read_object(node.instance_info)
