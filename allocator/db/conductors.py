# SPDX-License-Identifier: Apache-2.0
"""Heartbeats of the conductors, told by the database's clock."""

import datetime

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.conf import CONF
from allocator.db import models
from allocator.db import session
from allocator.db import types

_conductor = models.Conductor.__table__


@session.retried
def beat(hostname):
    """Note that a conductor is alive.

    :param hostname: its name, [DEFAULT] host
    :returns: when, by the database's clock
    """
    try:
        with session.writer() as connection:
            if not _touch(connection, hostname):
                connection.execute(sa.insert(_conductor).values(
                    hostname=hostname, created_at=types.utcnow(),
                    updated_at=types.utcnow()))
            return _last(connection, hostname)
    except db_exc.DBDuplicateEntry:
        with session.writer() as connection:
            _touch(connection, hostname)
            return _last(connection, hostname)


def _touch(connection, hostname):
    return connection.execute(
        sa.update(_conductor).where(_conductor.c.hostname == hostname)
        .values(updated_at=types.utcnow())).rowcount


def _last(connection, hostname):
    return connection.execute(sa.select(_conductor.c.updated_at).where(
        _conductor.c.hostname == hostname)).scalar()


@session.retried
def leave(hostname, last):
    """Remove the heartbeat of a conductor that stops.

    The row stays if somebody else has written it since: the process that
    has taken this one's place.

    :param hostname: its name
    :param last: what its last beat() returned; None removes the row whoever
        has written it
    """
    query = sa.delete(_conductor).where(_conductor.c.hostname == hostname)
    if last is not None:
        query = query.where(_conductor.c.updated_at == last)
    with session.writer() as connection:
        connection.execute(query)


def is_any_alive(connection):
    """Tell whether a conductor was heard of in [conductor] heartbeat_timeout.

    :param connection: a database connection
    """
    now, latest = connection.execute(sa.select(
        types.utcnow(), sa.func.max(_conductor.c.updated_at))).one()
    return latest is not None and now - latest <= datetime.timedelta(
        seconds=CONF.conductor.heartbeat_timeout)


def first_alive():
    """Name the conductor that is shown for nodes.

    Every conductor serves every node; clients expect to see one of them.

    :returns: hostname of the oldest one that is alive, or None
    """
    return next((row.hostname for row, alive in list_all() if alive), None)


@session.retried
def list_all():
    """List the conductors.

    :returns: list of (row, whether it is alive)
    """
    with session.reader() as connection:
        now = connection.execute(sa.select(types.utcnow())).scalar()
        rows = connection.execute(
            sa.select(_conductor).order_by(_conductor.c.id)).all()
    timeout = datetime.timedelta(seconds=CONF.conductor.heartbeat_timeout)
    return [(row, now - row.updated_at <= timeout) for row in rows]
