# SPDX-License-Identifier: Apache-2.0
"""The queue of a class: who waits in it, and what they ask for.

Waiting rows are not walked: they are told by their demands, of each of which
only the best ones are read.
"""

import collections

import sqlalchemy as sa

from allocator.db import legible
from allocator.db import models
from allocator.db import starts
from allocator.db import suitability
from allocator.db import waiters

_candidate = models.WaiterCandidate.__table__
_node = models.Node.__table__
_queue = models.Queue.__table__
_waiter = models.Waiter.__table__

# Waiters of one demand that are read at once.
AHEAD = 64

# So many new demands are looked up one by one, and so many of more at once.
FEW_DEMANDS = 50
CHUNK = 500

# Demands of which it is remembered what they ask for.
REMEMBERED = 20000

_demanded: dict[str, suitability.Requirement] = {}


def _remember(demand, requirement):
    """Remember what a demand asks for, which its name decides."""
    if len(_demanded) >= REMEMBERED:
        _demanded.clear()
    _demanded[demand] = requirement


def lock(connection, resource_class):
    """Become the one that serves a class, until the transaction ends.

    :param connection: a database connection
    :param resource_class: the class
    :returns: whether nobody else does
    """
    found = connection.execute(
        sa.select(_queue.c.resource_class).where(
            _queue.c.resource_class == resource_class)
        .with_for_update(skip_locked=True)).first()
    if found is None:
        return False
    # Galera compares what two servers have written, not what they locked.
    connection.execute(
        sa.update(_queue).where(_queue.c.resource_class == resource_class)
        .values(served=_queue.c.served + 1))
    return True


class ClassQueue:
    """Those that wait in a class, as one transaction reads them.

    :param connection: a database connection
    :param resource_class: the class
    :param columns: columns to read of the allocations
    :ivar unreadable: ids of waiters that were met and cannot be read
    """

    def __init__(self, connection, resource_class, columns):
        self._connection = connection
        self._class = resource_class
        self._columns = columns
        self.unreadable: set[int] = set()

    def demands(self):
        """List the demands of those that wait, however many have each.

        :returns: list of demands
        """
        waits = [_waiter.c.is_waiting == sa.true(),
                 _waiter.c.resource_class == self._class]
        if self._connection.dialect.name == 'postgresql':
            found = self._connection.execute(_skipping(waits))
        else:
            # MySQL and MariaDB step through the index if these columns,
            # with which it begins, are all grouped by.
            key = (_waiter.c.is_waiting, _waiter.c.resource_class,
                   _waiter.c.demand)
            found = self._connection.execute(starts.hint(
                sa.select(*key).where(*waits).group_by(*key),
                _waiter, 'waiters_demand_idx'))
        return [demand for demand in found.scalars('demand')
                if demand not in (None, waiters.OF_CANDIDATES)]

    def requirements(self, demands, skip=()):
        """Find out what demands ask for.

        :param demands: list of demands
        :param skip: ids of waiters not to be asked
        :returns: dict of suitability.Requirement by demand, without those of
            which nobody could be read
        """
        found = {demand: requirement for demand in demands
                 if (requirement := _demanded.get(demand)) is not None}
        for requirement in self._learn([demand for demand in demands
                                        if demand not in found], skip):
            demand = waiters.demand_of(requirement)
            _remember(demand, requirement)
            found[demand] = requirement
        return found

    def _learn(self, demands, skip):
        """Read what demands ask for, from one of those that have each.

        :returns: iterator of suitability.Requirement
        """
        ids: list[int] = []
        if len(demands) <= FEW_DEMANDS:
            for demand in demands:
                ids += [id_ for _rank, id_ in self.ahead(demand, skip)][:1]
        else:
            # Each has few waiters, or it is done but once.
            for start in range(0, len(demands), CHUNK):
                ids += self._connection.execute(
                    sa.select(sa.func.min(_waiter.c.allocation_id)).where(
                        _waiter.c.is_waiting == sa.true(),
                        _waiter.c.resource_class == self._class,
                        _waiter.c.demand.in_(demands[start:start + CHUNK]),
                        *([_waiter.c.allocation_id.not_in(skip)] if skip
                          else ()))
                    .group_by(_waiter.c.demand)).scalars()
        for start in range(0, len(ids), CHUNK):
            for row in self.read(sa.select(*self._columns),
                                 ids[start:start + CHUNK]):
                yield suitability.requirement_of(row)

    def read(self, query, ids):
        """Read allocations, except for those that cannot be read.

        :param query: select of allocations
        :param ids: their ids
        :returns: list of rows
        """
        rows, broken = legible.read(self._connection, query, ids)
        self.unreadable |= broken
        return rows

    def ahead(self, demand, skip, after=None):
        """Read the next of those with the same demand.

        :param demand: the demand
        :param skip: ids of those to be passed over
        :param after: place after which to begin
        :returns: deque of places
        """
        query = sa.select(_waiter.c.queue_rank, _waiter.c.allocation_id).where(
            _waiter.c.is_waiting == sa.true(),
            _waiter.c.resource_class == self._class,
            _waiter.c.demand == demand)
        return self._places(query, skip, after)

    def _places(self, query, skip, after):
        query = query.order_by(
            _waiter.c.queue_rank, _waiter.c.allocation_id).limit(AHEAD)
        if skip:
            query = query.where(_waiter.c.allocation_id.not_in(skip))
        if after is not None:
            rank, id_ = after
            query = query.where(
                (_waiter.c.queue_rank > rank)
                | ((_waiter.c.queue_rank == rank)
                   & (_waiter.c.allocation_id > id_)))
        return collections.deque(
            tuple(row) for row in self._connection.execute(query).all())

    def naming(self, nodes, skip, after=None):
        """Read the next of those that name free nodes.

        :param nodes: UUIDs of the free nodes; None for whichever is free
        :param skip: ids of those to be passed over
        :param after: place after which to begin
        :returns: deque of places
        """
        query = sa.select(_waiter.c.queue_rank, _waiter.c.allocation_id).join(
            _candidate,
            _candidate.c.allocation_id == _waiter.c.allocation_id).where(
            _waiter.c.is_waiting == sa.true(),
            _waiter.c.resource_class == self._class)
        if nodes is None:
            query = query.join(
                _node, _node.c.uuid == _candidate.c.node_uuid).where(
                _node.c.free != 0)
        else:
            query = query.where(_candidate.c.node_uuid.in_(nodes))
        return self._places(query.distinct(), skip, after)


def _skipping(waits):
    """Build a query that steps from one demand to the next.

    PostgreSQL would read the whole index for the few values that there are.

    :param waits: conditions on those that wait
    """
    found = sa.select(_waiter.c.demand).where(*waits).order_by(
        _waiter.c.demand).limit(1).cte('found', recursive=True)
    following = sa.select(_waiter.c.demand).where(
        *waits, _waiter.c.demand > found.c.demand).order_by(
        _waiter.c.demand).limit(1).scalar_subquery()
    found = found.union_all(
        sa.select(following).where(found.c.demand.is_not(None)))
    return sa.select(found.c.demand)
