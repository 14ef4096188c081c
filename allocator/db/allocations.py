# SPDX-License-Identifier: Apache-2.0
"""The allocations table: created, read, listed and renamed."""

import datetime
import functools

from oslo_db import exception as db_exc
from oslo_utils import timeutils
from oslo_utils import uuidutils
import sqlalchemy as sa

from allocator.common import constraints
from allocator.common import exception
from allocator.common import states
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import conductors
from allocator.db import grouping
from allocator.db import known_conductors
from allocator.db import models
from allocator.db import node_filters
from allocator.db import nodes
from allocator.db import pagination
from allocator.db import session
from allocator.db import types
from allocator.db import waiters

_allocation = models.Allocation.__table__
_node = models.Node.__table__

_COLUMNS = [*_allocation.c, _node.c.uuid.label('node_uuid'),
            nodes.BACKEND.label('backend')]
# The columns of a new row: always the same, so that there is one statement.
_WRITTEN = [column.name for column in _allocation.c
            if column.name not in ('id', 'node_id', 'last_error',
                                   'updated_at')]
# Inline: no id is asked for.
_INSERT = sa.insert(_allocation).inline()
# A node that a backend has not confirmed is not told.
_JOINED = _allocation.outerjoin(_node, sa.and_(
    _node.c.id == _allocation.c.node_id,
    _allocation.c.state != states.CONFIRMING))

# To build a statement takes as long as to send it, so what most requests ask
# is built once.
_ROW = sa.select(*_COLUMNS).select_from(_JOINED)

# What is read of one allocation in any case: what it is known by, and by what
# it is decided who may see it.
_ALWAYS = ('uuid', 'name', 'owner')
# Choices of fields whose statements are kept.
_CHOICES = 64


def new_uuid():
    """Make a UUID for an allocation whose client chose none."""
    return uuidutils.generate_uuid()


def create(values, candidates=(), tenant=None, is_new_uuid=False):
    """Put an allocation into the table, which is the queue.

    :param values: dict of column values, complete but for candidate_nodes
        and the times; nodes that constraints exclude by name or UUID are
        looked up
    :param candidates: UUIDs and names of nodes in the client's order
    :param tenant: project to which foreign nodes do not exist, or None
    :param is_new_uuid: whether the uuid has been made for this allocation,
        so that no node can carry it
    :returns: dict of the column values
    :raises: NoConductor, UnknownCandidates, AllocationDuplicateName,
        AllocationAlreadyExists, InstanceUUIDTaken; ConductorsTooOld,
        UnknownExcluded, AllExcluded
    """
    values = dict(values)
    known_conductors.require(_needed(values))
    values['candidate_nodes'] = []
    if candidates or not is_new_uuid or values.get('constraints') or (
            values['state'] == states.WAITING):
        _look(values, candidates, tenant, is_new_uuid)
    if values['state'] == states.WAITING:
        # Not before: it would outlast a request that is refused.
        waiters.ensure_queue(values['resource_class'])
    values.setdefault('created_at', timeutils.utcnow())
    _store(values, session.Attempts())
    return values


def _needed(values):
    """Tell which version of conductors an allocation needs."""
    if values.get('constraints'):
        return conductors.LANGUAGE
    if values['state'] == states.WAITING:
        return conductors.WAITING
    return 1


@session.retried
def _look(values, candidates, tenant, is_new_uuid):
    """Look up what a new allocation refers to, and the time."""
    with session.reader() as connection:
        values['candidate_nodes'] = nodes.resolve(
            connection, candidates, tenant)
        if values.get('constraints'):
            values['constraints'] = nodes.resolve_excluded(
                connection, values['constraints'],
                values['candidate_nodes'], tenant)
        if not is_new_uuid:
            refuse_instance(connection, values['uuid'])
        if values['state'] == states.WAITING:
            # Its deadline goes by the database's clock.
            values['created_at'] = connection.execute(
                sa.select(types.utcnow())).scalar()


@session.retried
def _store(values, attempts):
    """Write a row: with what else arrives, or by itself if that fails.

    :param attempts: session.Attempts; after the first, the row may be there
    """
    is_unsure = attempts.last is not None
    attempts.note(values['uuid'])
    try:
        if is_unsure or not _together.write(values):
            is_unsure = True
            _write([values])
    except db_exc.DBDuplicateEntry as exc:
        if not (is_unsure and _is_stored(values)):
            raise _duplicate(exc, values) from None


def _write(entries):
    """Write some rows in one transaction.

    :param entries: list of dicts of column values
    :raises: DBDuplicateEntry
    """
    waiting = {values['uuid']: values for values in entries
               if values['state'] == states.WAITING}
    rows = [{name: values.get(name) for name in _WRITTEN}
            for values in entries]
    is_single = len(rows) == 1 and not waiting
    with session.writer(is_single=is_single) as connection:
        # A list, even of one, is sent in a way that is dearer for one.
        connection.execute(_INSERT, rows if len(rows) > 1 else rows[0])
        if waiting:
            waiters.add(connection, [
                (row.id, waiting[row.uuid]) for row in connection.execute(
                    sa.select(_allocation.c.id, _allocation.c.uuid).where(
                        _allocation.c.uuid.in_(list(waiting))))])


# Requests at the same time share a transaction: see there.
_together = grouping.Grouping(_write)


def _is_stored(values):
    with session.reader() as connection:
        return connection.execute(
            sa.select(_allocation.c.id).where(
                _allocation.c.uuid == values['uuid'],
                _allocation.c.created_at == values['created_at'])
        ).first() is not None


@session.retried
def resolve_candidates(idents, tenant=None):
    """Find the UUIDs of candidate nodes, for a backfill.

    :param idents: UUIDs and names of nodes
    :param tenant: project to which foreign nodes do not exist, or None
    :returns: list of UUIDs in the order given, without repeats
    :raises: NoConductor, UnknownCandidates
    """
    known_conductors.require()
    if not idents:
        return []
    with session.reader() as connection:
        return nodes.resolve(connection, idents, tenant)


def refuse_instance(connection, uuid, node_id=None):
    """Refuse a uuid that some node has as its instance.

    :param connection: a database connection
    :param uuid: UUID of a new allocation
    :param node_id: node that may carry it
    :raises: InstanceUUIDTaken
    """
    taken = connection.execute(
        sa.select(_node.c.id, _node.c.allocation_id).where(
            _node.c.instance_uuid == uuid)).first()
    if taken and taken.id != node_id and taken.allocation_id is None:
        raise exception.InstanceUUIDTaken(uuid=uuid)
    if backends.names() and backend_writes.get_open(connection, [uuid]):
        # A backend has yet to let go of it.
        raise exception.InstanceUUIDTaken(uuid=uuid)


def refuse_existing(connection, uuid, name):
    """Refuse a uuid or a name that an allocation has.

    :param connection: a database connection
    :param uuid: UUID of a new allocation
    :param name: its name, or None
    :raises: AllocationDuplicateName, AllocationAlreadyExists
    """
    found = connection.execute(
        sa.select(_allocation.c.uuid).where(sa.or_(
            _allocation.c.uuid == uuid,
            sa.and_(_allocation.c.name.is_not(None),
                    _allocation.c.name == name)))).scalars().all()
    if uuid in found:
        raise exception.AllocationAlreadyExists(uuid=uuid)
    if found:
        raise exception.AllocationDuplicateName(name=name)


def insert(connection, values):
    """Insert a row.

    :param connection: a database connection
    :param values: dict of column values
    :returns: id of the row
    :raises: AllocationDuplicateName, AllocationAlreadyExists
    """
    values.setdefault('created_at', timeutils.utcnow())
    try:
        return connection.execute(
            sa.insert(_allocation).values(**values)).inserted_primary_key[0]
    except db_exc.DBDuplicateEntry as exc:
        raise _duplicate(exc, values) from None


def _duplicate(error, values):
    """Make the exception for a value that another allocation has already."""
    if 'name' in error.columns:
        return exception.AllocationDuplicateName(name=values['name'])
    return exception.AllocationAlreadyExists(uuid=values['uuid'])


@session.retried
def get(ident, names=None):
    """Read one allocation.

    :param ident: UUID or name
    :param names: fields to read besides uuid, name and owner, as for
        get_page; all unless given
    :returns: row, with node_uuid
    :raises: AllocationNotFound
    """
    query = _by('uuid' if uuidutils.is_uuid_like(ident) else 'name',
                None if names is None else frozenset(names))
    with session.reader() as connection:
        row = connection.execute(query, {'ident': ident}).first()
    # To MariaDB "x" and "x " are equal.
    if row is None or ident not in (row.uuid, row.name):
        raise exception.AllocationNotFound(allocation=ident)
    return row


@functools.lru_cache(_CHOICES)
def _by(key, names):
    query = _ROW if names is None else sa.select(
        *_columns(names.union(_ALWAYS))).select_from(_JOINED)
    return query.where(_allocation.c[key] == sa.bindparam('ident'))


def _columns(names):
    """List the columns that some fields are made of."""
    return [column for column in _COLUMNS
            if column.name in names
            or column.name == 'constraints'
            and not constraints.FIELDS.keys().isdisjoint(names)]


def is_same(row, seen):
    """Tell whether a row is the one that was seen before.

    Another allocation may have got its UUID meanwhile, and SQLite gives even
    the id once more.

    :param row: row of an allocation, or None
    :param seen: row of an allocation
    """
    return row is not None and all(
        row._mapping[name] == seen._mapping[name]
        for name in ('id', 'owner', 'created_at'))


def get_again(seen):
    """Read an allocation as it is now.

    :param seen: row of the allocation
    :returns: row, with node_uuid
    :raises: AllocationNotFound, also if another one has its UUID by now
    """
    row = get(seen.uuid)
    if not is_same(row, seen):
        raise exception.AllocationNotFound(allocation=seen.uuid)
    return row


@session.retried
def count_pending():
    """Count the allocations that wait for a conductor."""
    with session.reader() as connection:
        return connection.execute(
            sa.select(sa.func.count()).where(
                _allocation.c.state == states.ALLOCATING)).scalar_one()


@session.retried
def get_pending_since(age):
    """Find the allocations that have waited long for a conductor.

    :param age: seconds
    :returns: list of their UUIDs, the oldest first
    """
    since = timeutils.utcnow() - datetime.timedelta(seconds=age)
    with session.reader() as connection:
        return connection.execute(
            sa.select(_allocation.c.uuid).where(
                _allocation.c.state == states.ALLOCATING,
                _allocation.c.created_at < since)
            .order_by(_allocation.c.id)).scalars().all()


@session.retried
def get_of_node(node_id):
    """Read the allocation of a node.

    :param node_id: id of the node
    :returns: row, with node_uuid, or None
    """
    with session.reader() as connection:
        return connection.execute(
            _ROW.where(_allocation.c.node_id == node_id)).first()


@session.retried
def get_page(filters, names, *, sort_key, descending, limit, marker=None):
    """Read a page of allocations with one query (and one for the marker).

    :param filters: dict of values by column, or "backend"
    :param names: fields to read besides the uuid: names of columns,
        "node_uuid" or "backend"
    :param sort_key: name of a column
    :param descending: whether to sort in falling order
    :param limit: number of rows
    :param marker: UUID of the allocation after which the page begins
    :returns: pagination.Page
    :raises: AllocationNotFound for an unknown marker
    """
    if sort_key == 'state' and 'state' in filters:
        # They are equal, to whom they are shown.
        sort_key = 'id'
    key = _allocation.c[sort_key]
    columns = _columns({'uuid', *names})
    with session.reader() as connection:
        after = None
        if marker is not None:
            after = connection.execute(
                sa.select(*dict.fromkeys([_allocation.c.id, key])).where(
                    _allocation.c.uuid == marker, *_owned(filters))).first()
            if after is None or not _is_in_order(after, sort_key):
                raise exception.AllocationNotFound(allocation=marker)
        if filters.get('state', states.ERROR) not in states.SHOWN:
            # Some of these the database has, and nobody is shown.
            return pagination.Page([], False)
        return pagination.page(
            connection, columns, _JOINED,
            [_condition(name, value) for name, value in filters.items()],
            key=key, descending=descending, limit=limit, marker=after,
            groups=states.SHOWN.values() if sort_key == 'state' else ())


def _is_in_order(row, sort_key):
    """Tell whether a row has a place in a list that is sorted by a key.

    A state that is not known here, but to a newer release, say, has none.
    """
    return sort_key != 'state' or any(
        row.state in group for group in states.SHOWN.values())


def _condition(name, value):
    if name == 'state' and value in states.STORED:
        return _allocation.c.state.in_(states.STORED[value])
    if name == 'waiting':
        waits = _allocation.c.state == states.WAITING
        return waits if value else sa.not_(waits)
    if name == 'backend':
        return _allocation.c.node_id.in_(
            sa.select(_node.c.id).where(node_filters.of_backend(value)))
    return _allocation.c[name] == value


def _owned(filters):
    """List the condition by which somebody else's marker is unknown.

    Only the owner: it never changes, so it holds for every marker of a list.
    """
    if 'owner' not in filters:
        return []
    return [_allocation.c.owner == filters['owner']]


def update(uuid, change, seen=None):
    """Change an allocation: its name, its extra, how it waits.

    :param uuid: UUID of the allocation
    :param change: function that takes the row and returns a dict of new
        column values; it runs under the row's lock, so that of two patches
        none is lost
    :param seen: row of the allocation that is meant; another one may have
        the UUID by now
    :raises: AllocationNotFound, AllocationDuplicateName, NotWaiting
    """
    _update(uuid, change, seen, session.Attempts())


@session.retried
def _update(uuid, change, seen, attempts):
    """Change an allocation.

    :param attempts: session.Attempts; if the row has what the one before
        wrote, the change must not be applied to it once more
    """
    with session.writer() as connection:
        row = connection.execute(
            sa.select(_allocation).where(_allocation.c.uuid == uuid)
            .with_for_update()).first()
        if row is None or seen is not None and not is_same(row, seen):
            raise exception.AllocationNotFound(allocation=uuid)
        if attempts.last and all(row._mapping[name] == value
                                 for name, value in attempts.last.items()):
            return
        values = change(row)
        if not values:
            return
        if values.keys() & {'wait_timeout', 'priority'}:
            waiters.change(connection, row,
                           values.get('wait_timeout', row.wait_timeout),
                           values.get('priority', row.priority or 0))
        try:
            connection.execute(
                sa.update(_allocation).where(_allocation.c.id == row.id)
                .values(updated_at=types.utcnow(), **values))
            attempts.note(values)
        except db_exc.DBDuplicateEntry:
            raise exception.AllocationDuplicateName(
                name=values['name']) from None
