# SPDX-License-Identifier: Apache-2.0
"""Starts: where the search for nodes to lock begins in an index.

Each claim leaves a dead entry behind, which the database cannot remove as
long as a transaction is open that may still want to see it: a dump of an hour
keeps the entries of an hour, all of them before the first node that is free.
MySQL and MariaDB lock and unlock each one on the way; to read past it without
a lock takes a thirtieth of that time. So once locking has taken long a few
times in succession, which a busy machine alone rarely makes it, a search
begins by such a read; as long as it has not, that would be a statement more
for nothing.
"""

import threading
import time

import sqlalchemy as sa

from allocator.db import models

_node = models.Node.__table__

MYSQL_DIALECTS = ('mysql', 'mariadb')

# Seconds that locking nodes takes at most without dead entries, and those that
# each node adds.
SLOW = 0.002
SLOW_EACH = 0.00005

# So many in succession must have been slow.
SUCCESSION = 3

# Searches begin by a read for so many times as long as the slow one took, then
# one tries how it is without: the longer that may take, the more rarely.
REMEMBERED = 200


class _Pace(threading.local):
    """How locking went lately, in this thread.

    :ivar slow: how often in succession it has been slow
    :ivar until: when that is to be tried again, by the monotonic clock
    """

    slow = 0
    until = 0.0


_pace = _Pace()


def execute(connection, query, is_begun):
    """Lock nodes, and note how long it takes.

    :param connection: a database connection
    :param query: select of nodes with its row locks
    :param is_begun: whether the query begins where find() says
    :returns: list of rows
    """
    begun = time.monotonic()
    rows = connection.execute(query).all()
    if not is_begun:
        note(time.monotonic() - begun, len(rows))
    return rows


def note(seconds, count):
    """Note how long it took to lock nodes from the first entry on.

    :param seconds: how long
    :param count: number of nodes
    """
    if seconds <= SLOW + count * SLOW_EACH:
        _pace.slow = 0
        return
    _pace.slow += 1
    if _pace.slow >= SUCCESSION:
        _pace.until = time.monotonic() + REMEMBERED * seconds


def is_needed(connection, index):
    """Tell whether a search shall begin where find() says.

    :param connection: a database connection
    :param index: name of the index that is read
    """
    return (connection.dialect.name in MYSQL_DIALECTS and index != 'PRIMARY'
            and time.monotonic() < _pace.until)


def hint(query, table, index):
    """Have MySQL and MariaDB use an index, whatever they think of it."""
    for dialect in MYSQL_DIALECTS:
        query = query.with_hint(table, 'FORCE INDEX (%s)' % index, dialect)
    return query


def lock(query, table, index=None):
    """Add the row locks, and the index that keeps them few.

    MySQL locks every row that it reads on its way; a plan of its own
    choice could be the whole table.
    """
    if index:
        query = hint(query, table, index)
    return query.with_for_update(skip_locked=True, of=table)


def find(connection, query, index):
    """Find the first node that a query would lock.

    :param connection: a database connection
    :param query: select of nodes, with its conditions
    :param index: name of the index that it reads; it ends with the number of
        traits, the profile, and the id, of which one backend's are read
    :returns: condition that begins the search there; None if there is no
        node to lock
    """
    count, profile, id_ = key = (
        _node.c.trait_count, _node.c.profile_id, _node.c.id)
    first = connection.execute(hint(
        query.with_only_columns(*key).order_by(None).order_by(*key).limit(1),
        _node, index)).first()
    if first is None:
        return None
    # A node without a profile yet comes before all others.
    same, further = ((profile.is_(None), profile.is_not(None))
                     if first.profile_id is None else
                     (profile == first.profile_id,
                      profile > first.profile_id))
    return sa.or_(
        count > first.trait_count,
        (count == first.trait_count)
        & (further | (same & (id_ >= first.id))))
