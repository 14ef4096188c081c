# SPDX-License-Identifier: Apache-2.0
"""What a backend is handed back: the allocations of its nodes."""

import sqlalchemy as sa

from allocator.common import states
from allocator.db import models
from allocator.db import session

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Rows that are read at once.
BATCH = 500


def list_all(backend_id):
    """List the active allocations of a backend's nodes, as they come.

    :param backend_id: id of the backend
    :returns: iterator of rows with uuid, name and extra
    """
    last: int | None = 0
    while last is not None:
        rows, last = _list_page(backend_id, last)
        yield from rows


@session.retried
def _list_page(backend_id, after_id):
    """List those of some nodes.

    Two queries, of which each has but one index to read by.

    :param after_id: id of the node after which to begin
    :returns: list of rows, and the id of the last node or None
    """
    with session.reader() as connection:
        nodes = connection.execute(
            sa.select(_node.c.id, _node.c.allocation_id).where(
                _node.c.backend_id == backend_id, _node.c.id > after_id)
            .order_by(_node.c.id).limit(BATCH)).all()
        rows = connection.execute(
            sa.select(_allocation.c.uuid, _allocation.c.name,
                      _allocation.c.extra).where(
                _allocation.c.id.in_([node.allocation_id for node in nodes
                                      if node.allocation_id is not None]),
                _allocation.c.state == states.ALLOCATED)).all()
    return rows, nodes[-1].id if len(nodes) == BATCH else None
