# SPDX-License-Identifier: Apache-2.0
"""What an operator gives up: a backend, or a write that never gets done."""

import sqlalchemy as sa

from allocator.common import states
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import models
from allocator.db import releases
from allocator.db import session
from allocator.db import types
from allocator.db import waiters

_allocation = models.Allocation.__table__
_backend = models.Backend.__table__
_node = models.Node.__table__
_write = models.BackendWrite.__table__

# Nodes of one transaction.
BATCH = 500


def remove(name):
    """Forget a backend, its nodes and its allocations.

    :returns: number of nodes and number of allocations
    :raises: BackendNotFound
    """
    row = backends.get_row(name)
    nodes = allocations = 0
    while True:
        removed, ended = _remove_nodes(row.id)
        nodes += removed
        allocations += ended
        if removed < BATCH:
            break
    _remove_row(row.id)
    return nodes, allocations


@session.retried
def _remove_nodes(backend_id):
    with session.writer() as connection:
        rows = connection.execute(
            sa.select(_node.c.id, _node.c.allocation_id).where(
                _node.c.backend_id == backend_id).limit(BATCH)).all()
        ended = [row.allocation_id for row in rows if row.allocation_id]
        if ended:
            connection.execute(
                sa.select(_allocation.c.id).where(_allocation.c.id.in_(ended))
                .order_by(_allocation.c.id).with_for_update())
        connection.execute(sa.delete(_node).where(
            _node.c.id.in_([row.id for row in rows])))
        connection.execute(sa.delete(_allocation).where(
            _allocation.c.id.in_(ended)))
        return len(rows), len(ended)


@session.retried
def _remove_row(backend_id):
    with session.writer() as connection:
        connection.execute(sa.delete(_write).where(
            _write.c.backend_id == backend_id))
        connection.execute(sa.delete(_backend).where(
            _backend.c.id == backend_id))


@session.retried
def retry_write(uuid):
    """Have a write tried at once.

    :param uuid: UUID of its allocation
    :returns: number of open rows
    """
    with session.writer() as connection:
        return connection.execute(
            sa.update(_write).where(_write.c.uuid == uuid,
                                    _write.c.finished_at.is_(None))
            .values(due_at=types.utcnow(), lease=None,
                    leased_until=None)).rowcount


def forget_write(uuid):
    """Give a write up, and have its allocation, if any, start anew.

    :param uuid: UUID of its allocation
    :returns: number of open rows
    """
    return sum(_forget(row) for row in _list_open(uuid))


@session.retried
def _list_open(uuid):
    with session.reader() as connection:
        return backend_writes.get_open(connection, [uuid])


@session.retried
def _forget(row):
    """Give a write up, unless it has ended since it was read.

    :returns: whether it was open
    """
    with session.writer() as connection:
        allocation = connection.execute(
            sa.select(_allocation)
            .where(_allocation.c.id == row.allocation_id)
            .with_for_update()).first()
        node = connection.execute(
            sa.select(_node).where(_node.c.id == row.node_id)
            .with_for_update()).first()
        if not backend_writes.withdraw_open(connection, row):
            return False
        if (allocation is not None and allocation.node_id == row.node_id
                and allocation.state == states.CONFIRMING):
            waiters.put_back(connection, allocation)
        # What a backfill is for has its instance of somebody else.
        if node is not None and node.instance_uuid == row.uuid and (
                row.wants != backend_writes.BACKFILL):
            releases.free_node(connection, node,
                               generation=_node.c.generation + 1)
        return True
