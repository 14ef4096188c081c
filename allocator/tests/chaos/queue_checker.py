# SPDX-License-Identifier: Apache-2.0
"""The checker of those that wait.

1. None fails before its deadline, none is undecided a sweep after it.
2. Of two that ask for the same, the one whose place is before is not passed
   over.
3. No node is free for longer than a sweep beside one that waits and that it
   suits.
"""

import datetime
import time

import sqlalchemy as sa

from allocator.common import states
from allocator.db import models
from allocator.db import types
from allocator.tests.chaos import checker
from allocator.tests.chaos import queue_load

_allocation = models.Allocation.__table__
_member = models.TraitSetMember.__table__
_node = models.Node.__table__
_waiter = models.Waiter.__table__

# Seconds by which a failure's time may be before the deadline: the columns
# of MariaDB end at microseconds, and a second is told by no clock better.
ROUNDING = datetime.timedelta(seconds=0.01)


# So long one transaction may take while the database is slow: whoever came
# after its beginning has no place before those whom it serves.
TRANSACTION = datetime.timedelta(seconds=10)


def place(row):
    """Tell the place of an allocation in the queue."""
    return -(row.priority or 0), row.id


def passed_over(before, after, is_certain):
    """List those that were passed over between two looks.

    :param before: dict of rows of allocations by UUID, at the first look
    :param after: the same at the second look
    :param is_certain: function that tells of a UUID whether nobody had a
        hand on it meanwhile
    :returns: list of (row of one that waits, row of the one served)
    """
    waiting = [row for uuid, row in after.items()
               if row.state == states.WAITING and is_certain(uuid)
               and uuid in before and before[uuid].state == states.WAITING]
    served = [row for uuid, row in after.items()
              if row.state == states.ALLOCATED and is_certain(uuid)
              and (uuid not in before
                   or before[uuid].state == states.WAITING)]
    return [(waits, other) for other in served for waits in waiting
            if place(waits) < place(other)
            and waits.created_at + TRANSACTION < other.updated_at
            and sorted(waits.traits) == sorted(other.traits)]


def too_early(row):
    """Tell whether an allocation failed before its deadline."""
    return (row.state == states.ERROR and row.wait_timeout is not None
            and row.updated_at + ROUNDING < row.created_at
            + datetime.timedelta(seconds=row.wait_timeout))


def idle(free, waiting):
    """List nodes that are free although somebody waits whom they suit.

    :param free: dict of sets of traits by node UUID
    :param waiting: rows of those that wait
    :returns: set of node UUIDs
    """
    return {node for node, traits in free.items()
            if any(traits.issuperset(row.traits) for row in waiting)}


class QueueChecker(checker.Checker):
    """Looks at those that wait, too."""

    def __init__(self, *args):
        super().__init__(*args)
        self._before = {}

    def sample(self):
        found = super().sample()
        with self._engine.connect() as connection:
            rows = {row.uuid: row for row in connection.execute(
                sa.select(_allocation).where(
                    _allocation.c.resource_class == queue_load.AWAITED))}
        for waits, other in passed_over(self._before, rows, self._is_certain):
            self._violate('Allocation %s, which waits, was passed over for '
                          '%s' % (waits.uuid, other.uuid))
        for row in rows.values():
            if too_early(row):
                self._violate('Allocation %s failed before its deadline: %s'
                              % (row.uuid, row.last_error))
        self._before = rows
        return found

    def _is_certain(self, uuid):
        record = self._ledger.records[uuid]
        return record.deleted is None and not record.is_touched

    def _pending(self):
        with self._engine.connect() as connection:
            now = connection.execute(sa.select(types.utcnow())).scalar()
            in_time = set(connection.execute(
                sa.select(_allocation.c.uuid).join(
                    _waiter,
                    _waiter.c.allocation_id == _allocation.c.id).where(
                    _waiter.c.is_waiting == sa.true(),
                    _waiter.c.deadline > now)).scalars())
        return super()._pending() - in_time

    def check_settled(self):
        super().check_settled()
        idle_nodes = self._idle()
        deadline = time.monotonic() + self._settle
        while idle_nodes and time.monotonic() < deadline:
            time.sleep(0.1)
            idle_nodes &= self._idle()
        for node in idle_nodes:
            self._violate('Node %s is free, and somebody waits whom it suits'
                          % node)

    def _idle(self):
        with self._engine.connect() as connection:
            free = {row.uuid: (row.trait_set_id) for row in connection.execute(
                sa.select(_node.c.uuid, _node.c.trait_set_id).where(
                    _node.c.resource_class == queue_load.AWAITED,
                    _node.c.free == models.OWN_FREE))}
            traits = {}
            for row in connection.execute(sa.select(_member)):
                traits.setdefault(row.trait_set_id, set()).add(row.trait)
            waiting = connection.execute(sa.select(_allocation).where(
                _allocation.c.resource_class == queue_load.AWAITED,
                _allocation.c.state == states.WAITING)).all()
        return idle({uuid: traits.get(set_id, set())
                     for uuid, set_id in free.items()}, waiting)

    def check_end(self):
        # Who waits may wait for longer than anybody looks.
        self._end_waiting()
        super().check_end()

    def _end_waiting(self):
        with self._engine.begin() as connection:
            connection.execute(sa.update(_waiter).values(
                deadline=types.utcnow()))
            connection.execute(sa.update(_allocation).where(
                _allocation.c.state == states.WAITING).values(
                wait_timeout=0))
        super().check_settled()
