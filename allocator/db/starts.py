# SPDX-License-Identifier: Apache-2.0
"""Starts: where the search for nodes to lock begins in an index.

Each claim leaves a dead entry behind, which the database cannot remove as
long as a transaction is open that may still want to see it: a dump of an hour
keeps the entries of an hour, all of them before the first node that is free.
MySQL and MariaDB lock and unlock each one on the way; to read past it without
a lock takes a thirtieth of that time. So once locking has taken long, a
search begins by such a read; as long as it has not, that would be a statement
more for nothing.
"""

import contextlib
import threading
import time

import sqlalchemy as sa

from allocator.db import models

_node = models.Node.__table__

MYSQL_DIALECTS = ('mysql', 'mariadb')

# Seconds that locking some nodes takes at most without dead entries.
SLOW = 0.003

# Seconds for which searches begin by a read after one that was slow.
REMEMBERED = 10

_slow = threading.local()


@contextlib.contextmanager
def timed():
    """Take the time that the block, which locks nodes, needs."""
    begun = time.monotonic()
    yield
    if time.monotonic() - begun > SLOW:
        _slow.until = time.monotonic() + REMEMBERED


def _is_needed(connection):
    return (connection.dialect.name in MYSQL_DIALECTS
            and time.monotonic() < getattr(_slow, 'until', 0))


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
    """Find the first node that a query would lock, if that is worth while.

    :param connection: a database connection
    :param query: select of nodes, with its conditions
    :param index: name of the index that it reads; it ends with the number of
        traits, the profile, and the id, of which one backend's are read, or
        is the primary key
    :returns: condition that begins the search there; None if there is no
        node to lock
    """
    if index == 'PRIMARY' or not _is_needed(connection):
        return sa.true()
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
