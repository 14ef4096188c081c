# SPDX-License-Identifier: Apache-2.0
"""The allocations table: created, read, listed and renamed."""

import datetime

from oslo_db import exception as db_exc
from oslo_utils import timeutils
from oslo_utils import uuidutils
import sqlalchemy as sa

from allocator.common import exception
from allocator.common import states
from allocator.db import conductors
from allocator.db import models
from allocator.db import nodes
from allocator.db import pagination
from allocator.db import session
from allocator.db import types

_allocation = models.Allocation.__table__
_node = models.Node.__table__

_COLUMNS = [*_allocation.c, _node.c.uuid.label('node_uuid')]
_JOINED = _allocation.outerjoin(_node, _node.c.id == _allocation.c.node_id)


def new_uuid():
    """Make a UUID for an allocation whose client chose none."""
    return uuidutils.generate_uuid()


def create(values, candidates=(), tenant=None, is_new_uuid=False):
    """Put an allocation into the table, which is the queue.

    :param values: dict of column values, complete but for candidate_nodes
        and the times
    :param candidates: UUIDs and names of nodes in the client's order
    :param tenant: project to which foreign nodes do not exist, or None
    :param is_new_uuid: whether the uuid has been made for this allocation,
        so that no node can carry it
    :returns: dict of the column values
    :raises: NoConductor, UnknownCandidates, AllocationDuplicateName,
        AllocationAlreadyExists, InstanceUUIDTaken
    """
    return _create(values | {'created_at': timeutils.utcnow()}, candidates,
                   tenant, is_new_uuid)


@session.retried
def _create(values, candidates, tenant, is_new_uuid):
    try:
        with session.writer() as connection:
            _require_conductor(connection)
            values['candidate_nodes'] = nodes.resolve(
                connection, candidates, tenant)
            if not is_new_uuid:
                refuse_instance(connection, values['uuid'])
            insert(connection, values)
    except (exception.AllocationDuplicateName,
            exception.AllocationAlreadyExists):
        # The COMMIT of an earlier attempt may have been done.
        if not _is_stored(values):
            raise
    return values


def _is_stored(values):
    with session.reader() as connection:
        return connection.execute(
            sa.select(_allocation.c.id).where(
                _allocation.c.uuid == values['uuid'],
                _allocation.c.created_at == values['created_at'])
        ).first() is not None


def _require_conductor(connection):
    if not conductors.is_any_alive(connection):
        raise exception.NoConductor()


@session.retried
def resolve_candidates(idents, tenant=None):
    """Find the UUIDs of candidate nodes, for a backfill.

    :param idents: UUIDs and names of nodes
    :param tenant: project to which foreign nodes do not exist, or None
    :returns: list of UUIDs in the order given, without repeats
    :raises: NoConductor, UnknownCandidates
    """
    with session.reader() as connection:
        _require_conductor(connection)
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
        error = exc
    # Outside of the handler: the lookup needs a connection of its own, for
    # a failed statement ends PostgreSQL's transaction.
    if 'name' in error.columns:
        raise exception.AllocationDuplicateName(name=values['name'])
    raise exception.AllocationAlreadyExists(uuid=values['uuid'])


@session.retried
def get(ident):
    """Read one allocation.

    :param ident: UUID or name
    :returns: row, with node_uuid
    :raises: AllocationNotFound
    """
    column = (_allocation.c.uuid if uuidutils.is_uuid_like(ident)
              else _allocation.c.name)
    with session.reader() as connection:
        row = connection.execute(
            sa.select(*_COLUMNS).select_from(_JOINED)
            .where(column == ident)).first()
    # To MariaDB "x" and "x " are equal.
    if row is None or ident not in (row.uuid, row.name):
        raise exception.AllocationNotFound(allocation=ident)
    return row


def count_pending():
    """Count the allocations that wait for a conductor."""
    with session.reader() as connection:
        return connection.execute(
            sa.select(sa.func.count()).where(
                _allocation.c.state == states.ALLOCATING)).scalar_one()


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
            sa.select(*_COLUMNS).select_from(_JOINED)
            .where(_allocation.c.node_id == node_id)).first()


@session.retried
def get_page(filters, *, sort_key, descending, limit, marker=None):
    """Read a page of allocations with one query (and one for the marker).

    :param filters: dict of values by column
    :param sort_key: name of a column
    :param descending: whether to sort in falling order
    :param limit: number of rows
    :param marker: UUID of the allocation after which the page begins
    :returns: list of rows, with node_uuid
    :raises: AllocationNotFound for an unknown marker
    """
    key = _allocation.c[sort_key]
    with session.reader() as connection:
        after = None
        if marker is not None:
            after = connection.execute(
                sa.select(*dict.fromkeys([_allocation.c.id, key])).where(
                    _allocation.c.uuid == marker, *_owned(filters))).first()
            if after is None:
                raise exception.AllocationNotFound(allocation=marker)
        return pagination.page(
            connection, _COLUMNS, _JOINED,
            [_allocation.c[name] == value for name, value in filters.items()],
            key=key, descending=descending, limit=limit, marker=after)


def _owned(filters):
    """List the condition by which somebody else's marker is unknown.

    Only the owner: it never changes, so it holds for every marker of a list.
    """
    if 'owner' not in filters:
        return []
    return [_allocation.c.owner == filters['owner']]


def update(uuid, change):
    """Change name and extra of an allocation.

    :param uuid: UUID of the allocation
    :param change: function that takes the row and returns a dict of new
        column values; it runs under the row's lock, so that of two patches
        none is lost
    :raises: AllocationNotFound, AllocationDuplicateName
    """
    _update(uuid, change, written=[])


@session.retried
def _update(uuid, change, written):
    """Change an allocation.

    :param written: list that tells an attempt what the one before wrote; if
        that one's COMMIT was done but not acknowledged, the row has it now,
        and the change must not be applied to it once more
    """
    with session.writer() as connection:
        row = connection.execute(
            sa.select(_allocation).where(_allocation.c.uuid == uuid)
            .with_for_update()).first()
        if row is None:
            raise exception.AllocationNotFound(allocation=uuid)
        if written and all(row._mapping[name] == value
                           for name, value in written[-1].items()):
            return
        values = change(row)
        if not values:
            return
        try:
            connection.execute(
                sa.update(_allocation).where(_allocation.c.id == row.id)
                .values(updated_at=types.utcnow(), **values))
            written.append(values)
        except db_exc.DBDuplicateEntry:
            raise exception.AllocationDuplicateName(
                name=values['name']) from None
