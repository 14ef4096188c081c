# SPDX-License-Identifier: Apache-2.0
"""One node of a backend, written by who does not hold the backend.

Nothing is fenced here: what was read of a node counts only if its row has not
changed since before the backend was asked, by the generation, which is
compared under the lock. The mirror may have seen meanwhile that nothing has
changed, which counts no generation up, and what was read may be older than
that. So it must come within some seconds after a write for the node was
finished: until then the mirror tells by the generation that somebody else has
written (``mirrored_nodes.begin_look``), and compares the node anew. Locks are
taken in the order allocation, node.
"""

import dataclasses

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.db import mirrored_nodes
from allocator.db import models
from allocator.db import session

_node = models.Node.__table__


def apply(backend_id, facts, generation):
    """Write what a backend has said of a node.

    Allocations that the backend has are left to its mirror.

    :param facts: backends.facts.Facts
    :param generation: that of the row before the backend was asked
    """
    [(_facts, profile)] = mirrored_nodes.describe([facts])
    try:
        _apply(backend_id, facts, profile, generation)
    except db_exc.DBDuplicateEntry as exc:
        # Another node bears the name here, or has the instance. The mirror
        # sees both.
        if 'name' not in exc.columns or facts.columns['name'] is None:
            return
        apply(backend_id, dataclasses.replace(
            facts, columns=facts.columns | {'name': None}), generation)


@session.retried
def _apply(backend_id, facts, profile, generation):
    with session.writer() as connection:
        row = _lock(connection, backend_id, facts.uuid, generation)
        if row is not None:
            mirrored_nodes.update(
                connection, row, facts, profile,
                bool(mirrored_nodes.open_writes(connection, [row])),
                mirrored_nodes.Outcome())


@session.retried
def remove(backend_id, uuid, generation):
    """Remove a node that the backend does not have, or is not to hand out.

    One that is allocated, or that a write is under way for, stays.

    :param generation: that of the row before the backend was asked
    """
    with session.writer() as connection:
        row = _lock(connection, backend_id, uuid, generation)
        if row is not None and row.allocation_id is None and (
                not mirrored_nodes.open_writes(connection, [row])):
            connection.execute(sa.delete(_node).where(_node.c.id == row.id))


def _lock(connection, backend_id, uuid, generation):
    """Lock a node, and its allocation before it.

    :returns: its row, or None if it is not what it was
    """
    row = mirrored_nodes.lock(connection, [uuid]).get(uuid)
    if row is None or (row.backend_id, row.generation) != (
            backend_id, generation):
        return None
    return row
