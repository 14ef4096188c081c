# SPDX-License-Identifier: Apache-2.0
"""How backends are: what the API, the metrics and operators are told."""

import datetime

import sqlalchemy as sa

from allocator.common import exception
from allocator.conf import CONF
from allocator.db import backends
from allocator.db import models
from allocator.db import session
from allocator.db import types

_backend = models.Backend.__table__
_node = models.Node.__table__
_write = models.BackendWrite.__table__

# What "status" says.
UP = 'up'
STALE = 'stale'
SILENT = 'silent'
DRAINED = 'drained'
REMOVED = 'removed'


@session.retried
def list_all():
    """List all backends, as the own API shows them.

    :returns: list of dicts, sorted by name
    """
    total = sa.select(sa.func.count()).where(
        _node.c.backend_id == _backend.c.id).scalar_subquery()
    free = sa.select(sa.func.count()).where(
        _node.c.backend_id == _backend.c.id,
        _node.c.free == models.MIRRORED_FREE).scalar_subquery()
    opened = sa.select(sa.func.count()).where(
        _write.c.backend_id == _backend.c.id,
        _write.c.finished_at.is_(None)).scalar_subquery()
    oldest = sa.select(sa.func.min(_write.c.created_at)).where(
        _write.c.backend_id == _backend.c.id,
        _write.c.finished_at.is_(None)).scalar_subquery()
    with session.reader() as connection:
        now_ = connection.execute(sa.select(types.utcnow())).scalar()
        rows = connection.execute(
            sa.select(*_backend.c, total.label('nodes'), free.label('free'),
                      opened.label('open_writes'),
                      oldest.label('oldest_open'))
            .order_by(_backend.c.name)).all()
    return [_shown(row, now_) for row in rows]


def get(name):
    """Read one backend, as list_all() does.

    :raises: BackendNotFound
    """
    for found in list_all():
        if found['name'] == name:
            return found
    raise exception.BackendNotFound(backend=name)


def _shown(row, now_):
    status, since = status_of(row, now_)
    return {
        'id': row.id, 'name': row.name, 'status': status,
        'status_since': since, 'nodes': row.nodes, 'free': row.free,
        'last_look': row.looked_at, 'last_full_look': row.swept_at,
        'lag': None if row.looked_at is None
        else (now_ - row.looked_at).total_seconds(),
        'missing': row.missing, 'open_writes': row.open_writes,
        'oldest_open': row.oldest_open, 'last_error': row.last_error,
        'created_at': row.created_at, 'public_url': row.public_url,
    }


def status_of(row, now_):
    """Tell how a backend is, and since when.

    Each is told only while none before it holds, so it is since the last of
    those has ended, too.

    :param row: its row
    :param now_: the database's time
    :returns: one of UP, STALE, SILENT, DRAINED, REMOVED; a time, or None
    """
    if row.name not in backends.names():
        return REMOVED, None
    if row.unanswered >= backends.UNANSWERED:
        return SILENT, row.answers_changed_at
    if not backends.is_fresh(row, now_):
        began = row.created_at if row.looked_at is None else (
            row.looked_at + datetime.timedelta(
                seconds=CONF[row.name].stale_after))
        return STALE, _last(began, row.answers_changed_at)
    return DRAINED if row.is_drained else UP, _last(
        row.fresh_since, row.answers_changed_at, row.drained_changed_at)


def _last(*moments):
    return max((moment for moment in moments if moment is not None),
               default=None)


def levels():
    """Read how far behind each configured backend is.

    :returns: list of rows, see levels_of_all()
    """
    configured = backends.names()
    if not configured:
        return []
    return [row for row in levels_of_all() if row.name in configured]


@session.retried
def levels_of_all():
    """Read how far behind each backend is, the removed ones included.

    Without a look at its nodes, so that it may be asked often.

    :returns: list of rows, all columns, and now, open_writes and oldest_open
    """
    is_open = (_write.c.backend_id == _backend.c.id,
               _write.c.finished_at.is_(None))
    with session.reader() as connection:
        return connection.execute(sa.select(
            *_backend.c, types.utcnow().label('now'),
            sa.select(sa.func.count()).where(*is_open).scalar_subquery()
            .label('open_writes'),
            sa.select(sa.func.min(_write.c.created_at)).where(*is_open)
            .scalar_subquery().label('oldest_open'))
            .order_by(_backend.c.name)).all()
