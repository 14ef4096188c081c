# SPDX-License-Identifier: Apache-2.0
"""Which nodes suit an allocation: the rules, written once, in SQL.

The claim selects and locks by them, the census counts by them. A node is
suitable when nothing but its class, traits and owner could keep it (column
``free``), its resource class is the requested one, it has all requested
traits, its profile meets all constraints, it is among the candidates if any
were named and not excluded, and the allocation's owner owns or leases it.
"""

import dataclasses
import types

import sqlalchemy as sa

from allocator.common import constraints
from allocator.conf import CONF
from allocator.db import backends
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import types as db_types

_node = models.Node.__table__
_member = models.TraitSetMember.__table__


@dataclasses.dataclass(frozen=True)
class Requirement:
    """What an allocation asks of its node.

    :ivar resource_class: the class
    :ivar traits: sorted tuple of traits, all of which the node must have
    :ivar owner: project that must own or lease the node, or None
    :ivar candidates: tuple of node UUIDs in the client's order; empty when
        the client named none
    :ivar forbidden: sorted tuple of traits, none of which it may have
    :ivar any_of: sorted tuple of tuples of traits, of each of which it must
        have one
    :ivar preferred: sorted tuple of (trait, weight)
    :ivar properties: sorted tuple of (name, operator, value) that must hold
    :ivar excluded: sorted tuple of UUIDs of nodes that will not do
    """

    resource_class: str
    traits: tuple = ()
    owner: str | None = None
    candidates: tuple = ()
    forbidden: tuple = ()
    any_of: tuple = ()
    preferred: tuple = ()
    properties: tuple = ()
    excluded: tuple = ()

    @property
    def is_constrained(self):
        """Whether more than traits that it has decides on a profile."""
        return bool(self.forbidden or self.any_of or self.properties)

    @property
    def asks_of_profile(self):
        """Whether not every profile suits, or not all of them equally."""
        return bool(self.traits or self.is_constrained or self.preferred)

    @property
    def demands(self):
        """How many things it asks of a profile, besides what it prefers."""
        return (len(self.traits) + len(self.forbidden) + len(self.any_of)
                + len(self.properties))


def requirement_of(allocation):
    """Read the requirement from a row of the allocations table."""
    return Requirement(
        resource_class=allocation.resource_class,
        traits=tuple(sorted(allocation.traits)),
        owner=allocation.owner,
        candidates=tuple(allocation.candidate_nodes),
        **constraints.canonical(allocation.constraints))


def named(values):
    """Give columns of an allocation names, as those of a row have.

    :param values: mapping of columns by their names
    :returns: what requirement_of() takes
    """
    return types.SimpleNamespace(**{
        column.name: values.get(column.name)
        for column in models.Allocation.__table__.c})


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


def has_profile(ids):
    """Build the condition that a node has one of some profiles.

    :param ids: ids of profiles, as many as there may be
    """
    return db_types.is_written_among(_node.c.profile_id, ids)


def conditions(requirement, profiles=None):
    """Build the list of conditions that make a node suitable.

    Of a constrained requirement, only nodes whose profiles are known: who
    uses them has called allocator.db.known_profiles.KnownProfiles.refresh().

    :param profiles: ids of profiles that suit it, if the node must have one
        of these
    """
    found = [backends.is_available(),
             _node.c.resource_class == requirement.resource_class]
    if requirement.traits:
        found.append(holds_traits(requirement.traits))
    if requirement.candidates:
        found.append(_node.c.uuid.in_(requirement.candidates))
    if requirement.excluded:
        found.append(_node.c.uuid.not_in(requirement.excluded))
    if requirement.is_constrained:
        found.append(has_profile(profiles or [
            id_ for ids in known_profiles.get().suiting(requirement).values()
            for id_ in ids]))
    owned = tenancy(requirement.owner)
    if owned is not None:
        found.append(owned)
    return found
