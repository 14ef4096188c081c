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

# So many traits, and so many demands on properties, are named each by itself.
TRAITS_NAMED = 5
PROPERTIES_NAMED = 5


def _count(condition):
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _obstacles(requirement):
    """List what may keep a node of the class away: a condition each.

    :returns: list of (name of the obstacle, SQL condition)
    """
    found = [
        ('allocated', _node.c.instance_uuid.is_not(None)),
        ('not available', sa.and_(
            _node.c.provision_state != states.AVAILABLE,
            _node.c.instance_uuid.is_(None))),
        ('in maintenance', _node.c.maintenance == sa.true()),
        ('without power state', _node.c.power_state.is_(None)),
    ]
    found += _backend_obstacles()
    if requirement.traits:
        found += [('without trait %s' % trait,
                   sa.or_(_node.c.trait_set_id.is_(None),
                          ~suitability.holds_traits([trait])))
                  for trait in requirement.traits[:TRAITS_NAMED]]
        found.append(('without all requested traits', sa.or_(
            _node.c.trait_set_id.is_(None),
            ~suitability.holds_traits(requirement.traits))))
    found += _constraint_obstacles(requirement)
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


def _constraint_obstacles(requirement):
    """List what may keep a node away by its profile, traits it lacks apart."""
    named = constraints.trait_demands(
        requirement.forbidden, requirement.any_of)[:TRAITS_NAMED]
    demands = constraints.property_demands(requirement.properties)
    named += demands[:PROPERTIES_NAMED]
    known = known_profiles.get()
    found = [(demand.obstacle, suitability.has_profile(known.failing(demand)))
             for demand in named]
    if len(requirement.properties) > 1:
        found.append(('without all requested properties',
                      suitability.has_profile(known.failing(
                          constraints.Demand('', _all(demands))))))
    return found


def _all(demands):
    return lambda traits, properties: all(
        demand.is_met(traits, properties) for demand in demands)


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


def count(connection, requirement):
    """Count the nodes of a class and what keeps each from being given.

    :param connection: a database connection
    :param requirement: Requirement
    :returns: Census
    """
    if requirement.is_constrained:
        known_profiles.get().refresh(connection)
    obstacles = _obstacles(requirement)
    query = sa.select(
        sa.func.count(),
        _count(sa.and_(*suitability.conditions(requirement))),
        *(_count(condition) for _name, condition in obstacles)
    ).where(_counted(requirement))
    if connection.dialect.name == 'postgresql':
        # It reads every node of the class: here a scan is the right way.
        connection.execute(sa.text('SET LOCAL enable_seqscan = on'))
    total, suitable, *counts = connection.execute(query).one()
    return Census(total, int(suitable), [
        (name, int(number)) for (name, _), number in zip(
            obstacles, counts, strict=True) if number])


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
            or 'none is free')
    return text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH - 1] + '…'
