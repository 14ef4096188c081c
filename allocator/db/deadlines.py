# SPDX-License-Identifier: Apache-2.0
"""Deadlines: an allocation that has waited for long enough fails.

The claim that is open for it at a backend is given back: what is wanted there
from then on is nothing.
"""

import sqlalchemy as sa

from allocator.common import states
from allocator.db import backend_writes
from allocator.db import claims
from allocator.db import legible
from allocator.db import models
from allocator.db import releases
from allocator.db import session
from allocator.db import starts
from allocator.db import types
from allocator.db import waiters

_allocation = models.Allocation.__table__
_node = models.Node.__table__
_waiter = models.Waiter.__table__


@session.retried
def next_in():
    """Tell when the next deadline is.

    :returns: seconds from now by the database's clock, less than 0 if it is
        over; None if nobody waits
    """
    with session.reader() as connection:
        row = connection.execute(starts.hint(
            sa.select(types.utcnow().label('now'), _waiter.c.deadline)
            .order_by(_waiter.c.deadline).limit(1),
            _waiter, 'waiters_deadline_idx')).first()
    return (row.deadline - row.now).total_seconds() if row else None


@session.retried
def list_over(limit, after=None):
    """List the allocations whose deadline is over.

    :param limit: greatest number of them
    :param after: one of them, after which to go on, or None
    :returns: list of rows with ``allocation_id`` and ``deadline``, the
        earliest first
    """
    query = sa.select(_waiter.c.allocation_id, _waiter.c.deadline).order_by(
        _waiter.c.deadline, _waiter.c.allocation_id).limit(limit)
    if after is not None:
        query = query.where(
            (_waiter.c.deadline > after.deadline)
            | ((_waiter.c.deadline == after.deadline)
               & (_waiter.c.allocation_id > after.allocation_id)))
    with session.reader() as connection:
        # PostgreSQL reads its clock for each row, and no index by it.
        now = connection.execute(sa.select(types.utcnow())).scalar()
        return connection.execute(starts.hint(
            query.where(_waiter.c.deadline <= now), _waiter,
            'waiters_deadline_idx')).all()


@session.retried
def read(ids):
    """Read allocations whose deadline is over.

    :param ids: their ids
    :returns: list of rows, and set of the ids of those that are broken
    """
    with session.reader() as connection:
        return legible.read(connection, sa.select(_allocation), ids)


def fail(reasons):
    """Turn allocations to ``error`` whose deadline is over.

    One that has left the queue, and did not leave this table with it, leaves
    it now: its deadline would be over for ever.

    :param reasons: dict of why an allocation fails, by its id
    :returns: list of claims.Failure
    """
    return _fail(reasons, session.Attempts())


@session.retried
def _fail(reasons, attempts):
    """Turn allocations to ``error``.

    :param attempts: session.Attempts, of the list of claims.Failure
    """
    with session.writer() as connection:
        if attempts.last and _is_any_written(connection, attempts.last):
            return attempts.last
        found = connection.execute(starts.lock(
            sa.select(_allocation).join(
                _waiter, _waiter.c.allocation_id == _allocation.c.id).where(
                _allocation.c.id.in_(reasons),
                # Somebody may have put it off.
                _waiter.c.deadline <= types.utcnow())
            .order_by(_allocation.c.id), _allocation, 'PRIMARY')).all()
        rows = [row for row in found
                if row.state in (states.WAITING, states.CONFIRMING)]
        for row in rows:
            if row.state == states.CONFIRMING:
                _give_back(connection, row)
        if found:
            waiters.leave(connection, [row.id for row in found])
        failures = claims.write_failures(connection, rows, reasons)
        attempts.note(failures)
        return failures


def _is_any_written(connection, failures):
    """Tell whether an attempt whose COMMIT nobody acknowledged did it.

    One of them tells it of all: the others may have been deleted since.
    """
    known = {(failure.allocation.id, failure.allocation.uuid, failure.reason)
             for failure in failures}
    return not known.isdisjoint(tuple(row) for row in connection.execute(
        sa.select(_allocation.c.id, _allocation.c.uuid,
                  _allocation.c.last_error).where(
            _allocation.c.id.in_([id_ for id_, _uuid, _reason in known]),
            _allocation.c.state == states.ERROR)))


def _give_back(connection, allocation):
    """Have a backend release the node that was asked of it."""
    node = connection.execute(
        sa.select(_node).where(_node.c.allocation_id == allocation.id)
        .with_for_update()).first()
    connection.execute(
        sa.update(_allocation).where(_allocation.c.id == allocation.id)
        .values(node_id=None))
    if node is None:
        return
    if backend_writes.withdraw_unsent(connection, node.backend_id,
                                      allocation.uuid):
        releases.free_node(connection, node,
                           generation=_node.c.generation + 1)
        return
    backend_writes.want(connection, backend_writes.RELEASE, node,
                        allocation._mapping,
                        backend_writes.request_of(allocation),
                        allocation.request_id)
    connection.execute(
        sa.update(_node).where(_node.c.id == node.id).values(
            allocation_id=None, generation=_node.c.generation + 1,
            updated_at=types.utcnow()))
