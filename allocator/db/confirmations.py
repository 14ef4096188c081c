# SPDX-License-Identifier: Apache-2.0
"""What a backend has answered, entered here: one transaction for each answer.

Each compares attempt and lease of the row in ``backend_writes``: an answer to
something that is wanted no longer changes nothing. Locks are taken in the
order allocation, node, write.
"""

import dataclasses
import datetime
import functools

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.common import states
from allocator.db import backend_writes
from allocator.db import models
from allocator.db import releases
from allocator.db import session
from allocator.db import types
from allocator.db import waiters

_allocation = models.Allocation.__table__
_node = models.Node.__table__
_write = models.BackendWrite.__table__

# Greatest number of seconds that a node which refused is left alone.
MAX_AVOIDED = 60


@dataclasses.dataclass(frozen=True)
class Settled:
    """An allocation whose claim has been decided, and its node.

    :ivar allocation: row of the allocation as it was before
    :ivar node_uuid: UUID of its node
    """

    allocation: sa.Row
    node_uuid: str


class UUIDTaken(Exception):
    """Another allocation here has got the UUID of a backfill."""


def _settles(transaction):
    """Make a function that enters an answer a whole transaction, retried.

    Its COMMIT may have been done although nobody said so. The row is finished
    by this very lease then, and what was entered is still to be told of.

    :param transaction: function of a connection and a backend_writes.Write
    :returns: function of the Write
    """
    @session.retried
    @functools.wraps(transaction)
    def attempt(attempts, write, *arguments):
        with session.writer() as connection:
            if attempts.last and backend_writes.was_finished(connection,
                                                             write):
                return attempts.last[0]
            found = transaction(connection, write, *arguments)
            attempts.note((found,))
            return found

    @functools.wraps(transaction)
    def settle(write, *arguments):
        return attempt(session.Attempts(), write, *arguments)
    return settle


def _lock(connection, write):
    """Lock allocation, node and write, in this order.

    :returns: rows of the allocation and of the node; None for what is gone,
        or is not this attempt's any more
    :raises: backend_writes.LeaseLost
    """
    found = lock_claim(connection, write.row)
    backend_writes.compare(connection, write)
    return found


def lock_claim(connection, row):
    """Lock the allocation that a write is about, and then its node.

    :param connection: a database connection
    :param row: row of the write
    :returns: their rows; None for what is gone, or has nothing to do with it
        any more
    """
    allocation = connection.execute(
        sa.select(_allocation).where(_allocation.c.id == row.allocation_id)
        .with_for_update()).first()
    node = connection.execute(
        sa.select(_node).where(_node.c.id == row.node_id)
        .with_for_update()).first()
    if allocation is not None and (
            allocation.state != states.CONFIRMING
            or allocation.node_id != row.node_id):
        allocation = None
    if node is not None and node.instance_uuid != row.uuid:
        node = None
    return allocation, node


def _change_node(connection, node, **values):
    connection.execute(
        sa.update(_node).where(_node.c.id == node.id).values(
            generation=_node.c.generation + 1, updated_at=types.utcnow(),
            **values))


@_settles
def confirm(connection, write):
    """Turn an allocation active: the backend has given it the node.

    :param write: backend_writes.Write of a claim
    :returns: Settled
    :raises: backend_writes.LeaseLost; also if the allocation is gone
    """
    allocation, node = _lock(connection, write)
    if allocation is None or node is None:
        raise backend_writes.LeaseLost()
    connection.execute(
        sa.update(_allocation).where(_allocation.c.id == allocation.id)
        .values(state=states.ALLOCATED, last_error=None,
                updated_at=types.utcnow()))
    if waiters.has_waited(allocation):
        waiters.leave(connection, [allocation.id])
    _change_node(connection, node, avoided_until=None, refusals=0,
                 instance_info=node.instance_info
                 | {'traits': allocation.traits})
    backend_writes.finish(connection, write, backend_writes.CONFIRMED)
    return Settled(allocation, node.uuid)


def confirm_backfill(write):
    """Enter an allocation that a backend has made for a deployed node.

    :param write: backend_writes.Write of a backfill
    :returns: dict of the allocation's columns, with node_uuid; None if the
        mirror has entered it
    :raises: backend_writes.LeaseLost, UUIDTaken
    """
    values = _columns(write.row.request['allocation'])
    try:
        return _confirm_backfill(write, values)
    except db_exc.DBDuplicateEntry:
        # Somebody has taken the name meanwhile, or else the UUID.
        try:
            return _confirm_backfill(write, values | {'name': None})
        except db_exc.DBDuplicateEntry as exc:
            raise UUIDTaken() from exc


@_settles
def _confirm_backfill(connection, write, values):
    node = connection.execute(
        sa.select(_node).where(_node.c.id == write.row.node_id)
        .with_for_update()).first()
    backend_writes.compare(connection, write)
    if node is None or node.allocation_id is not None:
        # Its mirror was faster: it knows the allocation already.
        backend_writes.finish(connection, write,
                              backend_writes.CONFIRMED)
        return None
    id_ = connection.execute(sa.insert(_allocation).values(
        node_id=node.id, **values)).inserted_primary_key[0]
    _change_node(connection, node, allocation_id=id_,
                 instance_uuid=values['uuid'],
                 instance_info=node.instance_info
                 | {'traits': values['traits']})
    backend_writes.finish(connection, write, backend_writes.CONFIRMED)
    return values | {'node_uuid': node.uuid}


@_settles
def refuse_backfill(connection, write, reason):
    """Enter that a backend has refused a backfill.

    :param write: backend_writes.Write of a backfill
    :param reason: what it said
    :raises: backend_writes.LeaseLost
    """
    backend_writes.compare(connection, write)
    backend_writes.finish(connection, write, backend_writes.REFUSED,
                          reason)


@_settles
def refuse(connection, write, reason):
    """Put an allocation back into the queue: the backend refused the node.

    The node is left alone for a while: it still looks free, and was locked
    there, say.

    :param write: backend_writes.Write of a claim
    :param reason: what the backend said
    :returns: whether the allocation is in the queue again
    :raises: backend_writes.LeaseLost
    """
    allocation, node = _lock(connection, write)
    if node is not None:
        now = connection.execute(sa.select(types.utcnow())).scalar()
        seconds = min(2 ** node.refusals, MAX_AVOIDED)
        _change_node(
            connection, node, instance_uuid=None, allocation_id=None,
            refusals=node.refusals + 1,
            avoided_until=now + datetime.timedelta(seconds=seconds))
    if allocation is not None:
        waiters.put_back(connection, allocation)
    backend_writes.finish(connection, write, backend_writes.REFUSED,
                          reason)
    return allocation is not None


@_settles
def fail(connection, write, reason):
    """Turn an allocation to error: its UUID is another's at the backend.

    :param reason: the sentence for its client
    :returns: row of the allocation as it was before, or None
    :raises: backend_writes.LeaseLost
    """
    allocation, node = _lock(connection, write)
    if node is not None:
        _change_node(connection, node, instance_uuid=None,
                     allocation_id=None)
    if allocation is not None:
        connection.execute(
            sa.update(_allocation)
            .where(_allocation.c.id == allocation.id)
            .values(state=states.ERROR, node_id=None, last_error=reason,
                    updated_at=types.utcnow()))
        if waiters.has_waited(allocation):
            waiters.leave(connection, [allocation.id])
    backend_writes.finish(connection, write, backend_writes.REFUSED,
                          reason)
    return allocation


@_settles
def give_back(connection, write):
    """Free a node: there is certainly no allocation of ours there any more.

    :param write: backend_writes.Write of a release
    :raises: backend_writes.LeaseLost
    """
    _allocation_row, node = _lock(connection, write)
    if node is not None:
        releases.free_node(connection, node,
                           generation=_node.c.generation + 1)
    backend_writes.finish(connection, write, backend_writes.RELEASED)


def keep(write, reason):
    """Put an allocation back whose release the backend refused.

    Its node has been deployed in between, say.

    :param write: backend_writes.Write of a release
    :param reason: what the backend said
    :returns: dict of the allocation's columns as they are now, with
        node_uuid; None if the node has gone
    :raises: backend_writes.LeaseLost
    """
    values = _columns(write.row.request['allocation'])
    try:
        return _keep(write, reason, values)
    except db_exc.DBDuplicateEntry:
        # Somebody has taken the name meanwhile.
        return _keep(write, reason, values | {'name': None})


@_settles
def _keep(connection, write, reason, values):
    _allocation_row, node = _lock(connection, write)
    found = None
    if node is not None:
        values = values | {'node_id': node.id}
        id_ = connection.execute(sa.insert(_allocation).values(
            **values)).inserted_primary_key[0]
        _change_node(connection, node, allocation_id=id_)
        found = values | {'node_uuid': node.uuid}
    backend_writes.finish(connection, write, backend_writes.KEPT, reason)
    return found


def _columns(found):
    return found | {
        'state': states.ALLOCATED,
        'created_at': datetime.datetime.fromisoformat(found['created_at'])}
