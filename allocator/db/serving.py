# SPDX-License-Identifier: Apache-2.0
"""Serving: those that wait in a class get nodes in their order.

Priority comes first, then age, among those whom a node suits; who asks for
something rare is not in the way. As long as somebody waits in a class, new
requests take their places in the same order. Waiting rows are not walked: of
each demand only the best ones are read.
"""

import collections
from collections.abc import Callable
import dataclasses
import functools
import heapq

import sqlalchemy as sa

from allocator.common import states
from allocator.db import backends
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import starts
from allocator.db import suitability
from allocator.db import taking
from allocator.db import waiters

_allocation = models.Allocation.__table__
_candidate = models.WaiterCandidate.__table__
_node = models.Node.__table__
_queue = models.Queue.__table__
_waiter = models.Waiter.__table__

# Free nodes of a class that are read to see which demands they can suit. With
# more, each demand is looked at by itself.
FEW_FREE = 1000

# Waiters of one demand that are read at once.
AHEAD = 64

# In one transaction, those whom a demand's free nodes suit, but who leave
# these very nodes out.
MOST_PASSED_OVER = 200

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


def lock_queue(connection, resource_class):
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


@dataclasses.dataclass
class _Line:
    """Some of those that are to be served, in their order.

    :ivar places: places (rank, id) of those that have been read, the best
        first
    :ivar read: function that reads those after a place; None if there are no
        more
    :ivar ask_alike: whether all ask for the same, so that if one gets no
        node none does
    """

    places: collections.deque
    read: Callable | None = None
    ask_alike: bool = True


class Server:
    """Serves one class in one transaction, which has locked its queue.

    :param connection: a database connection
    :param resource_class: the class
    :param search: taking.Search of the transaction
    :param flaws: dict that learns the flaws of nodes
    :param columns: columns to read of the allocations
    """

    def __init__(self, connection, resource_class, search, flaws, columns):
        self._connection = connection
        self._class = resource_class
        self._search = search
        self._flaws = flaws
        self._columns = columns
        # Pending rows, which do not wait, by id.
        self._rows: dict[int, sa.Row] = {}
        self._hopeless: set = set()
        self._lines: list[tuple] = []
        self._passed_over = 0
        self.pairs: list[tuple] = []

    def serve(self, rows, limit, skip=()):
        """Give nodes away until there are none, or nobody is left.

        :param rows: locked rows of pending allocations, which take their
            places
        :param limit: greatest number of nodes
        :param skip: ids of waiters to be passed over
        :returns: list of (row of an allocation, row of its node)
        """
        self._rows = {row.id: row for row in rows}
        for row in rows:
            self._add(_Line(collections.deque([_place_of(row)])))
        free = self._free_nodes()
        if free:
            self._add_waiters(free, skip)
        while self._lines and len(self.pairs) < limit:
            self._serve_first(limit - len(self.pairs))
        return self.pairs

    def _add(self, line):
        if line.places:
            # The count keeps lines from being compared.
            heapq.heappush(self._lines, (line.places[0], id(line), line))

    def _free_nodes(self):
        """Read the free nodes of the class.

        :returns: list of rows, of FEW_FREE nodes at most
        """
        pools = [(_node.c.free == models.OWN_FREE)
                 & (_node.c.backend_id == models.OWN)]
        pools += [(_node.c.free == models.MIRRORED_FREE)
                  & (_node.c.backend_id == id_) & backends.is_not_avoided()
                  for id_ in backends.eligible()]
        found: list[sa.Row] = []
        for pool in pools:
            query = sa.select(
                _node.c.uuid, _node.c.profile_id, _node.c.owner,
                _node.c.lessee).where(
                _node.c.resource_class == self._class, pool).limit(
                FEW_FREE - len(found))
            if self._search.seen:
                query = query.where(_node.c.id.not_in(self._search.seen))
            found += self._connection.execute(starts.hint(
                query, _node, 'nodes_claim_idx')).all()
            if len(found) == FEW_FREE:
                break
        return found

    def _add_waiters(self, free, skip):
        """Add a line for each demand that may be met, and the others."""
        profiles = known_profiles.get()
        if any(profiles.get(node.profile_id) is None for node in free):
            profiles.refresh(self._connection)
        kinds = {(node.profile_id, node.owner, node.lessee) for node in free}
        is_whole = len(free) < FEW_FREE
        demands = self._demands()
        if is_whole:
            self._learn([demand for demand in demands
                         if demand not in _demanded])
        for demand in demands:
            if not is_whole or self._may_suit(demand, kinds):
                read = functools.partial(self._ahead, demand, skip)
                self._add(_Line(read(), read))
        read = functools.partial(self._candidates, free, skip)
        self._add(_Line(read(), read, ask_alike=False))

    def _demands(self):
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

    def _may_suit(self, demand, kinds):
        """Tell whether one of some free nodes suits a demand.

        :param kinds: set of (profile, owner, lessee) of the free nodes
        """
        requirement = _demanded.get(demand)
        if requirement is None:
            # All that had it have just gone.
            return False
        profiles = known_profiles.get()
        for profile_id, *tenants in kinds:
            profile = profiles.get(profile_id)
            if (profile is not None
                    and (requirement.owner is None
                         or requirement.owner in tenants)
                    and known_profiles.suits(requirement, profile)):
                return True
        return False

    def _learn(self, demands):
        """Find out what demands ask for, from one of those that have each."""
        ids: list[int] = []
        if len(demands) <= FEW_DEMANDS:
            for demand in demands:
                ids += [id_ for _rank, id_ in self._ahead(demand, ())][:1]
        else:
            # Each has few waiters, or it is done but once.
            for start in range(0, len(demands), CHUNK):
                ids += self._connection.execute(
                    sa.select(sa.func.min(_waiter.c.allocation_id)).where(
                        _waiter.c.is_waiting == sa.true(),
                        _waiter.c.resource_class == self._class,
                        _waiter.c.demand.in_(demands[start:start + CHUNK]))
                    .group_by(_waiter.c.demand)).scalars()
        for start in range(0, len(ids), CHUNK):
            for row in self._connection.execute(
                    sa.select(*self._columns).where(
                        _allocation.c.id.in_(ids[start:start + CHUNK]))):
                requirement = suitability.requirement_of(row)
                _remember(waiters.demand_of(requirement), requirement)

    def _candidates(self, free, skip, after=None):
        """Read the next of those that name free nodes.

        :param after: place after which to begin
        :returns: deque of places
        """
        query = sa.select(_waiter.c.queue_rank, _waiter.c.allocation_id).join(
            _candidate,
            _candidate.c.allocation_id == _waiter.c.allocation_id).where(
            _waiter.c.is_waiting == sa.true(),
            _waiter.c.resource_class == self._class)
        if len(free) < FEW_FREE:
            query = query.where(
                _candidate.c.node_uuid.in_([node.uuid for node in free]))
        else:
            query = query.join(
                _node, _node.c.uuid == _candidate.c.node_uuid).where(
                _node.c.free != 0)
        return self._places(query.distinct(), skip, after)

    def _ahead(self, demand, skip, after=None):
        """Read the next of those with the same demand.

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

    def _serve_first(self, limit):
        """Serve those of the best line that come before all others."""
        _place, _key, line = heapq.heappop(self._lines)
        following = self._lines[0][0] if self._lines else None
        taken: list[tuple] = []
        while (line.places and len(taken) < limit
               and (following is None or line.places[0] < following)):
            taken.append(line.places.popleft())
        rows = self._lock([id_ for _rank, id_ in taken])
        if line.ask_alike:
            goes_on = self._give(rows)
        else:
            goes_on = True
            for row in rows:
                self._give([row])
        if goes_on:
            if not line.places and line.read is not None:
                line.places = line.read(taken[-1])
            self._add(line)

    def _lock(self, ids):
        """Lock waiters; those that somebody else has locked are left out.

        :returns: list of rows in the order of the ids
        """
        waiting = [id_ for id_ in ids if id_ not in self._rows]
        locked = dict(self._rows)
        if waiting:
            locked |= {row.id: row for row in self._connection.execute(
                starts.lock(sa.select(*self._columns).where(
                    _allocation.c.id.in_(waiting),
                    _allocation.c.state == states.WAITING),
                    _allocation, 'PRIMARY')).all()}
        return [locked[id_] for id_ in ids if id_ in locked]

    def _give(self, rows):
        """Give nodes to some rows of one line, in their order.

        :returns: whether there may be more nodes for the same line
        """
        while rows:
            plain = self._alike(rows)
            if plain:
                nodes = self._take(plain)
            else:
                plain = rows[:1]
                nodes = self._take_sound(functools.partial(
                    taking.take_particular, self._connection, rows[0]), 1)
            self.pairs += zip(plain, nodes, strict=False)
            if len(nodes) < len(plain) and self._is_over(plain[0]):
                return False
            rows = rows[len(plain):]
        return True

    def _is_over(self, row):
        """Tell whether nobody of a line gets a node if one does not.

        Another one of the same demand may leave out other nodes.
        """
        if not suitability.requirement_of(row).excluded:
            return True
        self._passed_over += 1
        return self._passed_over > MOST_PASSED_OVER

    def _alike(self, rows):
        """List those at the beginning that ask for the same.

        :returns: list of rows; empty if the first one prefers some nodes
        """
        names = [row.name for row in rows if row.name is not None]
        namesakes = set()
        if names:
            namesakes.update(self._connection.execute(
                sa.select(_node.c.name).where(
                    _node.c.name.in_(names))).scalars())
        found: list[sa.Row] = []
        for row in rows:
            if row.candidate_nodes or row.name in namesakes or (
                    found and row.constraints != found[0].constraints):
                break
            found.append(row)
        return found

    def _take(self, rows):
        requirement = suitability.requirement_of(rows[0])
        if requirement in self._hopeless:
            return []
        nodes = self._take_sound(functools.partial(
            taking.take, self._connection, requirement), len(rows))
        if len(nodes) < len(rows):
            self._hopeless.add(requirement)
        return nodes

    def _take_sound(self, take, count):
        return taking.take_sound(self._connection, take, count, self._search,
                                 self._flaws)


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


def _place_of(row):
    return -(row.priority or 0), row.id
