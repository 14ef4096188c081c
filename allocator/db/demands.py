# SPDX-License-Identifier: Apache-2.0
"""Demands: what most of those that wait ask for, and why none suits them."""

import dataclasses

import sqlalchemy as sa

from allocator.db import models
from allocator.db import reasons
from allocator.db import session
from allocator.db import starts
from allocator.db import suitability
from allocator.db import waiters

_allocation = models.Allocation.__table__
_waiter = models.Waiter.__table__

# No two of these need ask for the same, so no reason is that of all.
NAMED = 'Each names candidates of its own.'


@dataclasses.dataclass(frozen=True)
class Demand:
    """What some of those that wait ask for.

    :ivar resource_class: their resource class
    :ivar count: how many they are
    :ivar reason: a sentence: why nothing suits them
    """

    resource_class: str
    count: int
    reason: str


def commonest(limit):
    """Tell why most of those that wait do so.

    For each demand the nodes of its class are counted, unless this process
    has just done it: not to be asked for many, nor often.

    :param limit: greatest number of demands
    :returns: list of Demand, that of the most first
    """
    found = []
    for row in _counted(limit):
        if row.demand == waiters.OF_CANDIDATES:
            reason = NAMED
        else:
            first = _first(row)
            if first is None:
                # They have been served since.
                continue
            reason = reasons.of(suitability.requirement_of(first))
        found.append(Demand(row.resource_class, row.number, reason))
    return found


@session.retried
def _counted(limit):
    number = sa.func.count().label('number')
    kind = (_waiter.c.resource_class, _waiter.c.demand)
    query = sa.select(*kind, number).where(
        _waiter.c.is_waiting == sa.true()).group_by(*kind).order_by(
        number.desc(), *kind).limit(limit)
    with session.reader() as connection:
        return connection.execute(starts.hint(
            query, _waiter, 'waiters_demand_idx')).all()


@session.retried
def _first(counted):
    query = sa.select(_waiter.c.allocation_id).where(
        _waiter.c.is_waiting == sa.true(),
        _waiter.c.resource_class == counted.resource_class,
        _waiter.c.demand == counted.demand).order_by(
        _waiter.c.queue_rank, _waiter.c.allocation_id).limit(1)
    with session.reader() as connection:
        id_ = connection.execute(starts.hint(
            query, _waiter, 'waiters_demand_idx')).scalar()
        return connection.execute(sa.select(_allocation).where(
            _allocation.c.id == id_)).first()
