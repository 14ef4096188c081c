# SPDX-License-Identifier: Apache-2.0
"""Where to look for a node: steps through indexes, in the order of preference.

Which profiles suit is decided in memory (``allocator.db.known_profiles``);
the nodes that have them follow from an index. A step reads one index from
left to right and only as far as nodes are needed. What a step selects is
verified by its own conditions under the nodes' locks.
"""

import dataclasses
import itertools
import random

import sqlalchemy as sa

from allocator.conf import CONF
from allocator.db import backends
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import starts
from allocator.db import suitability
from allocator.db import types

_node = models.Node.__table__
_profile = models.Profile.__table__
_set = models.TraitSet.__table__

# More profiles than this are not listed in one query.
MANY_PROFILES = 200

# If less than one profile of so many suits, a list is tried before a look.
RARE = 4

# With more ranks than this, it is asked first which have free nodes.
FEW_RANKS = 4

# One profile of so many is in the list that is tried before all others.
SPARSE = 5

# Free nodes that the first look reads where profiles are too many to be
# listed, and how many times more each further look does.
LOOK = 128
LOOK_FACTOR = 10


@dataclasses.dataclass(frozen=True)
class Step:
    """A query for free nodes.

    :ivar index: name of the index that it reads
    :ivar conditions: SQL conditions beyond the class
    :ivar ordered: whether the nodes differ in the number of their traits,
        so that they must be sorted by it
    """

    index: str
    conditions: list
    ordered: bool = False


@dataclasses.dataclass(frozen=True)
class _Source:
    """Free nodes that an index has in the order of their traits' number.

    :ivar conditions: SQL conditions beyond the class: whose they are
    """

    index: str
    conditions: list


def steps(connection, requirement, elsewhere_than=()):
    """List the steps, the best nodes first.

    :param connection: a database connection
    :param requirement: suitability.Requirement without candidates
    :param elsewhere_than: ids of backends whose nodes will not do
    :returns: iterator of Step
    """
    profiles = known_profiles.get().suiting(requirement)
    pools = _pools(elsewhere_than)
    others = _not_excluded(connection, requirement)
    for sources in _tiers(requirement.owner,
                          [[*pool, *others] for pool in pools]):
        if profiles is not None:
            for (_weight, size), ids in _occupied(connection, requirement,
                                                  sources, profiles):
                yield from _of_size(connection, requirement, sources, size,
                                    ids)
            if requirement.demands:
                continue
            # Nodes whose profile is not known yet are better than none.
        if len(sources) == 1:
            yield Step(sources[0].index, sources[0].conditions, ordered=True)
        else:
            yield from _in_one_order(connection, requirement, sources)


def _not_excluded(connection, requirement):
    """Build the condition that a node is not excluded.

    No index has it, but READ COMMITTED lets go at once of a row that was
    locked on the way to one that suits.
    """
    if not requirement.excluded:
        return []
    return [sa.not_(types.is_among(connection, _node.c.uuid,
                                   requirement.excluded))]


def _occupied(connection, requirement, sources, profiles):
    """Leave out ranks that have no free nodes, where ranks are many.

    Who prefers many traits has nearly as many ranks as there are profiles; a
    step for each would take as long as many claims.

    :param profiles: dict of ids by rank, the best rank first
    :returns: iterator of (rank, tuple of ids)
    """
    if len(profiles) <= FEW_RANKS:
        yield from profiles.items()
        return
    ranks: list[tuple] = []
    count = 0
    for rank, ids in profiles.items():
        if ranks and count + len(ids) > MANY_PROFILES:
            yield from _with_free(connection, requirement, sources, ranks)
            ranks, count = [], 0
        if len(ids) > MANY_PROFILES:
            yield rank, ids
        else:
            ranks.append((rank, ids))
            count += len(ids)
    yield from _with_free(connection, requirement, sources, ranks)


def _with_free(connection, requirement, sources, ranks):
    """Ask which of some profiles have free nodes, with one query.

    :param ranks: list of (rank, tuple of ids)
    :returns: list of the same, with those profiles alone
    """
    wanted = [id_ for _rank, ids in ranks for id_ in ids]
    if not wanted:
        return []
    # As values and not as conditions, lest a database reads all free nodes.
    firsts = [starts.hint(
        sa.select(_node.c.id).where(
            _node.c.resource_class == requirement.resource_class,
            *source.conditions,
            _node.c.trait_count == sa.func.coalesce(_set.c.size, 0),
            _node.c.profile_id == _profile.c.id),
        _node, source.index).limit(1).correlate(_profile, _set)
        .scalar_subquery() for source in sources]
    rows = connection.execute(
        sa.select(_profile.c.id, *(first.label('first_%d' % number)
                                   for number, first in enumerate(firsts)))
        .select_from(_profile.outerjoin(
            _set, _set.c.id == _profile.c.trait_set_id))
        .where(types.is_among(connection, _profile.c.id, wanted))).all()
    free = {row.id for row in rows if any(
        first is not None for first in row[1:])}
    found = ((rank, tuple(id_ for id_ in ids if id_ in free))
             for rank, ids in ranks)
    return [(rank, ids) for rank, ids in found if ids]


def _pools(elsewhere_than):
    """List the conditions of free nodes by whose they are.

    :returns: list of lists of SQL conditions: this service's own, then those
        of each backend, the one with the fewest open writes first
    """
    own = [_node.c.free == models.OWN_FREE, _node.c.backend_id == models.OWN]
    return [own, *(
        [_node.c.free == models.MIRRORED_FREE, _node.c.backend_id == id_,
         backends.is_not_avoided()]
        for id_ in backends.eligible() if id_ not in elsewhere_than)]


def _tiers(owner, pools):
    """List the sources of nodes; those of one tier are equal in preference."""
    def sources(index, *conditions):
        return [_Source(index, [*pool, *conditions]) for pool in pools]

    if owner is not None:
        return [[*sources('nodes_claim_owner_idx', _node.c.owner == owner),
                 *sources('nodes_claim_lessee_idx',
                          _node.c.lessee == owner)]]
    # No tenant's nodes first, however special they are.
    tiers = [sources('nodes_claim_owner_idx', suitability.unowned())]
    if CONF.conductor.ownerless_allocations == 'any':
        tiers.append(sources('nodes_claim_idx'))
    return tiers


def _of_size(connection, requirement, sources, size, ids):
    """List the steps to nodes with some number of traits.

    Neither the suiting profiles nor the free nodes need be few. If both are
    many, free nodes are looked at, then profiles are tried, and so on, more
    of them each time: whichever are fewer decide how long it takes.

    :param size: number of traits
    :param ids: tuple of ids of the profiles with so many that suit
    """
    if len(ids) <= MANY_PROFILES:
        yield from _by_profile(connection, sources, size, ids)
        return
    suiting = frozenset(ids)
    rest = _spread(ids)
    if len(ids) * RARE < known_profiles.get().count():
        # Free nodes are likely to be others. Whether they are few is told
        # sooner by a look than by a long list.
        first = next(rest)
        yield from _by_profile(connection, sources, size, first[::SPARSE])
        rest = itertools.chain([first], rest)
    seen: set[int] = set()
    limit, share = LOOK, 1
    while True:
        rows, complete = _look(connection, requirement, [
            _Source(source.index,
                    [*source.conditions, _node.c.trait_count == size])
            for source in sources], limit)
        for (_size, place), group in _grouped(rows, seen, suiting):
            yield from _by_id(connection, sources[place], size, group,
                              suiting)
        if complete:
            return
        tried = list(itertools.islice(rest, share))
        for chunk in tried:
            yield from _by_profile(connection, sources, size, chunk)
        if len(tried) < share:
            return
        limit *= LOOK_FACTOR
        share *= LOOK_FACTOR


def _spread(ids):
    """Divide ids into lists for one query each.

    Those of one list stand far apart: neighbours often belong to the same
    class or tenant. Who always began with the same would find those taken.

    :returns: iterator of tuples
    """
    count = -(-len(ids) // MANY_PROFILES)
    first = random.randrange(count)  # nosec: no secret
    return (ids[(first + number) % count::count] for number in range(count))


def _chunks(items):
    return [items[start:start + MANY_PROFILES]
            for start in range(0, len(items), MANY_PROFILES)]


def _by_profile(connection, sources, size, ids):
    for source in sources:
        yield Step(source.index, [
            *source.conditions, _node.c.trait_count == size,
            types.is_among(connection, _node.c.profile_id, ids)])


def _by_id(connection, source, size, rows, suiting=None):
    """List the steps to nodes that a look has found."""
    for chunk in _chunks(rows):
        yield Step('PRIMARY', [
            types.is_among(connection, _node.c.id, [row.id for row in chunk]),
            _node.c.trait_count == size,
            *_same_profiles(connection, chunk, suiting), *source.conditions])


def _in_one_order(connection, requirement, sources):
    """Look at free nodes without locks, and choose among them in memory.

    For several sources, whose nodes are to be taken in a common order. Each
    look reads further than the one before.
    """
    seen: set[int] = set()
    limit = LOOK
    complete = False
    while not complete:
        rows, complete = _look(connection, requirement, sources, limit)
        for (size, place), group in _grouped(rows, seen):
            yield from _by_id(connection, sources[place], size, group)
        limit *= LOOK_FACTOR


def _look(connection, requirement, sources, limit):
    """Read the first free nodes of each source.

    :returns: list of (place of the source, row), as far as their order of
        preference is certain; whether these are all
    """
    rows, complete, last = [], True, None
    for place, source in enumerate(sources):
        query = starts.hint(
            sa.select(_node.c.id, _node.c.trait_count, _node.c.profile_id)
            .where(_node.c.resource_class == requirement.resource_class,
                   *source.conditions)
            .order_by(_node.c.trait_count).limit(limit), _node, source.index)
        found = connection.execute(query).all()
        rows += [(place, row) for row in found]
        if len(found) == limit:
            # What this source has beyond is unknown.
            complete = False
            end = found[-1].trait_count
            last = end if last is None else min(last, end)
    if last is not None:
        rows = [(place, row) for place, row in rows
                if row.trait_count <= last]
    return rows, complete


def _grouped(rows, seen, suiting=None):
    """Group rows that suit in the order of preference.

    That is by their number of traits, then by their source.

    :returns: list of ((number of traits, place of the source), rows)
    """
    groups: dict[tuple, list[sa.Row]] = {}
    for place, row in rows:
        if row.id not in seen:
            seen.add(row.id)
            if suiting is None or row.profile_id in suiting:
                groups.setdefault((row.trait_count, place), []).append(row)
    return sorted(groups.items())


def _same_profiles(connection, rows, suiting):
    if suiting is None:
        return []
    return [types.is_among(connection, _node.c.profile_id,
                           {row.profile_id for row in rows})]
