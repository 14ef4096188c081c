# SPDX-License-Identifier: Apache-2.0
"""The purge: removes allocations that failed long ago."""

import datetime

import sqlalchemy as sa

from allocator.common import states
from allocator.db import models
from allocator.db import session
from allocator.db import starts
from allocator.db import types

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Allocations that one transaction removes.
BATCH = 500


@session.retried
def before(days):
    """Tell which time is some days ago, by the database's clock.

    :param days: number of days
    :returns: datetime.datetime, in UTC
    """
    with session.reader() as connection:
        now = connection.execute(sa.select(types.utcnow())).scalar()
    return now - datetime.timedelta(days=days)


def _failed(time):
    """List the conditions on allocations that are to be removed."""
    return [
        _allocation.c.state == states.ERROR,
        sa.func.coalesce(_allocation.c.updated_at,
                         _allocation.c.created_at) < time,
        # No node has it, or somebody else's mistake would stop the purge.
        ~sa.exists().where(_node.c.allocation_id == _allocation.c.id),
    ]


@session.retried
def count(time):
    """Count the allocations in ``error`` that nobody changed since a time."""
    with session.reader() as connection:
        return connection.execute(
            sa.select(sa.func.count()).select_from(_allocation).where(
                *_failed(time))).scalar_one()


@session.retried
def remove(time, limit, after_id=0):
    """Remove some allocations in ``error`` that nobody changed since a time.

    Those that somebody has locked are left for another time.

    :param time: the time
    :param limit: greatest number of them
    :param after_id: id of the allocation after which to begin
    :returns: their number, and the id after which to go on; None at the end
    """
    with session.writer() as connection:
        # Without locks first: most of those it reads may be too young.
        ids = connection.execute(
            sa.select(_allocation.c.id).where(
                _allocation.c.id > after_id, *_failed(time))
            .order_by(_allocation.c.id).limit(limit)).scalars().all()
        if not ids:
            return 0, None
        locked = connection.execute(starts.lock(
            sa.select(_allocation.c.id).where(
                _allocation.c.id.in_(ids), *_failed(time)),
            _allocation, 'PRIMARY')).scalars().all()
        if locked:
            connection.execute(sa.delete(_allocation).where(
                _allocation.c.id.in_(locked)))
        return len(locked), ids[-1]
