# SPDX-License-Identifier: Apache-2.0
"""The census: why no node was found for an allocation, in numbers."""

import dataclasses

import sqlalchemy as sa

from allocator.common import constraints
from allocator.common import states
from allocator.db import backends
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import session
from allocator.db import suitability

_node = models.Node.__table__

# Length of the column that holds the sentence, in characters.
MAX_LENGTH = models.LAST_ERROR_LENGTH

# Of required, forbidden and alternative traits, and of what is asked of
# properties, a sentence names so many each; the rest is in a total.
NAMED = 5

UNCOUNTED = 'none suits, for reasons that are not counted'


def _count(condition):
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _of_state():
    """List what may keep a node away, whatever is asked for.

    :returns: list of (name of the obstacle, SQL condition)
    """
    return [
        ('allocated', _node.c.instance_uuid.is_not(None)),
        ('not available', sa.and_(
            _node.c.provision_state != states.AVAILABLE,
            _node.c.instance_uuid.is_(None))),
        ('in maintenance', _node.c.maintenance == sa.true()),
        ('without power state', _node.c.power_state.is_(None)),
        *_backend_obstacles(),
    ]


def _of_traits(requirement, most):
    """List the traits that a node may lack.

    :param most: greatest number of them, None for all
    :returns: like _of_state()
    """
    def lacks(traits):
        return sa.or_(_node.c.trait_set_id.is_(None),
                      ~suitability.holds_traits(traits))

    if not requirement.traits:
        return []
    return [*(('without trait %s' % trait, lacks([trait]))
              for trait in requirement.traits[:most]),
            ('without all requested traits', lacks(requirement.traits))]


def _others(requirement):
    """List what else may keep a node away; like _of_state()."""
    found = []
    if requirement.candidates:
        found.append(('not among the candidates',
                      _node.c.uuid.not_in(requirement.candidates)))
    if requirement.excluded:
        found.append(('excluded', _node.c.uuid.in_(requirement.excluded)))
    if requirement.owner is None:
        owned = suitability.tenancy(None)
        if owned is not None:
            found.append(('of some owner or lessee', ~owned))
    return found


def _demands(requirement, is_whole):
    """List what is asked of a node's profile, traits it has apart.

    :returns: list of constraints.Demand, each group with its total
    """
    found = []
    properties = constraints.property_demands(requirement.properties,
                                              is_whole)
    for total, number, demands in (
            ('with some forbidden trait', len(requirement.forbidden),
             constraints.trait_demands(requirement.forbidden, ())),
            ('without a trait of each list', len(requirement.any_of),
             constraints.trait_demands((), requirement.any_of)),
            ('without all requested properties',
             len(requirement.properties), properties)):
        found += demands if is_whole else demands[:NAMED]
        if number > 1:
            found.append(constraints.Demand(total, _all(demands)))
    return found


def _all(demands):
    return lambda traits, properties: all(
        demand.is_met(traits, properties) for demand in demands)


def _count_by_profile(connection, requirement, is_whole):
    """Count the nodes whose profiles do not meet each demand.

    There are few profiles, so each is compared here.

    :returns: list of (obstacle, number of nodes)
    """
    demands = _demands(requirement, is_whole)
    counts = [0] * len(demands)
    known = known_profiles.get()
    for id_, number in connection.execute(
            sa.select(_node.c.profile_id, sa.func.count())
            .where(_counted(requirement)).group_by(_node.c.profile_id)):
        profile = known.get(id_)
        if profile is None:
            continue
        for place, demand in enumerate(demands):
            if not demand.is_met(profile.traits, profile.properties):
                counts[place] += number
    return [(demand.obstacle, count)
            for demand, count in zip(demands, counts, strict=True)]


def _backend_obstacles():
    """List what may keep a free node of a backend away."""
    mirrored = _node.c.free == models.MIRRORED_FREE
    if not backends.names():
        return []
    return [
        ('of a backend that does not hand out nodes now', sa.and_(
            mirrored, _node.c.backend_id.not_in(backends.eligible()))),
        ('just refused by their backend', sa.and_(
            mirrored, ~backends.is_not_avoided())),
    ]


def _counted(requirement):
    """Build the condition on the nodes that a census speaks of.

    A project is told nothing of other projects' nodes.
    """
    found = _node.c.resource_class == requirement.resource_class
    if requirement.owner is not None:
        found &= suitability.tenancy(requirement.owner)
    return found


@dataclasses.dataclass(frozen=True)
class Census:
    """What was counted of a class.

    :ivar total: number of nodes, of the requirement's owner if it has one
    :ivar suitable: number of suitable nodes among them
    :ivar kept: list of (obstacle, number of nodes that it kept away); a node
        may be counted under more than one
    """

    total: int
    suitable: int
    kept: list


@session.retried
def take(requirement):
    """Count the nodes of a class and what keeps each from being given.

    :param requirement: Requirement
    :returns: the number of suitable nodes, and a sentence that explains
    """
    with session.reader() as connection:
        found = count(connection, requirement)
    return found.suitable, explain(requirement, found.total, found.kept)


def count(connection, requirement, is_whole=False):
    """Count the nodes of a class and what keeps each from being given.

    :param connection: a database connection
    :param requirement: Requirement
    :param is_whole: whether to count all that is asked for, each by itself;
        otherwise as much as a sentence can name
    :returns: Census
    """
    by_profile = []
    if requirement.is_constrained:
        known_profiles.get().refresh(connection)
        by_profile = _count_by_profile(connection, requirement, is_whole)
    first = _of_state() + _of_traits(requirement,
                                     None if is_whole else NAMED)
    last = _others(requirement)
    query = sa.select(
        sa.func.count(),
        _count(sa.and_(*suitability.conditions(requirement))),
        *(_count(condition) for _name, condition in first + last)
    ).where(_counted(requirement))
    total, suitable, *counts = connection.execute(query).one()
    counted = [(name, int(number)) for (name, _), number in zip(
        first + last, counts, strict=True)]
    counted[len(first):len(first)] = by_profile
    return Census(total, int(suitable), [
        (name, number) for name, number in counted if number])


@session.retried
def count_among(requirement, ids):
    """Count the suitable nodes among some.

    :param requirement: Requirement
    :param ids: ids of the nodes
    :returns: their number
    """
    with session.reader() as connection:
        return connection.execute(
            sa.select(sa.func.count()).where(
                _node.c.id.in_(ids),
                *suitability.conditions(requirement))).scalar_one()


def explain(requirement, total, kept):
    """Put a census into a sentence.

    :param requirement: Requirement
    :param total: number of nodes of its class, and of its owner
    :param kept: list of (obstacle, number of nodes it kept away)
    :returns: the sentence, short enough for its column
    """
    nodes = 'resource class %s' % requirement.resource_class
    if requirement.owner is not None:
        nodes += ' that project %s owns or leases' % requirement.owner
    if not total:
        text = 'No suitable node: there is no node of %s.' % nodes
    else:
        text = 'No suitable node: of %d in %s, %s.' % (
            total, nodes,
            ', '.join('%d %s' % (count, name) for name, count in kept)
            or UNCOUNTED)
    return text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH - 1] + '…'
