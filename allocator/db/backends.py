# SPDX-License-Identifier: Apache-2.0
"""The backends table: who mirrors each, how fresh that is, what may be given.

Times are the database's. A backend is known by its name out of [DEFAULT]
enabled_backends; one that is no longer there keeps its row, its nodes and its
allocations, and hands out nothing.
"""

import dataclasses
import datetime
import threading
import time
from typing import Any

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.common import exception
from allocator.conf import backend as backend_conf
from allocator.conf import CONF
from allocator.db import conductors
from allocator.db import models
from allocator.db import session
from allocator.db import types

_backend = models.Backend.__table__
_node = models.Node.__table__
_write = models.BackendWrite.__table__

# Seconds that what is eligible is remembered.
REMEMBERED = 0.5

# Seconds that it is remembered whether there are backends at all.
LEFT_REMEMBERED = 10

# Writes in a row without an answer after which nothing is claimed.
UNANSWERED = 3


class HoldLost(Exception):
    """Another process mirrors the backend by now."""


@dataclasses.dataclass(frozen=True)
class Hold:
    """The right to mirror a backend.

    :ivar backend_id: id of the backend
    :ivar name: its name
    :ivar epoch: counted up with each holder
    """

    backend_id: int
    name: str
    epoch: int


def _later(seconds):
    return datetime.timedelta(seconds=seconds)


def _now(connection):
    return connection.execute(sa.select(types.utcnow())).scalar()


def names():
    """List the names of the configured backends.

    :returns: list, empty where there are only nodes of this service itself
    """
    return backend_conf.backends(CONF)


# --- Holding ---------------------------------------------------------------

def ensure(name):
    """Make the row of a backend, unless there is one."""
    try:
        _insert(name)
    except db_exc.DBDuplicateEntry:
        return


@session.retried
def _insert(name):
    with session.writer() as connection:
        found = connection.execute(sa.select(_backend.c.id).where(
            _backend.c.name == name)).first()
        if found is None:
            connection.execute(sa.insert(_backend).values(
                name=name, created_at=types.utcnow()))


@session.retried
def hold(name, holder, seconds, is_drained=False):
    """Become the one that mirrors a backend, or stay it.

    :param name: name of the backend
    :param holder: what tells this process from all others
    :param seconds: until another may take over
    :param is_drained: whether this process lets nothing be handed out
    :returns: Hold, or None while another process holds it
    """
    with session.writer() as connection:
        row = connection.execute(sa.select(_backend).where(
            _backend.c.name == name).with_for_update()).one()
        now = _now(connection)
        mine = row.holder == holder
        if not mine and row.held_until is not None and row.held_until > now:
            return None
        epoch = row.epoch if mine else row.epoch + 1
        values = {'holder': holder, 'epoch': epoch,
                  'held_until': now + _later(seconds)}
        if row.is_drained != is_drained:
            values |= {'is_drained': is_drained, 'drained_changed_at': now}
        connection.execute(sa.update(_backend).where(
            _backend.c.id == row.id).values(**values))
    return Hold(row.id, name, epoch)


@session.retried
def keep(holds, seconds):
    """Go on holding backends, as far as they are held still.

    :param holds: list of Hold
    :param seconds: until another may take over
    """
    if not holds:
        return
    with session.writer() as connection:
        now_ = _now(connection)
        connection.execute(
            sa.update(_backend).where(
                sa.tuple_(_backend.c.id, _backend.c.epoch).in_(
                    [(hold_.backend_id, hold_.epoch) for hold_ in holds]),
                _backend.c.holder.is_not(None))
            .values(held_until=now_ + _later(seconds)))


@session.retried
def let_go(hold_):
    """Let another process take over at once."""
    with session.writer() as connection:
        connection.execute(
            sa.update(_backend).where(*_is_held(hold_))
            .values(held_until=None, holder=None))


def _is_held(hold_):
    return (_backend.c.id == hold_.backend_id,
            _backend.c.epoch == hold_.epoch)


def fence(connection, hold_):
    """Lock the backend's row, as its holder.

    The first statement of each transaction of the mirror.

    :raises: HoldLost
    """
    if connection.execute(
            sa.update(_backend).where(*_is_held(hold_)).values(
                updated_at=types.utcnow())).rowcount == 0:
        raise HoldLost()


# --- Looks -----------------------------------------------------------------

@session.retried
def now():
    """Read the database's clock."""
    with session.reader() as connection:
        return _now(connection)


@session.retried
def get_row(name):
    """Read the row of a backend.

    :raises: BackendNotFound
    """
    with session.reader() as connection:
        row = connection.execute(sa.select(_backend).where(
            _backend.c.name == name)).first()
    if row is None:
        raise exception.BackendNotFound(backend=name)
    return row


@session.retried
def get_rows():
    """Read the rows of all backends.

    :returns: the database's time, and a dict of rows by name
    """
    with session.reader() as connection:
        rows = connection.execute(sa.select(
            *_backend.c, types.utcnow().label('now'))).all()
        now_ = rows[0].now if rows else _now(connection)
        return now_, {row.name: row for row in rows}


@session.retried
def note_look(hold_, begun, is_full, missing=0):
    """Note that a look has come to its end.

    :param hold_: Hold
    :param begun: when it began, by the database's clock
    :param is_full: whether it was a full comparison
    :param missing: number of nodes that it missed and did not dare to remove
    :raises: HoldLost
    """
    values: dict[str, Any] = {'failing_since': None, 'last_error': None,
                              'updated_at': types.utcnow()}
    if is_full:
        values |= {'swept_at': begun, 'missing': missing}
        if not missing:
            values['accepted'] = 0
    with session.writer() as connection:
        row = connection.execute(
            sa.select(*_backend.c, types.utcnow().label('now'))
            .where(*_is_held(hold_)).with_for_update()).first()
        if row is None:
            raise HoldLost()
        if row.fresh_since is None or not is_fresh(row, row.now):
            values['fresh_since'] = row.now
        if row.unanswered and not _has_open_writes(connection, row.id):
            # No write would ever tell that it answers again.
            values['unanswered'] = 0
            if row.unanswered >= UNANSWERED:
                values['answers_changed_at'] = row.now
        # Others have come to their end during a full one.
        values['looked_at'] = max(begun, row.looked_at or begun)
        connection.execute(sa.update(_backend).where(
            _backend.c.id == row.id).values(**values))


def _has_open_writes(connection, backend_id):
    return connection.execute(
        sa.select(_write.c.id).where(
            _write.c.backend_id == backend_id,
            _write.c.finished_at.is_(None)).limit(1)).first() is not None


@session.retried
def note_url(hold_, url):
    """Note where clients of a backend are sent to.

    :raises: HoldLost
    """
    with session.writer() as connection:
        if connection.execute(
                sa.update(_backend).where(*_is_held(hold_))
                .values(public_url=url)).rowcount == 0:
            raise HoldLost()


@session.retried
def note_failure(hold_, reason):
    """Note that a look failed.

    :param reason: what the backend, or the network, said
    :raises: HoldLost
    """
    with session.writer() as connection:
        if connection.execute(
                sa.update(_backend).where(*_is_held(hold_)).values(
                    failing_since=sa.func.coalesce(
                        _backend.c.failing_since, types.utcnow()),
                    last_error=reason,
                    updated_at=types.utcnow())).rowcount == 0:
            raise HoldLost()


@session.retried
def want_looks(since):
    """Have each backend that answers looked at once more.

    :param since: a moment of the database's clock
    :returns: whether each look that has come to its end began after it
    """
    if not names():
        return True
    with session.reader() as connection:
        rows = connection.execute(
            sa.select(_backend).where(_backend.c.name.in_(names()))).all()
    wanting = [row.id for row in rows if row.failing_since is None
               and (row.looked_at is None or row.looked_at < since
                    or row.swept_at is None)]
    late = [row.id for row in rows if row.id in wanting
            and (row.look_wanted_at is None or row.look_wanted_at < since)]
    if late:
        with session.writer() as connection:
            connection.execute(
                sa.update(_backend).where(_backend.c.id.in_(late))
                .values(look_wanted_at=since))
    return not wanting


_names: dict[int, str] = {}


def exist():
    """Tell whether any node may be a backend's.

    One that is not configured any more keeps its nodes until it is removed.
    """
    return bool(names()) or _are_left()


@session.retried
def _are_left():
    global _left
    until, found = _left
    if time.monotonic() > until:
        with session.reader() as connection:
            found = connection.execute(
                sa.select(_backend.c.id).limit(1)).first() is not None
        _left = (time.monotonic() + LEFT_REMEMBERED, found)
    return found


@session.retried
def name_of(id_):
    """Name a backend by its id; a name never changes.

    :raises: BackendNotFound
    """
    if id_ not in _names:
        with session.reader() as connection:
            name = connection.execute(sa.select(_backend.c.name).where(
                _backend.c.id == id_)).scalar()
        if name is None:
            raise exception.BackendNotFound(backend=id_)
        _names[id_] = name
    return _names[id_]


def check_configured(node):
    """Refuse to want anything of a backend to which nobody writes any more.

    :param node: row of the node, with uuid and backend_id
    :raises: BackendRemoved
    """
    name = name_of(node.backend_id)
    if name not in names():
        raise exception.BackendRemoved(node=node.uuid, backend=name)


# --- What may be given -----------------------------------------------------

_lock = threading.Lock()
_remembered: tuple = (None, ())
_left: tuple = (0, False)


def eligible():
    """List the backends whose nodes may be handed out now.

    What is remembered for half a second is enough: a claim that comes too
    late is refused by the backend itself.

    :returns: tuple of their ids, the one with the fewest open writes first
    """
    global _remembered
    configured = names()
    if not configured:
        return ()
    with _lock:
        until, found = _remembered
        if until is None or time.monotonic() > until:
            found = _eligible(configured)
            _remembered = (time.monotonic() + REMEMBERED, found)
        return found


def ask_anew():
    """Have eligible() ask the database, whatever it remembers."""
    global _remembered
    with _lock:
        _remembered = (None, ())


def forget():
    """Remember nothing: for a process that goes on to another database."""
    global _remembered, _left
    with _lock:
        _remembered = (None, ())
        _left = (0, False)
        _names.clear()


@session.retried
def _eligible(configured):
    # An older conductor would leave alone what is to be confirmed.
    if not conductors.all_know(conductors.BACKENDS):
        return ()
    open_writes = sa.select(sa.func.count()).where(
        _write.c.backend_id == _backend.c.id,
        _write.c.finished_at.is_(None)).scalar_subquery()
    with session.reader() as connection:
        now_ = _now(connection)
        rows = connection.execute(
            sa.select(_backend.c.id, _backend.c.name, _backend.c.looked_at,
                      _backend.c.unanswered, open_writes.label('open'))
            .where(_backend.c.name.in_(configured))).all()
    return tuple(row.id for row in sorted(rows, key=lambda row: row.open)
                 if is_eligible(row, now_))


def is_eligible(row, now_):
    """Tell whether the nodes of a configured backend may be handed out.

    :param row: its row
    :param now_: the database's time
    """
    return bool(CONF[row.name].allocate and row.unanswered < UNANSWERED
                and is_fresh(row, now_))


def is_fresh(row, now_):
    """Tell whether a backend's nodes have been looked at lately enough.

    :param row: its row
    :param now_: the database's time
    """
    return (row.looked_at is not None
            and now_ - row.looked_at <= _later(CONF[row.name].stale_after))


def is_available(conditions=()):
    """Build the condition that nothing but class, traits and owner keeps a
    node from being given.

    :param conditions: further conditions on nodes of backends
    """
    own = _node.c.free == models.OWN_FREE
    ids = eligible()
    if not ids:
        return own
    return sa.or_(own, sa.and_(
        _node.c.free == models.MIRRORED_FREE, _node.c.backend_id.in_(ids),
        is_not_avoided(), *conditions))


def is_not_avoided():
    """Build the condition that a node has not just refused a claim."""
    return sa.or_(_node.c.avoided_until.is_(None),
                  _node.c.avoided_until <= types.utcnow())


# --- What an operator may do -----------------------------------------------

@session.retried
def accept(name):
    """Let the mirror remove as many nodes as it has found missing.

    :returns: that number
    :raises: BackendNotFound
    """
    row = get_row(name)
    with session.writer() as connection:
        connection.execute(sa.update(_backend).where(
            _backend.c.id == row.id).values(accepted=row.missing))
    return row.missing
