# SPDX-License-Identifier: Apache-2.0
"""The allocations of backends, as the mirror enters and ends them.

Locks are taken in the order backend, allocation, node.
"""

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.common import states
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import mirrored_nodes
from allocator.db import models
from allocator.db import session
from allocator.db import types
from allocator.db import waiters

_allocation = models.Allocation.__table__
_node = models.Node.__table__
_write = models.BackendWrite.__table__

# States in which an allocation has no node yet, nor is about to have one.
_PENDING = (states.ALLOCATING, states.WAITING)


class AnotherHere(Exception):
    """An allocation waits here that has the UUID, and is another one."""


def end(hold, node_uuid, uuid, instance_uuid):
    """End an allocation that the backend has ended, by undeploying, say.

    :param node_uuid: UUID of the node
    :param uuid: UUID of the allocation, of which the backend has said that
        there is none
    :param instance_uuid: what the node has there instead, or None
    :returns: row of the allocation, or None if it was gone
    :raises: backends.HoldLost
    """
    return _end(hold, node_uuid, uuid, instance_uuid, session.Attempts())


@session.retried
def _end(hold, node_uuid, uuid, instance_uuid, attempts):
    """End an allocation.

    :param attempts: session.Attempts, of the row that they removed
    """
    with session.writer() as connection:
        if attempts.last and not _exists(connection, attempts.last):
            return attempts.last
        backends.fence(connection, hold)
        node = mirrored_nodes.lock(connection, [node_uuid]).get(node_uuid)
        if (node is None or node.allocation_id is None
                or node.instance_uuid != uuid
                or mirrored_nodes.open_writes(connection, [node])):
            return None
        allocation = connection.execute(sa.select(_allocation).where(
            _allocation.c.id == node.allocation_id)).first()
        info = {name: value for name, value in node.instance_info.items()
                if name != 'traits'}
        connection.execute(
            sa.update(_node).where(_node.c.id == node.id).values(
                allocation_id=None, instance_uuid=instance_uuid,
                instance_info=info, generation=_node.c.generation + 1,
                updated_at=types.utcnow()))
        connection.execute(sa.delete(_allocation).where(
            _allocation.c.id == node.allocation_id))
        attempts.note(allocation)
        return allocation


def _exists(connection, allocation):
    # SQLite uses ids again.
    return connection.execute(sa.select(_allocation.c.id).where(
        _allocation.c.id == allocation.id,
        _allocation.c.uuid == allocation.uuid)).first() is not None


def take_over(hold, node_uuid, values, attempt=None):
    """Enter an allocation that a backend has.

    One that is known here and has no node, as in a database that was restored
    from a backup, becomes active with the node that it has there.

    :param node_uuid: UUID of its node
    :param values: dict of columns: uuid, name, resource_class, traits,
        extra, owner, candidate_nodes
    :param attempt: number of the attempt that its mark names; None for one
        that is not ours
    :returns: dict of its columns, with node_uuid, and row of the allocation
        as it was before, None for one that was not known; or None if it
        cannot be entered here
    :raises: backends.HoldLost, AnotherHere
    """
    try:
        return _take_over(hold, node_uuid, values, attempt,
                          session.Attempts())
    except db_exc.DBDuplicateEntry as exc:
        if 'name' not in exc.columns:
            return None
        # The name is taken here; the allocation matters more.
        return _take_over(hold, node_uuid, values | {'name': None}, attempt,
                          session.Attempts())


@session.retried
def _take_over(hold, node_uuid, values, attempt, attempts):
    """Enter an allocation that a backend has.

    :param attempts: session.Attempts, of what they returned
    """
    with session.writer() as connection:
        if attempts.last and _is_entered(connection, attempts.last[0]):
            return attempts.last
        backends.fence(connection, hold)
        known = connection.execute(
            sa.select(_allocation).where(
                _allocation.c.uuid == values['uuid'])
            .with_for_update()).first()
        node = mirrored_nodes.lock(connection, [node_uuid]).get(node_uuid)
        if (node is None or node.backend_id != hold.backend_id
                or node.allocation_id is not None
                or node.instance_uuid != values['uuid']
                or mirrored_nodes.open_writes(connection, [node])):
            return None
        if known is None:
            entered = _insert(connection, node, values)
        elif known.state in _PENDING:
            if not _is_same(connection, hold, known, values, attempt):
                raise AnotherHere()
            entered = _settle(connection, node, known)
        else:
            return None
        connection.execute(
            sa.update(_node).where(_node.c.id == node.id).values(
                allocation_id=entered['id'],
                generation=_node.c.generation + 1,
                instance_info=node.instance_info
                | {'traits': entered['traits']}, updated_at=types.utcnow()))
        found = entered | {'node_uuid': node_uuid}, known
        attempts.note(found)
        return found


def _is_entered(connection, entered):
    """Tell whether an attempt whose COMMIT nobody acknowledged did it."""
    return connection.execute(sa.select(_allocation.c.id).where(
        *(_allocation.c[name] == entered[name]
          for name in ('id', 'uuid', 'state', 'node_id')))
    ).first() is not None


def _insert(connection, node, values):
    values = values | {
        'state': states.ALLOCATED, 'node_id': node.id,
        'created_at': connection.execute(
            sa.select(types.utcnow())).scalar()}
    id_ = connection.execute(sa.insert(_allocation).values(
        **values)).inserted_primary_key[0]
    return values | {'id': id_}


def _is_same(connection, hold, known, values, attempt):
    """Tell whether what a backend has is what waits here.

    It was asked for by us, and nothing is known here of that attempt: it came
    after the backup from which the database was restored. What has ended by a
    row here, as a backfill whose UUID another got, is somebody else's.
    """
    if attempt is None or any(
            known._mapping[name] != values[name]
            for name in ('resource_class', 'owner')) or (
            set(known.traits) != set(values['traits'])):
        return False
    last = connection.execute(sa.select(_write.c.attempt).where(
        _write.c.backend_id == hold.backend_id,
        _write.c.uuid == known.uuid)).scalar()
    return last is None or last < attempt


def _settle(connection, node, known):
    """Give the node that an allocation has there to its row here."""
    changed = {'state': states.ALLOCATED, 'node_id': node.id,
               'last_error': None}
    connection.execute(
        sa.update(_allocation).where(_allocation.c.id == known.id)
        .values(updated_at=types.utcnow(), **changed))
    if waiters.has_waited(known):
        waiters.leave(connection, [known.id])
    return dict(known._mapping) | changed


@session.retried
def of_node(backend_id, uuid):
    """Tell the allocation of a node.

    :returns: UUID, or None
    """
    with session.reader() as connection:
        return connection.execute(
            sa.select(_allocation.c.uuid).join(
                _node, _node.c.allocation_id == _allocation.c.id).where(
                _node.c.uuid == uuid,
                _node.c.backend_id == backend_id)).scalar()


def is_tombstone(write):
    """Tell whether an allocation at a backend is a leftover.

    :param write: row of backend_writes for its UUID, or None
    """
    return (write is not None and write.finished_at is not None
            and write.outcome in (backend_writes.REFUSED,
                                  backend_writes.WITHDRAWN,
                                  backend_writes.RELEASED))
