# SPDX-License-Identifier: Apache-2.0
"""Which nodes suit an allocation: the rules, written once, in SQL.

The claim selects and locks by them, the census counts by them. A node is
suitable when nothing but its class, traits and owner could keep it (column
``free``), its resource class is the requested one, it has all requested
traits, it is among the candidates if any were named, and the allocation's
owner owns or leases it.
"""

import dataclasses

import sqlalchemy as sa

from allocator.conf import CONF
from allocator.db import models

_node = models.Node.__table__
_trait_set = models.TraitSet.__table__
_member = models.TraitSetMember.__table__

# More sets of traits than this are not listed by number in a query.
MANY_TRAIT_SETS = 200


@dataclasses.dataclass(frozen=True)
class Requirement:
    """What an allocation asks of its node.

    :ivar resource_class: the class
    :ivar traits: sorted tuple of traits, all of which the node must have
    :ivar owner: project that must own or lease the node, or None
    :ivar candidates: tuple of node UUIDs in the client's order; empty when
        the client named none
    """

    resource_class: str
    traits: tuple = ()
    owner: str | None = None
    candidates: tuple = ()


def requirement_of(allocation):
    """Read the requirement from a row of the allocations table."""
    return Requirement(
        resource_class=allocation.resource_class,
        traits=tuple(sorted(allocation.traits)),
        owner=allocation.owner,
        candidates=tuple(allocation.candidate_nodes))


def holds_traits(traits):
    """Build the condition that a node has all of some traits.

    Sets of traits never change, so this condition needs no lock beyond that
    of the node's row.
    """
    holders = sa.select(_member.c.trait_set_id).where(
        _member.c.trait.in_(traits)).group_by(
        _member.c.trait_set_id).having(sa.func.count() == len(traits))
    return _node.c.trait_set_id.in_(holders)


def unowned():
    """Build the condition that a node is no tenant's."""
    return _node.c.owner.is_(None) & _node.c.lessee.is_(None)


def tenancy(owner):
    """Build the condition on a node's owner and lessee.

    :param owner: the allocation's owner, or None
    :returns: an SQL condition, or None when every node will do
    """
    if owner is not None:
        return sa.or_(_node.c.owner == owner, _node.c.lessee == owner)
    if CONF.conductor.ownerless_allocations == 'unowned':
        return unowned()
    return None


def conditions(requirement):
    """Build the list of conditions that make a node suitable."""
    found = [_node.c.free == 1,
             _node.c.resource_class == requirement.resource_class]
    if requirement.traits:
        found.append(holds_traits(requirement.traits))
    if requirement.candidates:
        found.append(_node.c.uuid.in_(requirement.candidates))
    owned = tenancy(requirement.owner)
    if owned is not None:
        found.append(owned)
    return found


def steps(connection, requirement):
    """List where to look for nodes, in the order of preference.

    Each step reads one index from left to right. Within a step marked as
    ordered, nodes still differ in the number of their traits.

    :param connection: a database connection
    :param requirement: Requirement without candidates
    :returns: iterator of (name of the index, conditions, ordered)
    """
    if requirement.owner is None:
        # No tenant's nodes first, however special they are.
        tiers = _trait_tiers(connection, requirement, None)
        for index, owned in _ownerless_tiers():
            for traits, ordered in tiers:
                yield index, [*owned, *traits], ordered
        return
    owner_tiers = [
        ('nodes_owner_free_idx', _node.c.owner == requirement.owner),
        ('nodes_lessee_free_idx', _node.c.lessee == requirement.owner),
    ]
    sizes = _sizes(connection, requirement, owner_tiers)
    for traits, ordered in _trait_tiers(connection, requirement, sizes):
        for index, owned in owner_tiers:
            yield index, [owned, *traits], ordered


def _ownerless_tiers():
    tiers = [('nodes_owner_free_idx', [unowned()])]
    if CONF.conductor.ownerless_allocations == 'any':
        tiers.append(('nodes_free_idx', []))
    return tiers


def _sizes(connection, requirement, owner_tiers):
    """List how many traits a project's free nodes have, in rising order.

    It takes one look into an index for each size that any set has, however
    many nodes there are.
    """
    sizes = sa.union(sa.select(_trait_set.c.size),
                     sa.select(sa.literal(0).label('size'))).subquery()
    # Not EXISTS, which the databases may turn into reading all the nodes.
    looks = [sa.select(_node.c.id).where(
        owned, _node.c.free == 1, _node.c.trait_count == sizes.c.size,
        _node.c.resource_class == requirement.resource_class)
        .limit(1).scalar_subquery() for _index, owned in owner_tiers]
    return connection.execute(sa.select(sizes.c.size).where(
        sa.or_(*(look.is_not(None) for look in looks))).order_by(
        sizes.c.size)).scalars().all()


def _trait_tiers(connection, requirement, sizes):
    """List the sets of traits that will do, least special first.

    :param sizes: split what cannot be told by sets into these numbers of
        traits; None to have it ordered by the index instead
    :returns: list of (conditions, ordered)
    """
    held = []
    if requirement.traits:
        sets = _trait_sets(connection, requirement.traits)
        if len(sets) <= MANY_TRAIT_SETS:
            by_size: dict[int, list[int]] = {}
            for row in sets:
                by_size.setdefault(row.size, []).append(row.id)
            return [([_node.c.trait_count == size,
                      _node.c.trait_set_id.in_(ids)], False)
                    for size, ids in by_size.items()]
        held = [holds_traits(requirement.traits)]
    if sizes is None:
        return [(held, True)]
    return [([_node.c.trait_count == size, *held], False) for size in sizes]


def _trait_sets(connection, traits):
    """Find the sets that contain some traits, the smallest first."""
    return connection.execute(
        sa.select(_trait_set.c.id, _trait_set.c.size).join(
            _member, _member.c.trait_set_id == _trait_set.c.id).where(
            _member.c.trait.in_(traits)).group_by(
            _trait_set.c.id, _trait_set.c.size).having(
            sa.func.count() == len(traits)).order_by(
            _trait_set.c.size).limit(MANY_TRAIT_SETS + 1)).all()
