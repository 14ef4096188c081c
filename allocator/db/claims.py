# SPDX-License-Identifier: Apache-2.0
"""The claim: pending allocations get their nodes, in one transaction.

The rows of the allocations and of the nodes are locked with SKIP LOCKED, so
no two transactions wait for each other, and a claim never locks a node that
it does not take: what is skipped elsewhere because of it is really gone.
"""

import collections
import dataclasses
import functools

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.common import states
from allocator.db import backend_writes
from allocator.db import class_queue
from allocator.db import flaws
from allocator.db import many_rows
from allocator.db import models
from allocator.db import serving
from allocator.db import session
from allocator.db import starts
from allocator.db import suitability
from allocator.db import taking
from allocator.db import types
from allocator.db import waiters
from allocator.telemetry import notifications

_allocation = models.Allocation.__table__
_node = models.Node.__table__

DuplicateEntry = db_exc.DBDuplicateEntry

# Errors that say nothing about the allocations that were at hand.
OUTAGES = (db_exc.DBConnectionError, db_exc.DBDeadlock)


@dataclasses.dataclass(frozen=True)
class Claim:
    """An allocation that has got its node."""

    allocation: sa.Row
    node: sa.Row

    @property
    def is_confirmed(self):
        """Whether the node is its own; a backend has yet to say so."""
        return self.node.backend_id == models.OWN


@dataclasses.dataclass(frozen=True)
class Failure:
    """An allocation that has been turned to ``error``, and why."""

    allocation: sa.Row
    reason: str


@dataclasses.dataclass(frozen=True)
class Avoid:
    """What a transaction goes around.

    :ivar nodes: ids of nodes not to be claimed
    :ivar waiters: ids of allocations that wait and are passed over
    """

    nodes: frozenset = frozenset()
    waiters: frozenset = frozenset()


NOTHING = Avoid()


@dataclasses.dataclass
class Batch:
    """What one transaction did.

    :ivar claims: the claims that it made
    :ivar unserved: rows of allocations for which it could lock no node
    :ivar put_off: rows of allocations in whose class somebody waits, and
        whose turn did not come
    :ivar failed: the failures of allocations that it turned to ``error``
    :ivar flaws: dict of flaws.Flaw by node id, of the nodes that it left out
    :ivar locked: ids of allocations that wait and whose turn it was, while
        another transaction had them locked
    :ivar unreadable: ids of allocations that wait and cannot be read
    :ivar size: number of allocations that it looked at
    :ivar last_id: greatest id among them, None if there was none
    """

    claims: list = dataclasses.field(default_factory=list)
    unserved: list = dataclasses.field(default_factory=list)
    put_off: list = dataclasses.field(default_factory=list)
    failed: list = dataclasses.field(default_factory=list)
    flaws: dict = dataclasses.field(default_factory=dict)
    locked: set = dataclasses.field(default_factory=set)
    unreadable: set = dataclasses.field(default_factory=set)
    size: int = 0
    last_id: int | None = None

    def ids(self):
        """List the allocations that it has met.

        :returns: set of their ids, without those that it only looked at while
            another transaction had them locked
        """
        return {row.id for row in (
            *(claim.allocation for claim in self.claims),
            *(failure.allocation for failure in self.failed),
            *self.unserved, *self.put_off)}


# What only listeners are told of a pending allocation; the first may be large.
_UNUSED = ('extra', 'node_id', 'state', 'last_error')

# What a transaction writes of both sides, or of what has failed.
_CLAIM_NODES = many_rows.Update(
    _node, ('id', 'instance_uuid', 'allocation_id', 'instance_info'),
    generation=_node.c.generation + 1, updated_at=types.utcnow())
_DECIDE = many_rows.Update(
    _allocation, ('id', 'node_id', 'state'), last_error=sa.null(),
    updated_at=types.utcnow())
_FAIL = many_rows.Update(_allocation, ('id', 'state', 'last_error'),
                         updated_at=types.utcnow())


def _columns():
    return [column for column in _allocation.c
            if column.name not in _UNUSED or notifications.is_on()]


def _pending():
    return _queue(notifications.is_on())


@functools.cache
def _queue(_has_listeners):
    # To build it takes longer than to send it.
    return sa.select(*_columns()).where(
        _allocation.c.state == states.ALLOCATING).order_by(_allocation.c.id)


def begin(after_id):
    """Tell after which id a walk through the queue may begin.

    :param after_id: id of an allocation that was met, less those that may
        come late
    :returns: id after which allocations are looked at
    """
    # SQLite uses the ids of deleted rows again. What is dead it does not
    # read, so to begin at the beginning costs nothing there.
    if session.get_engine().dialect.name == 'sqlite':
        return 0
    return max(0, after_id)


@session.retried_briefly
def claim_pending(limit, after_id=0, skip=(), up_to=None, avoid=NOTHING):
    """Claim nodes for the next allocations of the queue.

    :param limit: greatest number of allocations
    :param after_id: id of the allocation after which to begin
    :param skip: ids of allocations to leave out
    :param up_to: greatest id of an allocation, or None
    :param avoid: Avoid
    :returns: Batch
    :raises: DuplicateEntry if an allocation's uuid has become the instance
        of some other node; nothing is changed then
    """
    with session.writer() as connection:
        rows = connection.execute(starts.lock(
            _next(limit, after_id, skip, up_to), _allocation,
            'allocations_state_idx')).all()
        return _claim(connection, rows, avoid)


def _next(limit, after_id, skip, up_to):
    query = _pending().where(_allocation.c.id > after_id).limit(limit)
    if up_to is not None:
        query = query.where(_allocation.c.id <= up_to)
    return query.where(_allocation.c.id.not_in(skip)) if skip else query


@session.retried
def list_pending(limit, after_id=0, skip=(), up_to=None):
    """List the allocations that claim_pending would look at.

    :returns: list of their ids, in rising order
    """
    query = _next(limit, after_id, skip, up_to).with_only_columns(
        _allocation.c.id)
    with session.reader() as connection:
        return connection.execute(starts.hint(
            query, _allocation, 'allocations_state_idx')).scalars().all()


@session.retried
def still_pending(ids):
    """Tell which of some allocations are pending still.

    :returns: set of ids
    """
    with session.reader() as connection:
        return set(connection.execute(
            _pending().where(_allocation.c.id.in_(ids))
            .with_only_columns(_allocation.c.id)).scalars())


def claim_some(ids, avoid=NOTHING, attempts=None):
    """Claim nodes for certain allocations; tried once.

    :param ids: ids of the allocations; those not pending are passed over
    :param avoid: Avoid
    :param attempts: session.Attempts that learns what is about to be written
    :returns: Batch
    :raises: DuplicateEntry, see claim_pending
    """
    with session.writer() as connection:
        return _claim(connection, lock_pending(connection, ids), avoid,
                      attempts)


def lock_pending(connection, ids):
    """Lock those of some allocations that are pending and not locked."""
    return connection.execute(starts.lock(
        _pending().where(_allocation.c.id.in_(ids)), _allocation,
        'PRIMARY')).all()


def claim_or_fail(reasons, patient, avoid=NOTHING, attempts=None):
    """Try some allocations once more; those still without a node fail.

    The transaction is tried once, like that of claim_some.

    :param reasons: dict of why an allocation fails, by its id
    :param patient: whether those stay unserved for which a suitable node is
        free, but locked by somebody who may yet give it back
    :param avoid: Avoid; its nodes are free all the same
    :param attempts: session.Attempts that learns what is about to be written
    :returns: Batch
    :raises: DuplicateEntry, see claim_pending
    """
    with session.writer() as connection:
        batch = _claim(connection, lock_pending(connection, reasons),
                       avoid, attempts)
        unserved, batch.unserved = batch.unserved, []
        hopeful = (_hopeful(connection, unserved, batch.flaws) if patient
                   else set())
        losers: list[sa.Row] = []
        for row in unserved:
            waits = suitability.requirement_of(row) in hopeful
            (batch.unserved if waits else losers).append(row)
        batch.failed = write_failures(connection, losers, reasons)
        return batch


def _hopeful(connection, rows, useless):
    """Find the requirements for which some node is free now.

    :param useless: ids of nodes that are free, but cannot be claimed
    """
    requirements = {suitability.requirement_of(row) for row in rows}
    sound = [_node.c.id.not_in(useless)] if useless else []
    return {requirement for requirement in requirements
            if connection.execute(
                sa.select(_node.c.id).where(
                    *suitability.conditions(requirement), *sound)
                .limit(1)).first()}


def probe():
    """Write nothing, to see whether the database takes writes at all.

    :raises: an error of oslo.db if it does not
    """
    with session.writer() as connection:
        connection.execute(sa.update(_allocation).where(
            _allocation.c.id == 0).values(state=states.ALLOCATING))


@session.retried_briefly
def serve(resource_class, limit, avoid=NOTHING, attempts=None, only=None):
    """Claim nodes for those that wait in a class.

    :param resource_class: the class
    :param limit: greatest number of nodes
    :param avoid: Avoid
    :param attempts: session.Attempts that learns the claims that are about
        to be written
    :param only: id of the one of them that is to be served, whoever comes
        before it; None for the best ones
    :returns: Batch, or None if another transaction serves the class
    :raises: DuplicateEntry, see claim_pending
    """
    with session.writer() as connection:
        if not class_queue.lock(connection, resource_class):
            return None
        batch = Batch()
        _serve(connection, batch, resource_class, [],
               taking.Search(avoid.nodes), limit, avoid, only)
        _write(connection, batch, attempts)
        return batch


def _serve(connection, batch, resource_class, rows, search, limit, avoid,
           only=None):
    """Serve a class in which somebody waits, in the order of the queue.

    :param rows: locked rows of pending allocations of the class
    """
    server = serving.Server(connection, resource_class, search, batch.flaws,
                            _columns())
    pairs = server.serve(rows, limit, avoid.waiters, only)
    batch.claims += [Claim(*pair) for pair in pairs]
    batch.locked |= server.locked
    batch.unreadable |= server.queue.unreadable
    served = {row.id for row, _node in pairs}
    left = [row for row in rows if row.id not in served]
    if server.is_interrupted:
        batch.put_off += left
    else:
        batch.unserved += left


def _claim(connection, rows, avoid=NOTHING, attempts=None):
    """Find, lock and write the nodes of some locked allocations."""
    batch = Batch(size=len(rows), last_id=rows[-1].id if rows else None)
    search = taking.Search(avoid.nodes)
    # Asked once the rows are locked: who waited before one of them came is
    # seen.
    waited = waiters.waited_for(connection,
                                {row.resource_class for row in rows})
    for resource_class in waited:
        group = [row for row in rows if row.resource_class == resource_class]
        if class_queue.lock(connection, resource_class):
            # No more than the rows: half of them makes half a transaction.
            _serve(connection, batch, resource_class, group, search,
                   len(rows), avoid)
        else:
            batch.put_off += group
    _match(connection, batch, search, [
        row for row in rows if row.resource_class not in waited])
    _write(connection, batch, attempts)
    return batch


def _write(connection, batch, attempts):
    if attempts:
        attempts.note(batch.claims)
    if batch.claims:
        write(connection, batch.claims)


def _match(connection, batch, search, rows):
    """Take nodes for allocations in whose classes nobody waits."""
    unsettled = backend_writes.unsettled(connection, rows)
    particular, groups = _sort_out(connection, rows, unsettled)
    for row in particular:
        take = functools.partial(taking.take_particular, connection, row)
        _assign(batch, [row], taking.take_sound(
            connection, take, 1, search.beside(unsettled.get(row.uuid, ())),
            batch.flaws))
    # Whoever asks for more goes first: it has less to choose from.
    for requirement in sorted(groups, key=lambda r: -r.demands):
        wanting = groups[requirement]
        take = functools.partial(taking.take, connection, requirement)
        _assign(batch, wanting, taking.take_sound(
            connection, take, len(wanting), search, batch.flaws))


def _assign(batch, rows, nodes):
    batch.claims += [Claim(*pair) for pair in zip(rows, nodes,
                                                     strict=False)]
    batch.unserved += rows[len(nodes):]


def _sort_out(connection, rows, unsettled):
    """Tell allocations that name certain nodes from those that do not.

    :param unsettled: container of UUIDs of those that certain backends' nodes
        will not do for
    :returns: list of the rows that prefer or demand certain nodes, and the
        other rows by requirement
    """
    names = [row.name for row in rows if row.name is not None]
    namesakes = set()
    if names:
        namesakes.update(connection.execute(
            sa.select(_node.c.name).where(_node.c.name.in_(names))).scalars())
    particular, groups = [], collections.defaultdict(list)
    for row in rows:
        if (row.candidate_nodes or row.name in namesakes
                or row.uuid in unsettled):
            particular.append(row)
        else:
            groups[suitability.requirement_of(row)].append(row)
    return particular, groups


def write(connection, claims):
    """Write both sides of some claims, whose rows are locked."""
    _CLAIM_NODES.execute(connection, [
        {'id': node.id, 'instance_uuid': allocation.uuid,
         'allocation_id': allocation.id,
         'instance_info': flaws.read_info(node) | {
             'traits': allocation.traits}}
        for node, allocation in ((claim.node, claim.allocation)
                                 for claim in claims)])
    _DECIDE.execute(connection, [
        {'id': claim.allocation.id, 'node_id': claim.node.id,
         'state': states.ALLOCATED if claim.is_confirmed
         else states.CONFIRMING} for claim in claims])
    waited = [claim for claim in claims
              if waiters.has_waited(claim.allocation)]
    if waited:
        waiters.give_nodes(
            connection,
            [claim.allocation.id for claim in waited
             if not claim.is_confirmed],
            [claim.allocation.id for claim in waited if claim.is_confirmed])
    for claim in claims:
        if not claim.is_confirmed:
            backend_writes.want(
                connection, backend_writes.CLAIM, claim.node,
                claim.allocation._mapping,
                backend_writes.request_of(claim.allocation),
                claim.allocation.request_id)


def write_failures(connection, rows, reasons):
    """Turn locked allocations to ``error``.

    :param rows: rows of the allocations
    :param reasons: dict of why an allocation fails, by its id
    :returns: list of Failure
    """
    said = backend_writes.refusals(connection, rows)
    reasons = {row.id: ' '.join([reasons[row.id], *said.get(row.id, ())])[
        :models.LAST_ERROR_LENGTH] for row in rows}
    _FAIL.execute(connection, [
        {'id': row.id, 'state': states.ERROR, 'last_error': reasons[row.id]}
        for row in rows])
    return [Failure(row, reasons[row.id]) for row in rows]
