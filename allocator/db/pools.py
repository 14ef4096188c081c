# SPDX-License-Identifier: Apache-2.0
"""The pool: how many nodes of each class are free, held or neither."""

import dataclasses

import sqlalchemy as sa

from allocator.db import models
from allocator.db import session
from allocator.db import starts

_node = models.Node.__table__


@dataclasses.dataclass(frozen=True)
class Pool:
    """The nodes of a resource class.

    :ivar resource_class: the class; None for nodes that have none
    :ivar nodes: number of all of them
    :ivar free: number of those that nothing but their backend's status and
        what is asked for keeps from being given
    :ivar held: number of those that have an instance
    """

    resource_class: str | None
    nodes: int
    free: int
    held: int

    @property
    def out_of_order(self):
        """Number of nodes that are neither free nor held."""
        return self.nodes - self.free - self.held


@session.retried
def count_by_class():
    """Count the nodes of each class.

    :returns: list of Pool, sorted by class
    """
    # All of it is in one index, which is read as a whole: not the nodes.
    free = sa.func.sum(sa.case((_node.c.free != 0, 1), else_=0))
    query = starts.hint(
        sa.select(_node.c.resource_class, sa.func.count().label('nodes'),
                  free.label('free'),
                  sa.func.count(_node.c.instance_uuid).label('held'))
        .group_by(_node.c.resource_class), _node, 'nodes_pool_idx')
    with session.reader() as connection:
        rows = connection.execute(query).all()
    return sorted(
        (Pool(row.resource_class, row.nodes, int(row.free), row.held)
         for row in rows), key=lambda pool: pool.resource_class or '')
