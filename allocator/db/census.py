# SPDX-License-Identifier: Apache-2.0
"""The census: why no node was found for an allocation, in numbers."""

import sqlalchemy as sa

from allocator.common import states
from allocator.db import models
from allocator.db import session
from allocator.db import suitability

_node = models.Node.__table__

# Length of the column that holds the sentence, in characters.
MAX_LENGTH = models.LAST_ERROR_LENGTH

# So many traits are named each by itself.
TRAITS_NAMED = 5


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
    if requirement.traits:
        found += [('without trait %s' % trait,
                   sa.or_(_node.c.trait_set_id.is_(None),
                          ~suitability.holds_traits([trait])))
                  for trait in requirement.traits[:TRAITS_NAMED]]
        found.append(('without all requested traits', sa.or_(
            _node.c.trait_set_id.is_(None),
            ~suitability.holds_traits(requirement.traits))))
    if requirement.candidates:
        found.append(('not among the candidates',
                      _node.c.uuid.not_in(requirement.candidates)))
    if requirement.owner is None:
        owned = suitability.tenancy(None)
        if owned is not None:
            found.append(('of some owner or lessee', ~owned))
    return found


def _counted(requirement):
    """Build the condition on the nodes that a census speaks of.

    A project is told nothing of other projects' nodes.
    """
    found = _node.c.resource_class == requirement.resource_class
    if requirement.owner is not None:
        found &= suitability.tenancy(requirement.owner)
    return found


@session.retried
def take(requirement):
    """Count the nodes of a class and what keeps each from being given.

    A node may be counted under more than one obstacle.

    :param requirement: Requirement
    :returns: the number of suitable nodes, and a sentence that explains
    """
    obstacles = _obstacles(requirement)
    query = sa.select(
        sa.func.count(),
        _count(sa.and_(*suitability.conditions(requirement))),
        *(_count(condition) for _name, condition in obstacles)
    ).where(_counted(requirement))
    with session.reader() as connection:
        if connection.dialect.name == 'postgresql':
            # It reads every node of the class: here a scan is the right way.
            connection.execute(sa.text('SET LOCAL enable_seqscan = on'))
        total, suitable, *counts = connection.execute(query).one()
    kept = [(name, count) for (name, _), count in zip(obstacles, counts,
                                                            strict=True)
            if count]
    return int(suitable), explain(requirement, total, kept)


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
