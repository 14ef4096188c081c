# SPDX-License-Identifier: Apache-2.0
"""Heartbeats of the conductors, told by the database's clock.

Each says which version of what conductors do it is of. While older ones live
beside newer ones, in an upgrade, what only the newer ones know must wait: they
ask all_know() first.
"""

import datetime

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.conf import CONF
from allocator.db import models
from allocator.db import session
from allocator.db import types

_conductor = models.Conductor.__table__

#: What conductors of this release know:
#:
#: * 1: allocations and nodes of the first release, which wrote no version
#: * 2: profiles
#: * 3: backends, and allocations that one of them has yet to confirm
#: * 4: allocations that wait
#: * 5: constraints on nodes
#: * 6: marks of the installation that is in the database
VERSION = 6
PROFILES = 2
BACKENDS = 3
WAITING = 4
LANGUAGE = 5
INSTALLATION = 6


@session.retried
def beat(hostname):
    """Note that a conductor is alive.

    :param hostname: its name, [DEFAULT] host
    :returns: when, by the database's clock
    """
    try:
        with session.writer() as connection:
            values = _alive(connection)
            if not _touch(connection, hostname, values):
                connection.execute(sa.insert(_conductor).values(
                    hostname=hostname, created_at=values['updated_at'],
                    **values))
    except db_exc.DBDuplicateEntry:
        with session.writer() as connection:
            values = _alive(connection)
            _touch(connection, hostname, values)
    return values['updated_at']


def _alive(connection):
    now = connection.execute(sa.select(types.utcnow())).scalar()
    return {'updated_at': now, 'version': VERSION, 'version_at': now}


def _touch(connection, hostname, values):
    return connection.execute(
        sa.update(_conductor).where(_conductor.c.hostname == hostname)
        .values(**values)).rowcount


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


@session.retried
def remove_gone():
    """Remove the conductors that have been silent for very long.

    One that comes back after all is there again with its next heartbeat.

    :returns: list of their names
    """
    seconds = max(CONF.conductor.heartbeat_retention,
                  CONF.conductor.heartbeat_timeout)
    # Read without a lock: each conductor holds its own row now and then.
    with session.reader() as connection:
        now = connection.execute(sa.select(types.utcnow())).scalar()
        rows = connection.execute(sa.select(_conductor).where(
            _conductor.c.updated_at
            < now - datetime.timedelta(seconds=seconds))).all()
    for row in rows:
        leave(row.hostname, row.updated_at)
    return [row.hostname for row in rows]


def is_any_alive(connection):
    """Tell whether a conductor was heard of in [conductor] heartbeat_timeout.

    :param connection: a database connection
    """
    now, latest = connection.execute(sa.select(
        types.utcnow(), sa.func.max(_conductor.c.updated_at))).one()
    return latest is not None and now - latest <= datetime.timedelta(
        seconds=CONF.conductor.heartbeat_timeout)


def version_of(row):
    """Tell what a conductor knows.

    :param row: its row
    :returns: a number, see VERSION
    """
    return row.version if row.version_at == row.updated_at else 1


def all_know(version):
    """Tell whether every conductor that is alive knows something.

    :param version: the first version that knows it, see VERSION
    """
    return all(version_of(row) >= version for row in _alive_rows())


def oldest_version():
    """Tell what every conductor that is alive knows.

    :returns: a number, see VERSION; None if none is alive
    """
    return min(map(version_of, _alive_rows()), default=None)


@session.retried
def _alive_rows():
    since = datetime.timedelta(seconds=CONF.conductor.heartbeat_timeout)
    with session.reader() as connection:
        rows = connection.execute(sa.select(
            types.utcnow().label('now'), _conductor.c.updated_at,
            _conductor.c.version, _conductor.c.version_at)).all()
    return [row for row in rows if row.now - row.updated_at <= since]


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
    return [(row, _is_alive(row, now)) for row in rows]


@session.retried
def list_heartbeats():
    """List the conductors by what the schema of each release has.

    :returns: list of (row of hostname, updated_at and now, whether it is
        alive)
    """
    with session.reader() as connection:
        rows = connection.execute(sa.select(
            _conductor.c.hostname, _conductor.c.updated_at,
            types.utcnow().label('now')).order_by(_conductor.c.id)).all()
    return [(row, _is_alive(row, row.now)) for row in rows]


def _is_alive(row, now):
    return now - row.updated_at <= datetime.timedelta(
        seconds=CONF.conductor.heartbeat_timeout)
