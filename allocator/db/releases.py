# SPDX-License-Identifier: Apache-2.0
"""The release: an allocation ends and its node is free, in one transaction.

Locks are taken in the order allocation, node everywhere, so two releases
(of the allocation, of the node) and a claim never wait for each other in a
circle.
"""

import sqlalchemy as sa

from allocator.common import exception
from allocator.common import states
from allocator.db import models
from allocator.db import session
from allocator.db import types

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Provision states in which a node has no workload: its allocation may go.
RELEASABLE = (states.AVAILABLE, states.ENROLL, states.MANAGEABLE)


def delete_allocation(uuid, id_=None):
    """Delete an allocation and free its node.

    :param uuid: UUID of the allocation
    :param id_: id of the row that is meant; another one may have the UUID by
        now
    :raises: AllocationNotFound, NodeInUse
    """
    _delete_allocation(uuid, id_, seen=[])


@session.retried
def _delete_allocation(uuid, id_, seen):
    """Delete an allocation.

    :param seen: list that tells an attempt of the one before; if that one's
        COMMIT was done but not acknowledged, the allocation is gone now
    """
    with session.writer() as connection:
        # Waits for a claim that is just being made; it takes milliseconds.
        allocation = connection.execute(
            sa.select(_allocation).where(_allocation.c.uuid == uuid)
            .with_for_update()).first()
        if allocation is None or id_ not in (None, allocation.id):
            if seen:
                return
            raise exception.AllocationNotFound(allocation=uuid)
        node = connection.execute(
            sa.select(_node).where(_node.c.allocation_id == allocation.id)
            .with_for_update()).first()
        if node is not None:
            check_releasable(node)
            free_node(connection, node)
        remove(connection, allocation.id)
        seen.append(allocation.id)


def check_releasable(node):
    """Refuse to take an allocation from a node with a workload.

    :param node: row of the node
    :raises: NodeInUse
    """
    if node.maintenance or node.instance_uuid is None:
        return
    if node.provision_state not in RELEASABLE:
        raise exception.NodeInUse(node=node.uuid, state=node.provision_state)


def free_node(connection, node, **values):
    """Take instance, allocation and instance traits from a locked node.

    :param node: row of the node
    :param values: other columns to change
    """
    info = dict(values.pop('instance_info', node.instance_info))
    info.pop('traits', None)
    connection.execute(sa.update(_node).where(_node.c.id == node.id).values(
        instance_uuid=None, allocation_id=None, instance_info=info,
        updated_at=types.utcnow(), **values))


def remove(connection, allocation_id):
    """Remove the row of a locked allocation whose node is free."""
    connection.execute(sa.delete(_allocation).where(
        _allocation.c.id == allocation_id))
