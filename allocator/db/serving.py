# SPDX-License-Identifier: Apache-2.0
"""Serving: those that wait in a class get nodes in their order.

Priority comes first, then age, among those whom a node suits; who asks for
something rare is not in the way. As long as somebody waits in a class, new
requests take their places in the same order.
"""

import collections
from collections.abc import Callable
import dataclasses
import functools
import heapq
import itertools

import sqlalchemy as sa

from allocator.common import states
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import class_queue
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import starts
from allocator.db import suitability
from allocator.db import taking

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Free nodes of a class that are read to see which demands they can suit. With
# more, each demand is looked at by itself.
FEW_FREE = 1000


@dataclasses.dataclass
class _Line:
    """Some of those that are to be served, in their order.

    :ivar places: places (rank, id) of those that have been read, the best
        first
    :ivar read: function that reads those after a place; None if there are no
        more
    :ivar ask_alike: whether all ask for the same, so that if one gets no
        node none does, but for nodes that it leaves out
    :ivar offered: UUIDs of free nodes that suit all of them, and that some
        leave out; None before one did
    """

    places: collections.deque
    read: Callable | None = None
    ask_alike: bool = True
    offered: frozenset | None = None


class Server:
    """Serves one class in one transaction, which has locked its queue.

    :param connection: a database connection
    :param resource_class: the class
    :param search: taking.Search of the transaction
    :param flaws: dict that learns the flaws of nodes
    :param columns: columns to read of the allocations
    :ivar pairs: list of (row of an allocation, row of its node)
    :ivar locked: ids of waiters whose turn it was while somebody else had
        them locked
    :ivar queue: class_queue.ClassQueue, from which it is served
    :ivar is_interrupted: whether nodes may be left for those that got none
    """

    def __init__(self, connection, resource_class, search, flaws, columns):
        self._connection = connection
        self._class = resource_class
        self._search = search
        self._flaws = flaws
        self._columns = columns
        self.queue = class_queue.ClassQueue(connection, resource_class,
                                            columns)
        # Free nodes by UUID, and whether these are all.
        self._free: dict = {}
        self._is_whole = False
        # Pending rows, which do not wait, by id.
        self._rows: dict[int, sa.Row] = {}
        # Backends that may yet carry out earlier claims, by UUID.
        self._unsettled: dict[str, frozenset] = {}
        self._hopeless: set = set()
        self._lines: list[tuple] = []
        self.pairs: list[tuple] = []
        self.locked: set[int] = set()
        self.is_interrupted = False

    def serve(self, rows, limit, skip=(), only=None):
        """Give nodes away until there are none, or nobody is left.

        :param rows: locked rows of pending allocations, which take their
            places
        :param limit: greatest number of nodes
        :param skip: ids of waiters to be passed over
        :param only: id of the only waiter to be served, or None
        :returns: list of (row of an allocation, row of its node)
        """
        self._rows = {row.id: row for row in rows}
        for row in rows:
            self._add(_Line(collections.deque([_place_of(row)])))
        free = self._free_nodes()
        if free:
            self._know(free)
        if free and only is None:
            self._add_waiters(skip)
        elif free:
            self._add(_Line(collections.deque([(0, only)])))
        while self._lines and len(self.pairs) < limit and not self.locked:
            self._serve_first(limit - len(self.pairs))
        self.is_interrupted = bool(self.locked) or (
            limit <= len(self.pairs) < len(free))
        return self.pairs

    def _add(self, line):
        if line.places:
            # Lines are told apart, and never compared.
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

    def _know(self, free):
        """Know the free nodes, and what they are.

        :param free: their rows
        """
        profiles = known_profiles.get()
        if any(profiles.get(node.profile_id) is None for node in free):
            profiles.refresh(self._connection)
        self._free = {node.uuid: node for node in free}
        self._is_whole = len(free) < FEW_FREE

    def _add_waiters(self, skip):
        """Add a line for each demand that may be met, and the others."""
        kinds = {(node.profile_id, node.owner, node.lessee)
                 for node in self._free.values()}
        demands = self.queue.demands()
        asked = (self.queue.requirements(demands, skip) if self._is_whole
                 else {})
        for demand in demands:
            if not self._is_whole or _may_suit(asked.get(demand), kinds):
                read = functools.partial(self.queue.ahead, demand, skip)
                self._add(_Line(read(), read))
        read = functools.partial(
            self.queue.naming, list(self._free) if self._is_whole else None,
            skip)
        self._add(_Line(read(), read, ask_alike=False))

    def _serve_first(self, limit):
        """Serve those of the best line that come before all others."""
        _place, _key, line = heapq.heappop(self._lines)
        following = self._lines[0][0] if self._lines else None
        taken: list[tuple] = []
        while (line.places and len(taken) < limit
               and (following is None or line.places[0] < following)):
            taken.append(line.places.popleft())
        ids = self._with_hope([id_ for _rank, id_ in taken], line)
        if self._give(self._lock(ids), line):
            if not line.places and line.read is not None:
                line.places = line.read(taken[-1])
            self._add(line)

    def _with_hope(self, ids, line):
        """Drop those of a line that none of its free nodes suits.

        :returns: list of ids in the same order
        """
        if line.offered is None if line.ask_alike else not self._is_whole:
            return ids
        hopeless = {row.id for row in self.queue.read(
            sa.select(*self._columns), ids)
            if not (_accepts(row, line.offered) if line.ask_alike
                    else self._names_suitable(row))}
        return [id_ for id_ in ids if id_ not in hopeless]

    def _names_suitable(self, row):
        """Tell whether one of the free nodes that somebody names may suit.

        :param row: row of the allocation
        """
        named = [self._free[uuid] for uuid in row.candidate_nodes
                 if uuid in self._free]
        return _may_suit(suitability.requirement_of(row), {
            (node.profile_id, node.owner, node.lessee) for node in named})

    def _lock(self, ids):
        """Lock waiters, up to the first one that somebody else has locked.

        :returns: list of rows in the order of the ids
        """
        waiting = [id_ for id_ in ids if id_ not in self._rows]
        rows = dict(self._rows)
        if waiting:
            rows |= {row.id: row for row in self.queue.read(
                starts.lock(sa.select(*self._columns).where(
                    _allocation.c.state == states.WAITING),
                    _allocation, 'PRIMARY'), waiting)}
            self._note_locked([id_ for id_ in waiting if id_ not in rows
                               and id_ not in self.queue.unreadable])
        before = itertools.takewhile(lambda id_: id_ not in self.locked, ids)
        found = [rows[id_] for id_ in before if id_ in rows]
        self._unsettled = backend_writes.unsettled(self._connection, found)
        return found

    def _note_locked(self, missed):
        """Find out who of those that could not be locked waits still."""
        if missed:
            self.locked.update(self._connection.execute(
                sa.select(_allocation.c.id).where(
                    _allocation.c.id.in_(missed),
                    _allocation.c.state == states.WAITING)).scalars())

    def _give(self, rows, line):
        """Give nodes to some rows of a line, in their order.

        :returns: whether there may be more nodes for the same line
        """
        while rows:
            if line.offered is not None and not _accepts(rows[0],
                                                         line.offered):
                rows = rows[1:]
                continue
            plain = self._alike(rows)
            if plain:
                nodes = self._take(plain)
            else:
                plain = rows[:1]
                nodes = taking.take_sound(
                    self._connection, functools.partial(
                        taking.take_particular, self._connection, rows[0]),
                    1, self._search.beside(
                        self._unsettled.get(rows[0].uuid, ())), self._flaws)
            self.pairs += zip(plain, nodes, strict=False)
            if (len(nodes) < len(plain) and line.ask_alike
                    and self._is_over(plain[0], line)):
                return False
            rows = rows[len(plain):]
        return True

    def _is_over(self, row, line):
        """Tell whether nobody of a line gets a node if one does not.

        Others may not leave out the nodes that this one does.

        :param row: row of the one that got none
        """
        if row.uuid in self._unsettled:
            return False
        requirement = suitability.requirement_of(row)
        offered: set[str] = set()
        if requirement.excluded:
            query = sa.select(_node.c.uuid).where(
                *suitability.conditions(
                    dataclasses.replace(requirement, excluded=())),
                _node.c.uuid.in_(requirement.excluded))
            if self._search.seen:
                query = query.where(_node.c.id.not_in(self._search.seen))
            offered.update(self._connection.execute(query).scalars())
        if line.offered is not None:
            offered &= line.offered
        line.offered = frozenset(offered)
        return not offered

    def _alike(self, rows):
        """List those at the beginning that ask for the same.

        :returns: list of rows; empty if the first one prefers some nodes, or
            some backends' nodes will not do for it
        """
        names = [row.name for row in rows if row.name is not None]
        namesakes = set()
        if names:
            namesakes.update(self._connection.execute(
                sa.select(_node.c.name).where(
                    _node.c.name.in_(names))).scalars())
        found: list[sa.Row] = []
        for row in rows:
            if (row.candidate_nodes or row.name in namesakes
                    or row.uuid in self._unsettled) or (
                    found and row.constraints != found[0].constraints):
                break
            found.append(row)
        return found

    def _take(self, rows):
        requirement = suitability.requirement_of(rows[0])
        if requirement in self._hopeless:
            return []
        nodes = taking.take_sound(
            self._connection, functools.partial(
                taking.take, self._connection, requirement),
            len(rows), self._search, self._flaws)
        if len(nodes) < len(rows):
            self._hopeless.add(requirement)
        return nodes


def _may_suit(requirement, kinds):
    """Tell whether one of some free nodes suits a demand.

    :param requirement: what it asks for; None if that could not be read
    :param kinds: set of (profile, owner, lessee) of the free nodes
    """
    if requirement is None:
        # Who asks is seen to when it is its turn.
        return True
    profiles = known_profiles.get()
    for profile_id, *tenants in kinds:
        profile = profiles.get(profile_id)
        if (profile is not None
                and (requirement.owner is None
                     or requirement.owner in tenants)
                and known_profiles.suits(requirement, profile)):
            return True
    return False


def _accepts(row, nodes):
    """Tell whether an allocation leaves not all of some nodes out.

    :param row: its row
    :param nodes: UUIDs
    """
    return not nodes.issubset(suitability.requirement_of(row).excluded)


def _place_of(row):
    return -(row.priority or 0), row.id
