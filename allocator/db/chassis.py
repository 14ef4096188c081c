# SPDX-License-Identifier: Apache-2.0
"""The chassis table: created, read, listed, changed, deleted."""

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.common import exception
from allocator.db import models
from allocator.db import pagination
from allocator.db import session
from allocator.db import types

_chassis = models.Chassis.__table__
_node = models.Node.__table__


@session.retried
def create(values):
    """Insert a chassis.

    :param values: dict of column values
    :raises: ChassisAlreadyExists
    """
    try:
        with session.writer() as connection:
            connection.execute(sa.insert(_chassis).values(
                created_at=types.utcnow(), **values))
    except db_exc.DBDuplicateEntry:
        raise exception.ChassisAlreadyExists(uuid=values['uuid']) from None


def resolve(connection, uuid):
    """Find the id of a chassis that a node is to be in.

    :param connection: a database connection
    :param uuid: UUID of the chassis, or None
    :returns: its id, or None
    :raises: UnknownChassis
    """
    if uuid is None:
        return None
    id_ = connection.execute(
        sa.select(_chassis.c.id).where(_chassis.c.uuid == uuid)).scalar()
    if id_ is None:
        raise exception.UnknownChassis(chassis=uuid)
    return id_


@session.retried
def get(uuid):
    """Read one chassis.

    :param uuid: its UUID
    :returns: row
    :raises: ChassisNotFound
    """
    with session.reader() as connection:
        return _find(connection, uuid, _chassis.c)


@session.retried
def get_id(uuid):
    """Read the id of a chassis.

    :param uuid: its UUID
    :raises: ChassisNotFound
    """
    with session.reader() as connection:
        return _find(connection, uuid, [_chassis.c.id]).id


def _find(connection, uuid, columns):
    row = connection.execute(
        sa.select(*columns).where(_chassis.c.uuid == uuid)).first()
    if row is None:
        raise exception.ChassisNotFound(chassis=uuid)
    return row


@session.retried
def get_page(names, *, sort_key, descending, limit, marker=None):
    """Read a page of chassis.

    :param names: names of the columns to read, besides the uuid
    :param sort_key: name of a column
    :param descending: whether to sort in falling order
    :param limit: number of rows
    :param marker: UUID of the chassis after which the page begins
    :returns: pagination.Page
    :raises: ChassisNotFound for an unknown marker
    """
    key = _chassis.c[sort_key]
    columns = [column for column in _chassis.c
               if column.name in ('uuid', *names)]
    with session.reader() as connection:
        after = None if marker is None else _find(
            connection, marker, dict.fromkeys([_chassis.c.id, key]))
        return pagination.page(
            connection, columns, _chassis, [], key=key,
            descending=descending, limit=limit, marker=after)


def _lock(connection, uuid):
    row = connection.execute(
        sa.select(_chassis).where(_chassis.c.uuid == uuid)
        .with_for_update()).first()
    if row is None:
        raise exception.ChassisNotFound(chassis=uuid)
    return row


@session.retried
def update(uuid, change):
    """Change a chassis.

    :param uuid: its UUID
    :param change: function that takes the row and returns a dict of new
        column values; it runs under the row's lock
    :raises: ChassisNotFound
    """
    with session.writer() as connection:
        row = _lock(connection, uuid)
        connection.execute(
            sa.update(_chassis).where(_chassis.c.id == row.id)
            .values(updated_at=types.utcnow(), **change(row)))


@session.retried
def delete(uuid):
    """Delete a chassis without nodes.

    :param uuid: its UUID
    :raises: ChassisNotFound, ChassisNotEmpty
    """
    try:
        with session.writer() as connection:
            row = _lock(connection, uuid)
            connection.execute(
                sa.delete(_chassis).where(_chassis.c.id == row.id))
    except db_exc.DBReferenceError:
        # Whatever the moment, the nodes' foreign key knows them.
        raise exception.ChassisNotEmpty(chassis=uuid) from None
