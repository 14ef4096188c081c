# SPDX-License-Identifier: Apache-2.0
"""Pending allocations: how many somebody is to decide on, and since when.

There are as many as the conductors are behind, so their rows may be read.
"""

import sqlalchemy as sa

from allocator.common import states
from allocator.db import models
from allocator.db import session
from allocator.db import starts
from allocator.db import types

_allocation = models.Allocation.__table__


@session.retried
def oldest_seconds():
    """Tell how old the oldest allocation is that a conductor is to decide on.

    :returns: seconds by the database's clock, 0 without one
    """
    with session.reader() as connection:
        # That with the smallest id: a step of the index, however many
        # there are.
        row = connection.execute(starts.hint(
            sa.select(types.utcnow().label('now'), _allocation.c.created_at)
            .where(_allocation.c.state == states.ALLOCATING)
            .order_by(_allocation.c.id).limit(1),
            _allocation, 'allocations_state_idx')).first()
    if row is None:
        return 0.0
    return max(0.0, (row.now - row.created_at).total_seconds())


@session.retried
def count_by_class():
    """Count the allocations that a conductor is to decide on.

    :returns: dict of numbers by resource class
    """
    with session.reader() as connection:
        return {name: count for name, count in connection.execute(
            starts.hint(
                sa.select(_allocation.c.resource_class, sa.func.count())
                .where(_allocation.c.state == states.ALLOCATING)
                .group_by(_allocation.c.resource_class),
                _allocation, 'allocations_state_idx')).all()}


@session.retried
def count_confirming():
    """Count the allocations whose backend has yet to confirm their node."""
    with session.reader() as connection:
        return connection.execute(
            sa.select(sa.func.count()).where(
                _allocation.c.state == states.CONFIRMING)).scalar_one()
