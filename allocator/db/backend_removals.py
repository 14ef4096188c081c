# SPDX-License-Identifier: Apache-2.0
"""What an operator gives up: a backend, or a write that never gets done.

Nobody writes to a backend that has been taken out of the configuration, so its
claims that were not confirmed go on to other nodes.
"""

import datetime

import sqlalchemy as sa

from allocator.common import states
from allocator.conf import CONF
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import confirmations
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


class Held(Exception):
    """A process mirrors the backend still, or did a moment ago."""


class WritesOpen(Exception):
    """Something is wanted at the backend that is not done yet."""


def remove(name, is_forced=False):
    """Forget a backend, its nodes and its allocations.

    :param is_forced: whether what is not done there yet is forgotten, too
    :returns: number of nodes and number of allocations
    :raises: BackendNotFound, Held, WritesOpen
    """
    row = backends.get_row(name)
    nodes = allocations = 0
    while True:
        met, removed, ended = _remove_nodes(row.id, is_forced)
        nodes += removed
        allocations += ended
        if not met:
            break
    _remove_row(row.id, is_forced)
    return nodes, allocations


def _lock_unused(connection, backend_id, is_forced):
    """Lock the row of a backend that nobody uses any more.

    Another process may have it configured, whatever this one has, and would
    enter its nodes anew.

    :raises: Held, WritesOpen
    """
    if connection.execute(
            sa.select(_backend.c.held_until > types.utcnow()).where(
                _backend.c.id == backend_id).with_for_update()).scalar():
        raise Held()
    if not is_forced and connection.execute(
            sa.select(_write.c.id).where(
                _write.c.backend_id == backend_id,
                _write.c.finished_at.is_(None)).limit(1)).first():
        raise WritesOpen()


@session.retried
def _remove_nodes(backend_id, is_forced):
    """Remove some nodes and their allocations.

    :returns: number of nodes that were met, of those that were removed, and
        of allocations
    """
    with session.writer() as connection:
        _lock_unused(connection, backend_id, is_forced)
        met = dict(connection.execute(
            sa.select(_node.c.id, _node.c.allocation_id).where(
                _node.c.backend_id == backend_id).limit(BATCH)).all())
        allocations = {row.id: row for row in connection.execute(
            sa.select(_allocation).where(_allocation.c.id.in_(
                [id_ for id_ in met.values() if id_]))
            .order_by(_allocation.c.id).with_for_update())}
        # One that was claimed before it was locked is met again.
        nodes = [row for row in connection.execute(
            sa.select(_node.c.id, _node.c.allocation_id).where(
                _node.c.id.in_(list(met))).order_by(_node.c.id)
            .with_for_update())
            if row.allocation_id is None or row.allocation_id in allocations]
        connection.execute(sa.delete(_node).where(
            _node.c.id.in_([row.id for row in nodes])))
        return len(met), len(nodes), _end(connection, [
            allocations[row.allocation_id] for row in nodes
            if row.allocation_id])


def _end(connection, allocations):
    """End the allocations of nodes that are forgotten.

    :param allocations: their locked rows
    :returns: number of those that have ended
    """
    ended = []
    for row in allocations:
        if row.state == states.CONFIRMING:
            # It was never given what is forgotten here.
            waiters.put_back(connection, row)
        else:
            ended.append(row.id)
    connection.execute(sa.delete(_allocation).where(
        _allocation.c.id.in_(ended)))
    return len(ended)


@session.retried
def _remove_row(backend_id, is_forced):
    with session.writer() as connection:
        _lock_unused(connection, backend_id, is_forced)
        connection.execute(sa.delete(_write).where(
            _write.c.backend_id == backend_id))
        connection.execute(sa.delete(_backend).where(
            _backend.c.id == backend_id))


def go_elsewhere():
    """Put allocations back whose claims nobody brings about any more.

    That is once patience is over, as while the backend was silent, and while
    nobody mirrors it: another process may have it configured still.

    :returns: list of the UUIDs of those that go on to other nodes
    """
    return [row.uuid for row in _list_abandoned()
            if _put_back(row, session.Attempts())]


@session.retried
def _list_abandoned():
    with session.reader() as connection:
        now = connection.execute(sa.select(types.utcnow())).scalar()
        begun = now - datetime.timedelta(
            seconds=CONF.conductor.backend_patience)
        return connection.execute(
            sa.select(_write).join(
                _backend, _backend.c.id == _write.c.backend_id).where(
                _backend.c.name.not_in(backends.names()),
                sa.or_(_backend.c.held_until.is_(None),
                       _backend.c.held_until < now),
                _write.c.finished_at.is_(None),
                _write.c.wants == backend_writes.CLAIM,
                sa.func.coalesce(_write.c.sent_at, _write.c.created_at)
                < begun)).all()


@session.retried
def _put_back(row, attempts):
    """Put an allocation back whose claim nobody brings about.

    The node of one that may have been sent stays taken, and its write open.

    :param row: row of the write, not locked
    :param attempts: session.Attempts; whether one before put it back
    :returns: whether it is in the queue again
    """
    with session.writer() as connection:
        if attempts.last and _has_changed(connection, row):
            return True
        allocation, node = confirmations.lock_claim(connection, row)
        if row.sent_at is None:
            if not backend_writes.withdraw_open(connection, row,
                                                is_unsent=True):
                return False
            if node is not None:
                releases.free_node(connection, node,
                                   generation=_node.c.generation + 1)
        else:
            if not backend_writes.withdraw(connection, row):
                return False
            if node is not None:
                connection.execute(
                    sa.update(_node).where(_node.c.id == node.id).values(
                        allocation_id=None,
                        generation=_node.c.generation + 1))
        if allocation is not None:
            waiters.put_back(connection, allocation)
        attempts.note(allocation is not None)
        return allocation is not None


def _has_changed(connection, row):
    """Tell whether something else is wanted than by a row as it was read."""
    return connection.execute(sa.select(_write.c.id).where(
        _write.c.id == row.id, _write.c.attempt != row.attempt)
    ).first() is not None


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
        allocation, node = confirmations.lock_claim(connection, row)
        if not backend_writes.withdraw_open(connection, row):
            return False
        if allocation is not None:
            waiters.put_back(connection, allocation)
        # What a backfill is for has its instance of somebody else.
        if node is not None and row.wants != backend_writes.BACKFILL:
            releases.free_node(connection, node,
                               generation=_node.c.generation + 1)
        return True
