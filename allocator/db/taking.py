# SPDX-License-Identifier: Apache-2.0
"""Taking nodes: finding some that suit a request, and locking them.

A claim never locks a node that it does not take: what is skipped elsewhere
because of it is really gone.
"""

import copy
import functools

import sqlalchemy as sa

from allocator.db import candidates
from allocator.db import flaws
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import starts
from allocator.db import suitability
from allocator.db import types

_allocation = models.Allocation.__table__
_node = models.Node.__table__


class Search:
    """What one transaction knows of the nodes and profiles it has met.

    :param left_out: ids of nodes not to be claimed
    :param elsewhere_than: ids of backends whose nodes will not do
    :ivar seen: ids of the nodes that it has locked, or leaves out: a
        transaction's own locks do not make it skip a row
    """

    def __init__(self, left_out=(), elsewhere_than=()):
        self.seen: set[int] = set(left_out)
        self.elsewhere_than = frozenset(elsewhere_than)
        self._has_refreshed = False

    def beside(self, backends):
        """Make a search that leaves out the nodes of some more backends.

        :param backends: ids of backends
        :returns: Search of the same transaction
        """
        found = copy.copy(self)
        found.elsewhere_than = self.elsewhere_than.union(backends)
        return found

    def learns_profiles(self, connection, requirement):
        """Tell whether there are profiles that this process did not know.

        :param requirement: Requirement for which nothing was found
        """
        if self._has_refreshed or not requirement.asks_of_profile:
            return False
        self._has_refreshed = True
        return known_profiles.get().refresh(connection)

    def prepare(self, connection, requirement):
        """Learn new profiles where a known one might be taken instead.

        :param requirement: Requirement that is about to be looked for
        """
        if requirement.preferred:
            self.learns_profiles(connection, requirement)


def take_sound(connection, take, count, search, useless):
    """Take nodes that can be claimed; note the others, and take the next.

    :param take: function that locks nodes, called with their number and with
        the search
    :param count: how many nodes
    :param search: Search of this transaction
    :param useless: dict of flaws.Flaw by node id, which learns more
    :returns: list of at most that many rows of nodes
    """
    sound: list[sa.Row] = []
    while True:
        nodes = take(count - len(sound), search)
        found = flaws.find(connection, nodes)
        useless |= found
        sound += [node for node in nodes if node.id not in found]
        if not found or len(sound) == count:
            return sound


def take_particular(connection, row, _count, search):
    """Lock a node for an allocation with namesake or candidates.

    :returns: list of its row, or an empty one
    """
    requirement = suitability.requirement_of(row)
    if requirement.is_constrained:
        # These nodes alone are asked about, so their profiles must be known.
        search.learns_profiles(connection, requirement)
    for node in _find_particular(connection, requirement, row.name):
        if node.id in search.seen:
            continue
        locked = connection.execute(starts.lock(_nodes_to_claim().where(
            _node.c.id == node.id,
            *suitability.conditions(requirement, [node.profile_id]),
            _node.c.backend_id.not_in(search.elsewhere_than)),
            _node)).first()
        if locked:
            search.seen.add(locked.id)
            if not requirement.is_constrained or _is_profiled(locked):
                return [locked]
    if requirement.candidates:
        return []
    return take(connection, requirement, 1, search)


def _find_particular(connection, requirement, name):
    """Find suitable nodes among the candidates, or else the namesake.

    :returns: list of rows, the namesake first, then in the client's order
    """
    query = sa.select(_node.c.id, _node.c.uuid, _node.c.name,
                      _node.c.profile_id, _node.c.backend_id).where(
        *suitability.conditions(requirement))
    if not requirement.candidates:
        query = query.where(_node.c.name == name)
    place = {uuid: n for n, uuid in enumerate(requirement.candidates)}
    return sorted(connection.execute(query).all(), key=lambda node: (
        node.name is None or node.name != name, place.get(node.uuid, 0)))


def preview(connection, requirement, name, count):
    """List the nodes that would be taken, without locks.

    :param connection: a database connection; profiles have been refreshed
    :param requirement: Requirement
    :param name: name of the allocation, or None
    :param count: greatest number of nodes
    :returns: list of rows with id, uuid, name and backend_id, in the order
        in which they would be taken
    """
    found = {}
    if requirement.candidates or name is not None:
        found = {node.id: node for node in _find_particular(
            connection, requirement, name)[:count]}
    if requirement.candidates:
        return list(found.values())
    columns = sa.select(_node.c.id, _node.c.uuid, _node.c.name,
                        _node.c.backend_id, _node.c.profile_id,
                        _node.c.trait_set_id)
    for step in candidates.steps(connection, requirement):
        if len(found) == count:
            break
        query = _of_step(connection, columns, requirement, step, found)
        for node in connection.execute(starts.hint(
                query.limit(count - len(found)), _node, step.index)):
            if _is_profiled(node):
                found[node.id] = node
    return list(found.values())


@functools.cache
def _nodes_to_claim():
    # As text, for one node's broken document would end the whole query. The
    # subquery waits for no lock.
    holder = sa.select(_allocation.c.id).where(
        _allocation.c.node_id == _node.c.id).scalar_subquery()
    return sa.select(
        _node.c.id, _node.c.uuid, _node.c.profile_id, _node.c.trait_set_id,
        _node.c.backend_id, holder.label('holder'),
        sa.type_coerce(_node.c.instance_info, types.LongText)
        .label('instance_info'))


def take(connection, requirement, count, search):
    """Lock suitable nodes, the least special ones first.

    :param connection: a database connection
    :param requirement: Requirement without candidates
    :param count: how many nodes
    :param search: Search of this transaction
    :returns: list of at most that many rows of nodes
    """
    search.prepare(connection, requirement)
    nodes = _walk(connection, requirement, count, search)
    if len(nodes) < count and search.learns_profiles(connection, requirement):
        nodes += _walk(connection, requirement, count - len(nodes), search)
    return nodes


def _walk(connection, requirement, count, search):
    nodes: list[sa.Row] = []
    for step in candidates.steps(connection, requirement,
                                 search.elsewhere_than):
        while len(nodes) < count:
            missing = count - len(nodes)
            locked = _lock_step(connection, requirement, step, missing,
                                search.seen)
            search.seen.update(node.id for node in locked)
            nodes += [node for node in locked if _is_profiled(node)]
            if len(locked) < missing:
                break
        if len(nodes) == count:
            break
    return nodes


def _of_step(connection, columns, requirement, step, seen):
    """Build the query for the nodes of a step.

    :param connection: a database connection
    :param columns: select of nodes
    :param seen: ids of nodes to leave out
    """
    query = columns.where(
        _node.c.resource_class == requirement.resource_class,
        *step.conditions)
    if seen:
        query = query.where(
            sa.not_(types.is_among(connection, _node.c.id, seen)))
    return query.order_by(_node.c.trait_count) if step.ordered else query


def _lock_step(connection, requirement, step, limit, seen):
    query = _of_step(connection, _nodes_to_claim(), requirement, step, seen)
    is_begun = starts.is_needed(connection, step.index)
    if is_begun:
        start = starts.find(connection, query, step.index)
        if start is None:
            return []
        query = query.where(start)
    return starts.execute(
        connection, starts.lock(query.limit(limit), _node, step.index),
        is_begun)


def _is_profiled(node):
    """Tell whether a node's profile says what the node is.

    A process of the first release changes traits without the profile; until
    a conductor mends that (see allocator.db.profiling), the node is nobody's.
    """
    profile = known_profiles.get().get(node.profile_id)
    return profile is None or profile.trait_set_id == node.trait_set_id
