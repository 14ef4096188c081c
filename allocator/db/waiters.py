# SPDX-License-Identifier: Apache-2.0
"""Waiters: the allocations that wait for a node to become free.

The table is as large as the queue. Those that ask for the same have the same
demand, so that one look tells whether any of them can be served; those that
name candidates are found by these.
"""

import dataclasses
import datetime
import hashlib
import json

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.common import exception
from allocator.common import states
from allocator.db import models
from allocator.db import session
from allocator.db import starts
from allocator.db import suitability
from allocator.db import types

_allocation = models.Allocation.__table__
_candidate = models.WaiterCandidate.__table__
_node = models.Node.__table__
_queue = models.Queue.__table__
_waiter = models.Waiter.__table__

# Built once: every batch of claims asks it.
_WHO_WAITS = sa.select(_waiter.c.allocation_id).where(
    _waiter.c.is_waiting == sa.true(),
    _waiter.c.resource_class == sa.bindparam('resource_class')).limit(1)

# The demand of those that name candidates: no two need ask for the same.
OF_CANDIDATES = ''

# As many waiters are counted to tell the place of one.
MAX_POSITION = 1000

# What does not count for a demand: other nodes than those left out may be
# free for the same.
_NOT_OF_DEMAND = ('candidates', 'excluded')


def demand_of(requirement):
    """Name what an allocation asks for.

    :param requirement: suitability.Requirement
    :returns: the same string for the same demands
    """
    if requirement.candidates:
        return OF_CANDIDATES
    asked = dataclasses.asdict(requirement)
    for name in _NOT_OF_DEMAND:
        asked.pop(name, None)
    return hashlib.sha256(json.dumps(
        asked, sort_keys=True).encode()).hexdigest()[:32]


def ensure_queue(resource_class):
    """Have a resource class have a queue, by which it is served.

    It is to be made when nothing is refused any more.

    :param resource_class: the class
    """
    try:
        _insert_queue(resource_class)
    except db_exc.DBDuplicateEntry:
        # Another conductor was faster.
        return


@session.retried
def _insert_queue(resource_class):
    with session.reader() as connection:
        if connection.execute(sa.select(_queue.c.resource_class).where(
                _queue.c.resource_class == resource_class)).first():
            return
    with session.writer() as connection:
        connection.execute(sa.insert(_queue).values(
            resource_class=resource_class, created_at=types.utcnow()))


def remove_queues():
    """Remove the queues of classes for whose nodes nobody waits.

    Somebody may come to wait just then; whoever sweeps makes the queue anew.

    :returns: number of queues removed
    """
    return sum(_remove_queue(name) for name in _deserted())


@session.retried
def _deserted():
    with session.reader() as connection:
        return connection.execute(sa.select(_queue.c.resource_class).where(
            ~sa.exists().where(_waiter.c.resource_class
                               == _queue.c.resource_class))).scalars().all()


@session.retried
def _remove_queue(resource_class):
    """Remove a queue, unless it is in use.

    :returns: whether it was
    """
    with session.writer() as connection:
        if not connection.execute(
                sa.select(_queue.c.resource_class).where(
                    _queue.c.resource_class == resource_class)
                .with_for_update(skip_locked=True)).first():
            return False
        # Not within the DELETE, which would lock what it reads.
        if connection.execute(sa.select(_waiter.c.allocation_id).where(
                _waiter.c.resource_class == resource_class).limit(1)).first():
            return False
        connection.execute(sa.delete(_queue).where(
            _queue.c.resource_class == resource_class))
        return True


def add(connection, entries):
    """Put new allocations among those that wait.

    :param connection: a database connection
    :param entries: list of (id of its row, dict of its columns, with
        created_at by the database's clock), one or more
    """
    rows, candidates = [], []
    for allocation_id, values in entries:
        wanted = suitability.requirement_of(suitability.named(values))
        rows.append({
            'allocation_id': allocation_id,
            'resource_class': values['resource_class'],
            'demand': demand_of(wanted),
            'queue_rank': -(values['priority'] or 0),
            'deadline': deadline_of(values['created_at'],
                                    values['wait_timeout']),
            'created_at': values['created_at']})
        candidates += [{'allocation_id': allocation_id, 'node_uuid': uuid}
                       for uuid in wanted.candidates]
    connection.execute(sa.insert(_waiter), rows)
    if candidates:
        connection.execute(sa.insert(_candidate), candidates)


def deadline_of(created_at, wait_timeout):
    """Tell until when an allocation waits.

    :param created_at: when it was created
    :param wait_timeout: seconds, or None
    :returns: the time, None for one that does not wait
    """
    if wait_timeout is None:
        return None
    return created_at + datetime.timedelta(seconds=wait_timeout)


def give_nodes(connection, waiting, active):
    """Note that some waiters have got nodes.

    :param connection: a database connection
    :param waiting: ids of those whose backends have yet to say so
    :param active: ids of those that need not wait again
    """
    if waiting:
        connection.execute(
            sa.update(_waiter).where(_waiter.c.allocation_id.in_(waiting))
            .values(is_waiting=False))
    if active:
        leave(connection, active)


def leave(connection, ids):
    """Remove allocations from those that wait.

    :param connection: a database connection
    :param ids: ids of the allocations
    """
    # SQLite does not know the cascade.
    for table in (_candidate, _waiter):
        connection.execute(sa.delete(table).where(
            table.c.allocation_id.in_(ids)))


def has_waited(allocation):
    """Tell whether an allocation may have a row here.

    :param allocation: its row
    """
    return allocation.wait_timeout is not None


def requeue(connection, allocation):
    """Put an allocation back where it stood: its node was refused.

    :param connection: a database connection
    :param allocation: its row
    :returns: the state that it has then
    """
    if not has_waited(allocation):
        return states.ALLOCATING
    connection.execute(
        sa.update(_waiter).where(_waiter.c.allocation_id == allocation.id)
        .values(is_waiting=True))
    return states.WAITING


def put_back(connection, allocation):
    """Have an allocation whose claim has come to nothing be looked at anew.

    :param connection: a database connection
    :param allocation: its locked row
    """
    connection.execute(
        sa.update(_allocation).where(_allocation.c.id == allocation.id)
        .values(state=requeue(connection, allocation), node_id=None,
                updated_at=types.utcnow()))


def waited_for(connection, classes):
    """Tell for the nodes of which classes somebody waits.

    :param connection: a database connection
    :param classes: resource classes
    :returns: set of those among them
    """
    return {resource_class for resource_class in classes
            if connection.execute(_WHO_WAITS, {
                'resource_class': resource_class}).first()}


@session.retried
def is_anybody():
    """Tell whether anybody waits for a node."""
    with session.reader() as connection:
        found = connection.execute(sa.select(_waiter.c.allocation_id).where(
            _waiter.c.is_waiting == sa.true()).limit(1)).first()
    return found is not None


@session.retried
def class_of_free(node_uuid):
    """Tell the class of a node, if it is free and somebody waits for one.

    :param node_uuid: UUID of the node
    :returns: the class, or None
    """
    with session.reader() as connection:
        return connection.execute(
            sa.select(_node.c.resource_class).join(
                _waiter,
                _waiter.c.resource_class == _node.c.resource_class).where(
                _node.c.uuid == node_uuid, _node.c.free != 0,
                _waiter.c.is_waiting == sa.true()).limit(1)).scalar()


@session.retried
def list_classes():
    """List the classes for whose nodes somebody waits."""
    found: list[str] = []
    with session.reader() as connection:
        while True:
            query = sa.select(_waiter.c.resource_class).where(
                _waiter.c.is_waiting == sa.true()).order_by(
                _waiter.c.resource_class).limit(1)
            if found:
                query = query.where(_waiter.c.resource_class > found[-1])
            # One step of the index each: it is not read.
            name = connection.execute(starts.hint(
                query, _waiter, 'waiters_order_idx')).scalar()
            if name is None:
                return found
            found.append(name)


@session.retried
def count_by_class():
    """Count those that wait.

    :returns: dict of numbers by resource class
    """
    with session.reader() as connection:
        return {name: count for name, count in connection.execute(
            sa.select(_waiter.c.resource_class, sa.func.count()).where(
                _waiter.c.is_waiting == sa.true())
            .group_by(_waiter.c.resource_class)).all()}


@session.retried
def oldest_by_class():
    """Tell how old the oldest allocations are that wait.

    :returns: dict of seconds by resource class
    """
    with session.reader() as connection:
        return {row.resource_class: (row.now - row.oldest).total_seconds()
                for row in connection.execute(
                    sa.select(_waiter.c.resource_class,
                              types.utcnow().label('now'),
                              sa.func.min(_waiter.c.created_at)
                              .label('oldest')).where(
                        _waiter.c.is_waiting == sa.true())
                    .group_by(_waiter.c.resource_class)).all()}


@session.retried
def position(allocation_id):
    """Tell the place of an allocation among those that wait in its class.

    :param allocation_id: its id
    :returns: 1 for the first, at most MAX_POSITION; None if it does not wait
    """
    with session.reader() as connection:
        own = connection.execute(sa.select(_waiter).where(
            _waiter.c.allocation_id == allocation_id,
            _waiter.c.is_waiting == sa.true())).first()
        if own is None:
            return None
        return 1 + count_before(connection, own.resource_class,
                                own.queue_rank, own.allocation_id,
                                MAX_POSITION - 1)


def count_before(connection, resource_class, rank, allocation_id, limit):
    """Count those that wait in a class before a place.

    :param connection: a database connection
    :param resource_class: the class
    :param rank: minus the priority of the place
    :param allocation_id: id of the allocation at the place; None for the
        end of its priority
    :param limit: count no further
    """
    in_class = [_waiter.c.is_waiting == sa.true(),
                _waiter.c.resource_class == resource_class]
    parts = [[_waiter.c.queue_rank < rank], [_waiter.c.queue_rank == rank]]
    if allocation_id is not None:
        parts[1].append(_waiter.c.allocation_id < allocation_id)
    count = 0
    for part in parts:
        rows = sa.select(sa.literal(1)).select_from(_waiter).where(
            *in_class, *part).limit(limit - count)
        if count < limit:
            count += connection.execute(sa.select(
                sa.func.count()).select_from(rows.subquery())).scalar_one()
    return count


def change(connection, allocation, wait_timeout, priority):
    """Change until when an allocation waits, and its place.

    :param connection: a database connection
    :param allocation: its locked row
    :param wait_timeout: seconds from its creation
    :param priority: the priority
    :raises: NotWaiting
    """
    if not connection.execute(
            sa.update(_waiter).where(_waiter.c.allocation_id == allocation.id)
            .values(queue_rank=-priority, deadline=deadline_of(
                allocation.created_at, wait_timeout))).rowcount:
        raise exception.NotWaiting(allocation=allocation.uuid)
