# SPDX-License-Identifier: Apache-2.0
"""The release: an allocation ends and its node is free, in one transaction.

Locks are taken in the order allocation, node everywhere, so two releases
(of the allocation, of the node) and a claim never wait for each other in a
circle.
"""

import dataclasses

import sqlalchemy as sa

from allocator.common import exception
from allocator.common import states
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import models
from allocator.db import session
from allocator.db import types
from allocator.db import waiters

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Provision states in which a node has no workload: its allocation may go.
RELEASABLE = (states.AVAILABLE, states.ENROLL, states.MANAGEABLE)

# Built once, for to build them takes as long as to send them; of a node with
# its fifty columns only what is needed is read.
_LOCK = sa.select(_allocation).where(
    _allocation.c.uuid == sa.bindparam('uuid')).with_for_update()
_LOCK_NODE = sa.select(
    _node.c.id, _node.c.uuid, _node.c.backend_id, _node.c.provision_state,
    _node.c.maintenance, _node.c.instance_uuid, _node.c.instance_info).where(
    _node.c.allocation_id == sa.bindparam('allocation_id')).with_for_update()
_FREE = sa.update(_node).where(_node.c.id == sa.bindparam('node_id')).values(
    instance_uuid=None, allocation_id=None,
    instance_info=sa.bindparam('info'), updated_at=types.utcnow())
_REMOVE = sa.delete(_allocation).where(
    _allocation.c.id == sa.bindparam('allocation_id'))


@dataclasses.dataclass(frozen=True)
class Release:
    """What has become of the node of an allocation that was deleted.

    :ivar node_uuid: UUID of the node, None if it had none
    :ivar backend_id: id of the backend that has yet to release it, or None
    """

    node_uuid: str | None = None
    backend_id: int | None = None


def delete_allocation(uuid, seen=None, request_id=None):
    """Delete an allocation and free its node.

    :param uuid: UUID of the allocation
    :param seen: row of the allocation that is meant; another one may have
        the UUID by now
    :param request_id: global request id of whom it is for
    :returns: Release
    :raises: AllocationNotFound, NodeInUse, BackendRemoved
    """
    return _delete_allocation(uuid, seen, request_id, session.Attempts())


@session.retried
def _delete_allocation(uuid, seen, request_id, attempts):
    """Delete an allocation.

    :param attempts: session.Attempts; whether one before deleted it
    """
    with session.writer() as connection:
        # Waits for a claim that is just being made; it takes milliseconds.
        allocation = connection.execute(_LOCK, {'uuid': uuid}).first()
        if allocation is None or (
                seen is not None and not allocations.is_same(allocation,
                                                             seen)):
            if attempts.last:
                return attempts.last[1]
            raise exception.AllocationNotFound(allocation=uuid)
        node = connection.execute(
            _LOCK_NODE, {'allocation_id': allocation.id}).first()
        release = Release()
        if node is not None:
            check_releasable(node)
            release = Release(node.uuid)
            if node.backend_id == models.OWN:
                free_node(connection, node)
            elif backend_writes.withdraw_unsent(
                    connection, node.backend_id, uuid):
                free_node(connection, node,
                          generation=_node.c.generation + 1)
            else:
                if allocation.state == states.ALLOCATED:
                    backends.check_configured(node)
                release = Release(node.uuid, node.backend_id)
                _release_there(connection, allocation, node, request_id)
        if waiters.has_waited(allocation):
            waiters.leave(connection, [allocation.id])
        remove(connection, allocation.id)
        attempts.note((allocation.id, release))
        return release


def _release_there(connection, allocation, node, request_id):
    """Have a backend release a node, which stays taken until it has."""
    request = backend_writes.request_of(
        allocation, may_come_back=allocation.state == states.ALLOCATED)
    backend_writes.want(connection, backend_writes.RELEASE, node,
                        allocation._mapping, request, request_id)
    connection.execute(
        sa.update(_node).where(_node.c.id == node.id).values(
            allocation_id=None, generation=_node.c.generation + 1,
            updated_at=types.utcnow()))


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
    connection.execute(_FREE.values(**values) if values else _FREE,
                       {'node_id': node.id, 'info': info})


def remove(connection, allocation_id):
    """Remove the row of a locked allocation whose node is free."""
    connection.execute(_REMOVE, {'allocation_id': allocation_id})
