# SPDX-License-Identifier: Apache-2.0
"""The dry run: which nodes an allocation would get, and why not others.

Nothing is written, and nothing locked.
"""

import dataclasses

from allocator.db import backends
from allocator.db import census
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import nodes
from allocator.db import session
from allocator.db import suitability
from allocator.db import taking
from allocator.db import waiters


@dataclasses.dataclass(frozen=True)
class Asked:
    """An allocation that is not made, with columns named as its own.

    :ivar constraints: dict, see allocator.common.constraints.FIELDS, or None
    """

    resource_class: str
    name: str | None
    traits: list
    owner: str | None
    candidate_nodes: list
    constraints: dict | None


@dataclasses.dataclass(frozen=True)
class Found:
    """What would happen.

    :ivar candidates: list of (row of a node, name of its backend or None),
        in the order in which they would be taken
    :ivar census: census.Census
    :ivar waiting: number of allocations that wait in its class and are
        before it, counted up to waiters.MAX_POSITION
    """

    candidates: list
    census: census.Census
    waiting: int


@session.retried
def find(asked, limit, tenant=None, priority=0):
    """Find the nodes that an allocation would get now.

    :param asked: Asked, with nodes as the client named them
    :param limit: greatest number of nodes
    :param tenant: project to which foreign nodes do not exist, or None
    :param priority: that of the allocation
    :returns: Found
    :raises: UnknownCandidates, UnknownExcluded, NodeAmbiguous, AllExcluded
    """
    with session.reader() as connection:
        asked = _resolve(connection, asked, tenant)
        requirement = suitability.requirement_of(asked)
        known_profiles.get().refresh(connection)
        rows = taking.preview(connection, requirement, asked.name, limit)
        counted = census.count(connection, requirement, is_whole=True)
        waiting = waiters.count_before(
            connection, requirement.resource_class, -priority, None,
            waiters.MAX_POSITION)
    names = {id_: backends.name_of(id_) for id_ in {
        row.backend_id for row in rows} if id_ != models.OWN}
    return Found([(row, names.get(row.backend_id)) for row in rows], counted,
                 waiting)


def _resolve(connection, asked, tenant):
    candidates = nodes.resolve(connection, asked.candidate_nodes, tenant)
    constraints = asked.constraints and nodes.resolve_excluded(
        connection, asked.constraints, candidates, tenant)
    return dataclasses.replace(asked, candidate_nodes=candidates,
                               constraints=constraints)
