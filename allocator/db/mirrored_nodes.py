# SPDX-License-Identifier: Apache-2.0
"""The nodes of backends, as their mirror writes them.

Only differences are written, in small transactions, each of which begins by
locking the backend's row as its holder (``backends.fence``); then allocations,
then nodes. What was read from a backend counts for a node only if its row has
not changed since before it was asked for: the generation is compared under
the lock.
"""

import dataclasses

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.db import backends
from allocator.db import models
from allocator.db import profiles
from allocator.db import session
from allocator.db import types

_allocation = models.Allocation.__table__
_node = models.Node.__table__
_profile = models.Profile.__table__
_write = models.BackendWrite.__table__

# UUIDs in one statement.
MANY = 500

# What differing() reads.
_COMPARED = [column for column in _node.c if column.name not in (
    'driver_info', 'instance_info', 'network_data', 'interfaces')]

# What the columns of a new row hold that say nothing of a backend's node.
_EMPTY: dict[str, dict] = {
    'driver_info': {}, 'instance_info': {}, 'network_data': {},
    'interfaces': {}}


@dataclasses.dataclass
class Outcome:
    """What a transaction of the mirror came to.

    :ivar generations: generation by UUID of the rows as they are now
    :ivar changed: UUIDs of nodes whose row had changed since it was read, so
        that what the backend said does not count
    :ivar busy: UUIDs of nodes that a write is under way for, so that what
        the backend said of their instance does not count
    :ivar foreign: UUIDs of nodes that are another backend's, or own ones
    :ivar ended: (node UUID, allocation UUID) where the backend does not know
        the allocation's instance any more: whether the allocation has ended
        is to be asked there
    :ivar unknown: (node UUID, allocation UUID) of allocations there that are
        not known here
    :ivar nameless: UUIDs of nodes that were written without their name,
        which another node bears here
    :ivar taken: UUIDs of nodes that were not written, for another node has
        their instance here, or their UUID has come up elsewhere
    :ivar unwritten: (node UUID, error) of what no row can hold
    :ivar written: number of rows written
    """

    generations: dict = dataclasses.field(default_factory=dict)
    changed: list = dataclasses.field(default_factory=list)
    busy: list = dataclasses.field(default_factory=list)
    foreign: list = dataclasses.field(default_factory=list)
    ended: list = dataclasses.field(default_factory=list)
    unknown: list = dataclasses.field(default_factory=list)
    nameless: list = dataclasses.field(default_factory=list)
    taken: list = dataclasses.field(default_factory=list)
    unwritten: list = dataclasses.field(default_factory=list)
    written: int = 0

    def add(self, other):
        """Add what another transaction came to."""
        self.generations.update(other.generations)
        for name in ('changed', 'busy', 'foreign', 'ended', 'unknown',
                     'nameless', 'taken', 'unwritten'):
            getattr(self, name).extend(getattr(other, name))
        self.written += other.written


@session.retried
def generations(backend_id):
    """Read the generation of each node of a backend.

    :returns: dict by UUID
    """
    with session.reader() as connection:
        return dict(connection.execute(
            sa.select(_node.c.uuid, _node.c.generation).where(
                _node.c.backend_id == backend_id)).all())


@session.retried
def generation(backend_id, uuid):
    """Read the generation of one node, before the backend is asked for it.

    :returns: a number, or None where there is no row
    """
    with session.reader() as connection:
        return connection.execute(
            sa.select(_node.c.generation).where(
                _node.c.uuid == uuid,
                _node.c.backend_id == backend_id)).scalar()


@session.retried
def begin_look(backend_id, since):
    """Read what a look has to know before it asks the backend.

    :param since: a time by the database's clock, None for now
    :returns: that clock's time, and a dict of generations by UUID, of the
        nodes that writes have changed which were finished since, or are not
        finished; None for one whose row is gone
    """
    with session.reader() as connection:
        now = connection.execute(sa.select(types.utcnow())).scalar()
        return now, dict(connection.execute(
            sa.select(_write.c.node_uuid, _node.c.generation)
            .join_from(_write, _node, sa.and_(
                _node.c.uuid == _write.c.node_uuid,
                _node.c.backend_id == backend_id), isouter=True).where(
                _write.c.backend_id == backend_id,
                sa.or_(_write.c.finished_at.is_(None),
                       _write.c.finished_at >= (since or now)))).all())


@session.retried
def allocated(backend_id, uuids):
    """Find the nodes that have an allocation.

    :param uuids: UUIDs of nodes
    :returns: list of UUIDs among them
    """
    uuids = list(uuids)
    found: list[str] = []
    with session.reader() as connection:
        for start in range(0, len(uuids), MANY):
            found += connection.execute(sa.select(_node.c.uuid).where(
                _node.c.backend_id == backend_id,
                _node.c.uuid.in_(uuids[start:start + MANY]),
                _node.c.allocation_id.is_not(None))).scalars()
    return found


@session.retried
def differing(backend_id, found):
    """Find the nodes whose rows are not what a backend has said.

    Without a lock: apply() looks again.

    :param found: list of backends.facts.Facts
    :returns: list of those Facts
    """
    with session.reader() as connection:
        rows = {row.uuid: row for row in connection.execute(
            sa.select(*_COMPARED, _profile.c.digest)
            .join_from(_node, _profile,
                       _profile.c.id == _node.c.profile_id, isouter=True)
            .where(_node.c.uuid.in_([facts.uuid for facts in found])))}
    return [facts for facts in found
            if _differs(rows.get(facts.uuid), facts)]


def _differs(row, facts):
    if row is None:
        return True
    if facts.instance_uuid != row.instance_uuid or (
            facts.allocation_uuid and row.allocation_id is None):
        return True
    if any(row._mapping[name] != value
           for name, value in facts.columns.items()):
        return True
    return row.digest != profiles.digest(profiles.wanted(
        facts.traits, facts.columns['properties']))


def apply(hold, found, expected):
    """Write what a backend has said of some nodes.

    :param hold: backends.Hold
    :param found: list of backends.facts.Facts
    :param expected: dict by UUID of generations as they were before the
        backend was asked; None, or nothing, for a node without a row
    :returns: Outcome
    :raises: backends.HoldLost
    """
    try:
        return _apply(hold, describe(found), expected)
    except db_exc.DBDuplicateEntry:
        # A UUID has come up elsewhere in this moment, or names have changed
        # places: one by one, what can be written is.
        pass
    except Exception as exc:
        if not _is_of_data(exc):
            raise
    whole = Outcome()
    for facts in found:
        whole.add(_apply_one(hold, facts, expected))
    return whole


def _is_of_data(error):
    """Tell whether an error is that of what was to be written.

    It would be the same at the next try, and others need not wait for it.
    """
    cause = getattr(error, 'inner_exception', None) or error
    cause = getattr(cause, 'orig', None) or cause
    return isinstance(error, db_exc.DBDataError) or isinstance(
        cause, (TypeError, ValueError))


def describe(found):
    """Find the profile of each node.

    :returns: list of pairs of facts.Facts and dicts of columns
    """
    interned: dict[str, dict] = {}  # most nodes are of few kinds
    described = []
    for facts in found:
        wanted = profiles.wanted(facts.traits, facts.columns['properties'])
        key = profiles.digest(wanted)
        if key not in interned:
            interned[key] = profiles.intern(wanted)
        described.append((facts, interned[key]))
    return described


def _apply_one(hold, facts, expected):
    """Write what a backend has said of one node, as far as it can be."""
    try:
        return _apply(hold, describe([facts]), expected)
    except db_exc.DBDuplicateEntry as exc:
        if 'name' not in exc.columns or facts.columns['name'] is None:
            return Outcome(taken=[facts.uuid])
    except Exception as exc:
        if not _is_of_data(exc):
            raise
        return Outcome(unwritten=[(facts.uuid, exc)])
    # The one that has the name gives it up in this look or the next.
    outcome = _apply_one(hold, dataclasses.replace(
        facts, columns=facts.columns | {'name': None}), expected)
    if not (outcome.changed or outcome.taken):
        outcome.nameless.append(facts.uuid)
    return outcome


@session.retried
def _apply(hold, described, expected):
    outcome = Outcome()
    by_uuid = {facts.uuid: (facts, profile) for facts, profile in described}
    with session.writer() as connection:
        backends.fence(connection, hold)
        rows = lock(connection, by_uuid)
        writes = open_writes(connection, rows.values())
        for uuid, row in rows.items():
            if row.backend_id != hold.backend_id:
                outcome.foreign.append(uuid)
            elif expected.get(uuid) != row.generation:
                outcome.changed.append(uuid)
            else:
                update(connection, row, *by_uuid[uuid], row.id in writes,
                       outcome)
        _insert(connection, hold, [
            item for uuid, item in by_uuid.items() if uuid not in rows],
            outcome)
    return outcome


def lock(connection, uuids):
    """Lock nodes, and their allocations before them.

    :returns: dict of rows by UUID
    """
    before = connection.execute(
        sa.select(_node.c.allocation_id).where(
            _node.c.uuid.in_(list(uuids)),
            _node.c.allocation_id.is_not(None))).scalars().all()
    if before:
        connection.execute(
            sa.select(_allocation.c.id).where(_allocation.c.id.in_(before))
            .order_by(_allocation.c.id).with_for_update())
    rows = connection.execute(
        sa.select(_node).where(_node.c.uuid.in_(list(uuids)))
        .order_by(_node.c.id).with_for_update()).all()
    return {row.uuid: row for row in rows}


def open_writes(connection, rows):
    """Find the nodes that a write is under way for.

    :returns: set of ids
    """
    return set(connection.execute(
        sa.select(_write.c.node_id).where(
            _write.c.node_id.in_([row.id for row in rows]),
            _write.c.finished_at.is_(None))).scalars())


def update(connection, row, facts, profile, is_being_written, outcome):
    """Write what is said of a node whose row is locked.

    :param row: its row, with the generation that was expected
    :param facts: backends.facts.Facts
    :param profile: dict of columns, see describe()
    :param is_being_written: whether a write is under way for it
    :param outcome: Outcome, to which this is added
    """
    values = {name: value for name, value in (facts.columns | profile).items()
              if row._mapping[name] != value}
    if is_being_written:
        outcome.busy.append(row.uuid)
    else:
        values |= _instance(row, facts, outcome)
    if values:
        outcome.written += 1
        connection.execute(
            sa.update(_node).where(_node.c.id == row.id).values(
                generation=row.generation + 1, updated_at=types.utcnow(),
                **values))
    outcome.generations[row.uuid] = row.generation + bool(values)


def _instance(row, facts, outcome):
    """Tell what becomes of instance and allocation.

    :returns: dict of column values
    """
    if row.allocation_id is not None:
        if facts.instance_uuid != row.instance_uuid:
            outcome.ended.append((row.uuid, row.instance_uuid))
        return {}
    if facts.allocation_uuid and (
            facts.allocation_uuid == facts.instance_uuid):
        outcome.unknown.append((row.uuid, facts.allocation_uuid))
    if facts.instance_uuid == row.instance_uuid:
        return {}
    return {'instance_uuid': facts.instance_uuid}


def _insert(connection, hold, described, outcome):
    if not described:
        return
    now = connection.execute(sa.select(types.utcnow())).scalar()
    connection.execute(sa.insert(_node), [
        {**_EMPTY, **facts.columns, **profile, 'uuid': facts.uuid,
         'backend_id': hold.backend_id, 'created_at': now, 'updated_at': now,
         'instance_uuid': facts.instance_uuid}
        for facts, profile in described])
    outcome.written += len(described)
    for facts, _profile in described:
        outcome.generations[facts.uuid] = 0
        if facts.allocation_uuid and (
                facts.allocation_uuid == facts.instance_uuid):
            outcome.unknown.append((facts.uuid, facts.allocation_uuid))


@session.retried
def remove(hold, uuid):
    """Remove a node that the backend does not have any more.

    :param uuid: UUID of a node without allocation here
    :returns: whether it was removed; not if it is allocated, or a write is
        under way for it
    :raises: backends.HoldLost
    """
    with session.writer() as connection:
        backends.fence(connection, hold)
        node = lock(connection, [uuid]).get(uuid)
        if node is None:
            return True
        if (node.backend_id != hold.backend_id
                or node.allocation_id is not None
                or open_writes(connection, [node])):
            return False
        connection.execute(sa.delete(_node).where(_node.c.id == node.id))
        return True
