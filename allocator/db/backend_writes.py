# SPDX-License-Identifier: Apache-2.0
"""What is wanted at backends: a row for each backend and allocation UUID.

The transaction that claims or frees a node of a backend writes here what is
to become of it there. Writers (``allocator.backends.writer``) lease a row,
send requests while no transaction is open, and finish it in a transaction
that compares attempt and lease: whoever was paused and wakes up changes
nothing.

A row is open until it is finished; then it is a tombstone for a day, by which
a late leftover of it is told.
"""

import dataclasses
import datetime
import time

from oslo_utils import uuidutils
import sqlalchemy as sa

from allocator.db import backends
from allocator.db import models
from allocator.db import session
from allocator.db import starts
from allocator.db import types

_backend = models.Backend.__table__
_write = models.BackendWrite.__table__

CLAIM = 'claim'
RELEASE = 'release'
BACKFILL = 'backfill'

CONFIRMED = 'confirmed'
REFUSED = 'refused'
WITHDRAWN = 'withdrawn'
RELEASED = 'released'
KEPT = 'kept'

# How each can end, and what becomes of the allocation then. The operator may
# withdraw any of them besides.
ENDS = {
    CLAIM: {CONFIRMED: 'is active',
            REFUSED: 'goes on to another node, or fails',
            WITHDRAWN: 'is gone, nothing was sent'},
    RELEASE: {RELEASED: 'is gone, its node is free',
              KEPT: 'is there again'},
    BACKFILL: {CONFIRMED: 'is active',
               REFUSED: 'is not made'},
}

# Seconds that a tombstone stays.
TOMBSTONE = 86400

# Rows that one transaction removes.
BATCH = 500

# Seconds that a lease lasts unless it is renewed: so long a write waits whose
# process was killed.
LEASE = 15


class LeaseLost(Exception):
    """The row has been leased to another, or something else is wanted."""


@dataclasses.dataclass(frozen=True)
class Write:
    """A row that this process has leased.

    :ivar row: the row, as it was leased
    :ivar lease: what tells this lease from all others
    :ivar leased_at: when it was leased, by the database's clock
    :ivar begun: that, or somewhat before, in seconds of the monotonic clock
    """

    row: sa.Row
    lease: str
    leased_at: datetime.datetime
    begun: float


def _later(seconds):
    return datetime.timedelta(seconds=seconds)


def request_of(allocation, may_come_back=False):
    """Say what a backend is to be asked for, or what is to be undone there.

    :param allocation: row of the allocation
    :param may_come_back: whether the backend may refuse to release it, so
        that all of it has to be remembered
    :returns: dict that JSON can hold
    """
    found = {'claim': {'resource_class': allocation.resource_class,
                       'traits': allocation.traits,
                       'owner': allocation.owner}}
    if allocation.constraints:
        # The backend knows nothing of them.
        found['constraints'] = allocation.constraints
    if may_come_back:
        found['allocation'] = {
            'uuid': allocation.uuid, 'name': allocation.name,
            'resource_class': allocation.resource_class,
            'traits': allocation.traits, 'owner': allocation.owner,
            'candidate_nodes': allocation.candidate_nodes,
            'extra': allocation.extra,
            'constraints': allocation.constraints,
            'wait_timeout': allocation.wait_timeout,
            'priority': allocation.priority,
            'created_at': allocation.created_at.isoformat()}
    return found


def want(connection, wants, node, allocation, request, request_id=None):
    """Write what is wanted at a backend, in the transaction that decides it.

    :param wants: CLAIM, RELEASE or BACKFILL
    :param node: row of the node, with id, uuid and backend_id
    :param allocation: mapping of the allocation, with id and uuid
    :param request: dict that JSON can hold: what is to be sent
    :param request_id: global request id of whom it is for
    """
    existing = connection.execute(
        sa.select(_write.c.id, _write.c.attempt, _write.c.sent_at,
                  _write.c.finished_at).where(
            _write.c.backend_id == node.backend_id,
            _write.c.uuid == allocation['uuid']).with_for_update()).first()
    now = types.utcnow()
    values = {'allocation_id': allocation['id'], 'node_id': node.id,
              'node_uuid': node.uuid, 'wants': wants, 'request': request,
              'request_id': request_id, 'due_at': now, 'lease': None,
              'leased_until': None, 'tries': 0, 'last_error': None,
              'finished_at': None, 'outcome': None, 'created_at': now,
              'updated_at': now}
    if existing is None:
        connection.execute(sa.insert(_write).values(
            backend_id=node.backend_id, uuid=allocation['uuid'], attempt=1,
            **values))
        return
    if existing.finished_at is not None or wants != RELEASE:
        # A release goes on being unsure of what the claim has sent.
        values['sent_at'] = None
    connection.execute(
        sa.update(_write).where(_write.c.id == existing.id)
        .values(attempt=existing.attempt + 1, **values))


def withdraw(connection, row):
    """Want nothing any more of a claim, unless it has ended meanwhile.

    It goes on being unsure of what it has sent.

    :param connection: a database connection; allocation and node are locked
    :param row: the row as it was read
    :returns: whether it was still what was read
    """
    return connection.execute(
        sa.update(_write).where(*_is_as_read(row)).values(
            attempt=_write.c.attempt + 1, wants=RELEASE, lease=None,
            leased_until=None, due_at=types.utcnow(), tries=0)).rowcount > 0


def withdraw_unsent(connection, backend_id, uuid):
    """End a claim of which the backend has never been told.

    That is one that nobody has ever leased: to lease it is to be about to
    send it.

    :param connection: a database connection; allocation and node are locked
    :param uuid: UUID of the allocation
    :returns: whether there is nothing to be released at the backend
    """
    return connection.execute(
        sa.update(_write).where(
            _write.c.backend_id == backend_id, _write.c.uuid == uuid,
            _write.c.wants == CLAIM, _write.c.finished_at.is_(None),
            _write.c.sent_at.is_(None)).values(
                attempt=_write.c.attempt + 1, lease=None, leased_until=None,
                finished_at=types.utcnow(), outcome=WITHDRAWN,
                updated_at=types.utcnow())).rowcount > 0


def withdraw_open(connection, row, is_unsent=False):
    """End a row of which nothing will ever be heard any more.

    :param connection: a database connection; allocation and node are locked
    :param row: the row as it was read, without a lock
    :param is_unsent: whether one that may have been sent since stays open
    :returns: whether it was open, and still what was read
    """
    # To lease it changes nothing else of what was read.
    unsent = (_write.c.sent_at.is_(None),) if is_unsent else ()
    return connection.execute(
        sa.update(_write).where(*_is_as_read(row), *unsent).values(
            attempt=_write.c.attempt + 1, lease=None, leased_until=None,
            finished_at=types.utcnow(), outcome=WITHDRAWN,
            updated_at=types.utcnow())).rowcount > 0


def _is_as_read(row):
    return (_write.c.id == row.id, _write.c.attempt == row.attempt,
            _write.c.finished_at.is_(None))


def get_open(connection, uuids):
    """Find the open rows of some allocations' UUIDs.

    :param uuids: iterable of UUIDs
    :returns: list of rows
    """
    return connection.execute(
        sa.select(_write).where(_write.c.uuid.in_(list(uuids)),
                                _write.c.finished_at.is_(None))).all()


def unsettled(connection, allocations):
    """Find the backends that may yet carry out earlier claims.

    A UUID is sent there for no other node before they have answered.

    :param allocations: rows of allocations
    :returns: dict of frozensets of backends' ids, by UUID
    """
    # Who never had a node has never been changed.
    before = [row.uuid for row in allocations if row.updated_at is not None]
    if not before or not backends.names():
        return {}
    found: dict[str, frozenset] = {}
    for row in get_open(connection, before):
        found[row.uuid] = found.get(row.uuid, frozenset()) | {row.backend_id}
    return found


def refusals(connection, allocations):
    """Say what backends refused some allocations with, each the last time.

    :param allocations: rows of allocations
    :returns: dict of lists of sentences, by id of the allocation
    """
    found: dict[int, list[str]] = {}
    if not allocations or not backends.names():
        return found
    for row in connection.execute(
            sa.select(_write.c.allocation_id, _write.c.node_uuid,
                      _write.c.last_error, _backend.c.name)
            .join(_backend, _backend.c.id == _write.c.backend_id)
            .where(_write.c.uuid.in_([row.uuid for row in allocations]),
                   _write.c.allocation_id.in_(
                       [row.id for row in allocations]),
                   _write.c.outcome == REFUSED)
            .order_by(_backend.c.name)):
        found.setdefault(row.allocation_id, []).append(
            'Backend %s refused node %s: %s' % (
                row.name, row.node_uuid, row.last_error))
    return found


@session.retried
def list_open(name=None):
    """List what is not done yet, the oldest first.

    :param name: name of the backend; None for all of them
    :returns: list of rows, with the name of the backend
    """
    at_one = () if name is None else (_backend.c.name == name,)
    with session.reader() as connection:
        return connection.execute(
            sa.select(*_write.c, _backend.c.name).join(
                _backend, _backend.c.id == _write.c.backend_id)
            .where(_write.c.finished_at.is_(None), *at_one)
            .order_by(_write.c.created_at, _write.c.id)).all()


@session.retried
def get(backend_id, uuid):
    """Read a row.

    :returns: row, or None
    """
    with session.reader() as connection:
        return connection.execute(
            sa.select(_write).where(_write.c.backend_id == backend_id,
                                    _write.c.uuid == uuid)).first()


@session.retried
def lease(backend, limit):
    """Lease the rows of a backend that have been due for longest.

    The backend's row lock makes the leases of all conductors together no
    more than the limit. What is sent next makes the outcome of a claim
    unknown until the backend has answered: that is noted at once.

    :param backend: row of the backend
    :param limit: greatest number of leases at once
    :returns: list of Write
    """
    begun = time.monotonic()
    with session.writer() as connection:
        unanswered = connection.execute(
            sa.select(_backend.c.unanswered).where(
                _backend.c.id == backend.id).with_for_update()).scalar()
        now = connection.execute(sa.select(types.utcnow())).scalar()
        is_open = (_write.c.backend_id == backend.id,
                   _write.c.finished_at.is_(None))
        leased = connection.execute(
            sa.select(sa.func.count()).where(
                *is_open, _write.c.leased_until > now)).scalar()
        if unanswered >= backends.UNANSWERED:
            # One probe at a time tells whether it answers again.
            limit = min(limit, 1)
        rows = _lock_due(connection, (*is_open, *_is_free(now)),
                         max(limit - leased, 0))
        until = now + _later(LEASE)
        found = []
        for row in rows:
            found.append(Write(row, uuidutils.generate_uuid(), now, begun))
            sent_at = row.sent_at
            if row.wants != RELEASE:
                sent_at = sent_at or now
            connection.execute(
                sa.update(_write).where(_write.c.id == row.id).values(
                    lease=found[-1].lease, leased_until=until,
                    sent_at=sent_at, tries=row.tries + 1))
        return found


def _is_free(now):
    """Build the conditions that a row is due and nobody has leased it."""
    return (_write.c.due_at <= now,
            sa.or_(_write.c.leased_until.is_(None),
                   _write.c.leased_until <= now))


def _lock_due(connection, conditions, limit):
    """Lock the rows that have been due for longest.

    MySQL locks each row that it reads for an instant, were it another
    backend's, and that one's lease would pass over it. So they are found
    without locks, and locked by their ids.

    :returns: list of rows
    """
    ids = connection.execute(
        sa.select(_write.c.id).where(*conditions)
        .order_by(_write.c.due_at, _write.c.id).limit(limit)).scalars().all()
    if not ids:
        return []
    return connection.execute(starts.lock(
        sa.select(_write).where(_write.c.id.in_(ids), *conditions)
        .order_by(_write.c.due_at, _write.c.id), _write, 'PRIMARY')).all()


@session.retried
def renew(writes):
    """Have the leases of writes last that are still under way.

    What another process has leased meanwhile stays its own.

    :param writes: list of Write
    """
    with session.writer() as connection:
        now = connection.execute(sa.select(types.utcnow())).scalar()
        connection.execute(
            sa.update(_write).where(
                _write.c.id.in_([write.row.id for write in writes]),
                _write.c.lease.in_([write.lease for write in writes]),
                _write.c.finished_at.is_(None))
            .values(leased_until=now + _later(LEASE)))


@session.retried
def due_backends():
    """Find the backends at which something is to be done by now.

    :returns: set of their ids
    """
    with session.reader() as connection:
        return set(connection.execute(
            sa.select(_write.c.backend_id).where(
                _write.c.finished_at.is_(None), *_is_free(types.utcnow()))
            .distinct()).scalars())


def _is_mine(write):
    return (*_is_as_read(write.row), _write.c.lease == write.lease)


def compare(connection, write):
    """Lock a leased row, if it is still what was leased.

    :raises: LeaseLost
    """
    if connection.execute(sa.select(_write.c.id).where(*_is_mine(write))
                          .with_for_update()).first() is None:
        raise LeaseLost()


@session.retried
def check(write):
    """See that a row is still what was leased.

    :raises: LeaseLost
    """
    with session.writer() as connection:
        compare(connection, write)


@session.retried
def put_off(write, seconds, reason):
    """Have a row tried again later.

    :param seconds: how much later
    :param reason: what happened
    :returns: whether the row was still leased
    """
    with session.writer() as connection:
        now = connection.execute(sa.select(types.utcnow())).scalar()
        return connection.execute(
            sa.update(_write).where(*_is_mine(write)).values(
                due_at=now + _later(seconds), lease=None, leased_until=None,
                last_error=reason, updated_at=now)).rowcount > 0


def finish(connection, write, outcome, reason=None):
    """Finish a row whose lease has been compared in this transaction.

    It keeps the lease, by which was_finished() tells who has finished it.

    :param outcome: one of the outcomes above
    :param reason: what the backend said, if it refused
    """
    if outcome not in ENDS[write.row.wants]:
        raise ValueError('A %s does not end %s' % (write.row.wants, outcome))
    connection.execute(
        sa.update(_write).where(_write.c.id == write.row.id).values(
            finished_at=types.utcnow(), outcome=outcome,
            leased_until=None, last_error=reason, sent_at=None,
            updated_at=types.utcnow()))


def was_finished(connection, write):
    """Tell whether a row was finished by whoever holds this lease."""
    return connection.execute(sa.select(_write.c.id).where(
        _write.c.id == write.row.id, _write.c.lease == write.lease,
        _write.c.finished_at.is_not(None))).first() is not None


@session.retried
def note_answer(backend_id, is_answered):
    """Count the writes in a row that got no answer.

    :param is_answered: whether this one got one
    """
    is_changing, count = (
        (_backend.c.unanswered >= backends.UNANSWERED, 0) if is_answered else
        (_backend.c.unanswered == backends.UNANSWERED - 1,
         _backend.c.unanswered + 1))
    query = sa.update(_backend).where(_backend.c.id == backend_id)
    if is_answered:
        query = query.where(_backend.c.unanswered > 0)
    with session.writer() as connection:
        # In this order, for on MySQL the second value would be that which
        # the first reads.
        connection.execute(query.ordered_values(
            (_backend.c.answers_changed_at, sa.case(
                (is_changing, types.utcnow()),
                else_=_backend.c.answers_changed_at)),
            (_backend.c.unanswered, count)))


@session.retried
def remove_tombstones():
    """Remove the rows that were finished more than a day ago.

    :returns: how many
    """
    with session.writer() as connection:
        now = connection.execute(sa.select(types.utcnow())).scalar()
        ids = connection.execute(
            sa.select(_write.c.id).where(
                _write.c.finished_at < now - _later(TOMBSTONE))
            .limit(BATCH)).scalars().all()
        if not ids:
            return 0
        return connection.execute(
            sa.delete(_write).where(_write.c.id.in_(ids))).rowcount
