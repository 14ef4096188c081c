# SPDX-License-Identifier: Apache-2.0
"""The claim: pending allocations get their nodes, in one transaction.

The rows of the allocations and of the nodes are locked with SKIP LOCKED, so
no two transactions wait for each other, and a claim never locks a node that
it does not take: what is skipped elsewhere because of it is really gone.
"""

import collections
import dataclasses

from oslo_db import exception as db_exc
from oslo_log import log
import sqlalchemy as sa

from allocator.common import states
from allocator.db import models
from allocator.db import session
from allocator.db import suitability
from allocator.db import types

_allocation = models.Allocation.__table__
_node = models.Node.__table__

DuplicateEntry = db_exc.DBDuplicateEntry

# Errors that say nothing about the allocations that were at hand.
OUTAGES = (db_exc.DBConnectionError, db_exc.DBDeadlock)

UUID_TAKEN = 'The UUID has become the instance UUID of another node.'

MYSQL_DIALECTS = ('mysql', 'mariadb')

LOG = log.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Claim:
    """An allocation that has got its node."""

    allocation: sa.Row
    node: sa.Row


@dataclasses.dataclass(frozen=True)
class Failure:
    """An allocation that has been turned to ``error``, and why."""

    allocation: sa.Row
    reason: str


@dataclasses.dataclass
class Batch:
    """What one transaction did.

    :ivar claims: the claims that it made
    :ivar unserved: rows of allocations for which it could lock no node
    :ivar failed: the failures of allocations that it turned to ``error``
    :ivar size: number of allocations that it looked at
    :ivar last_id: greatest id among them, None if there was none
    """

    claims: list = dataclasses.field(default_factory=list)
    unserved: list = dataclasses.field(default_factory=list)
    failed: list = dataclasses.field(default_factory=list)
    size: int = 0
    last_id: int | None = None


def _locked(query, table, index=None):
    """Add the row locks, and the index that keeps them few.

    MySQL locks every row that it reads on its way; a plan of its own
    choice could be the whole table.
    """
    if index:
        for dialect in MYSQL_DIALECTS:
            query = query.with_hint(table, 'FORCE INDEX (%s)' % index,
                                    dialect)
    return query.with_for_update(skip_locked=True, of=table)


def _pending():
    return sa.select(_allocation).where(
        _allocation.c.state == states.ALLOCATING).order_by(_allocation.c.id)


@session.retried
def claim_pending(limit, after_id=0, skip=()):
    """Claim nodes for the next allocations of the queue.

    :param limit: greatest number of allocations
    :param after_id: id of the allocation after which to begin
    :param skip: ids of allocations to leave out
    :returns: Batch
    :raises: DuplicateEntry if an allocation's uuid has become the instance
        of some other node; nothing is changed then
    """
    with session.writer() as connection:
        rows = connection.execute(_locked(
            _next(limit, after_id, skip), _allocation,
            'allocations_state_idx')).all()
        return _claim(connection, rows)


def _next(limit, after_id, skip):
    query = _pending().where(_allocation.c.id > after_id).limit(limit)
    return query.where(_allocation.c.id.not_in(skip)) if skip else query


def claim_singly(limit, after_id=0, skip=()):
    """Do as claim_pending does, in a transaction for each allocation.

    An allocation whose uuid has become the instance of some other node
    fails; one that cannot be processed at all stays; the others get their
    nodes.
    """
    whole = Batch()
    for id_ in _next_ids(limit, after_id, skip):
        whole.size += 1
        whole.last_id = id_
        try:
            batch = _claim_one(id_)
        except DuplicateEntry:
            batch = Batch(failed=fail({id_: UUID_TAKEN}))
        except OUTAGES:
            raise
        except Exception:
            LOG.exception('The allocation with id %d cannot be processed',
                          id_)
            continue
        whole.claims += batch.claims
        whole.unserved += batch.unserved
        whole.failed += batch.failed
    return whole


@session.retried
def _next_ids(limit, after_id, skip):
    with session.reader() as connection:
        return connection.execute(
            _next(limit, after_id, skip)
            .with_only_columns(_allocation.c.id)).scalars().all()


@session.retried
def _claim_one(id_):
    with session.writer() as connection:
        return _claim(connection, _lock_pending(connection, [id_]))


def _lock_pending(connection, ids):
    """Lock those of some allocations that are pending and not locked."""
    return connection.execute(_locked(
        _pending().where(_allocation.c.id.in_(ids)), _allocation)).all()


@session.retried
def claim_or_fail(reasons, patient):
    """Try some allocations once more; those still without a node fail.

    :param reasons: dict of why an allocation fails, by its id
    :param patient: whether those stay unserved for which a suitable node is
        free, but locked by somebody who may yet give it back
    :returns: Batch
    """
    with session.writer() as connection:
        batch = _claim(connection, _lock_pending(connection, reasons))
        unserved, batch.unserved = batch.unserved, []
        hopeful = _hopeful(connection, unserved) if patient else set()
        losers: list[sa.Row] = []
        for row in unserved:
            waits = suitability.requirement_of(row) in hopeful
            (batch.unserved if waits else losers).append(row)
        batch.failed = _write_failures(connection, losers, reasons)
        return batch


def _hopeful(connection, rows):
    """Find the requirements for which some node is free now."""
    requirements = {suitability.requirement_of(row) for row in rows}
    return {requirement for requirement in requirements
            if connection.execute(
                sa.select(_node.c.id).where(
                    *suitability.conditions(requirement)).limit(1)).first()}


@session.retried
def fail(reasons):
    """Turn allocations to ``error``.

    :param reasons: dict of why an allocation fails, by its id
    :returns: list of Failure, for those that were still pending
    """
    with session.writer() as connection:
        return _write_failures(
            connection, _lock_pending(connection, reasons), reasons)


def _claim(connection, rows):
    """Find, lock and write the nodes of some locked allocations."""
    batch = Batch(size=len(rows), last_id=rows[-1].id if rows else None)
    taken: set[int] = set()
    particular, groups = _sort_out(connection, rows)
    for row in particular:
        node = _take_particular(connection, row, taken)
        _enter(batch, [row], [node] if node else [], taken)
    # Whoever asks for more goes first: it has less to choose from.
    for requirement in sorted(groups, key=lambda r: -len(r.traits)):
        wanting = groups[requirement]
        nodes = _take(connection, requirement, len(wanting), taken)
        _enter(batch, wanting, nodes, taken)
    if batch.claims:
        _write_claims(connection, batch.claims)
    return batch


def _enter(batch, rows, nodes, taken):
    taken.update(node.id for node in nodes)
    batch.claims += [Claim(*pair) for pair in zip(rows, nodes,
                                                     strict=False)]
    batch.unserved += rows[len(nodes):]


def _sort_out(connection, rows):
    """Tell allocations that name certain nodes from those that do not.

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
        if row.candidate_nodes or row.name in namesakes:
            particular.append(row)
        else:
            groups[suitability.requirement_of(row)].append(row)
    return particular, groups


def _take_particular(connection, row, taken):
    """Lock a node for an allocation with namesake or candidates.

    :returns: row of the node, or None
    """
    requirement = suitability.requirement_of(row)
    suitable = suitability.conditions(requirement)
    query = sa.select(_node.c.id, _node.c.uuid, _node.c.name).where(*suitable)
    if not requirement.candidates:
        query = query.where(_node.c.name == row.name)
    found = connection.execute(query).all()
    place = {uuid: n for n, uuid in enumerate(requirement.candidates)}
    # The namesake first, then the client's own order.
    found.sort(key=lambda node: (node.name is None or node.name != row.name,
                                 place.get(node.uuid, 0)))
    for node in found:
        if node.id in taken:
            continue
        locked = connection.execute(_locked(_nodes_to_claim().where(
            _node.c.id == node.id, *suitable), _node)).first()
        if locked:
            return locked
    if requirement.candidates:
        return None
    return next(iter(_take(connection, requirement, 1, taken)), None)


def _nodes_to_claim():
    return sa.select(_node.c.id, _node.c.uuid, _node.c.instance_info)


def _take(connection, requirement, count, taken):
    """Lock suitable nodes, the least special ones first.

    :param connection: a database connection
    :param requirement: Requirement without candidates
    :param count: how many nodes
    :param taken: ids of nodes that this transaction has given already
    :returns: list of at most that many rows of nodes
    """
    nodes: list[sa.Row] = []
    # A transaction's own locks do not make it skip a row.
    seen = set(taken)
    for index, conditions, ordered in suitability.steps(connection,
                                                        requirement):
        query = _nodes_to_claim().where(
            _node.c.resource_class == requirement.resource_class,
            _node.c.free == 1, *conditions)
        if seen:
            query = query.where(_node.c.id.not_in(seen))
        if ordered:
            query = query.order_by(_node.c.trait_count)
        locked = connection.execute(_locked(
            query.limit(count - len(nodes)), _node, index)).all()
        nodes += locked
        seen.update(node.id for node in locked)
        if len(nodes) == count:
            break
    return nodes


def _by_id(column, values):
    """Build ``CASE id WHEN … THEN … END``: one statement for many rows."""
    first, *others = values.values()
    if all(value == first for value in others):
        return sa.literal(first, column.type)
    key = column.table.c.id
    return sa.case({sa.literal(id_, key.type): sa.literal(value, column.type)
                    for id_, value in values.items()}, value=key)


def _write_claims(connection, claims):
    uuids, ids, infos, nodes = {}, {}, {}, {}
    for claim in claims:
        node, allocation = claim.node, claim.allocation
        uuids[node.id] = allocation.uuid
        ids[node.id] = allocation.id
        infos[node.id] = node.instance_info | {'traits': allocation.traits}
        nodes[allocation.id] = node.id
    now = types.utcnow()
    connection.execute(
        sa.update(_node).where(_node.c.id.in_(uuids)).values(
            instance_uuid=_by_id(_node.c.instance_uuid, uuids),
            allocation_id=_by_id(_node.c.allocation_id, ids),
            instance_info=_by_id(_node.c.instance_info, infos),
            updated_at=now))
    connection.execute(
        sa.update(_allocation).where(_allocation.c.id.in_(nodes)).values(
            node_id=_by_id(_allocation.c.node_id, nodes),
            state=states.ALLOCATED, last_error=None, updated_at=now))


def _write_failures(connection, rows, reasons):
    failed = [Failure(row, reasons[row.id]) for row in rows]
    if failed:
        reasons = {row.id: reasons[row.id] for row in rows}
        connection.execute(
            sa.update(_allocation).where(_allocation.c.id.in_(reasons))
            .values(state=states.ERROR, updated_at=types.utcnow(),
                    last_error=_by_id(_allocation.c.last_error, reasons)))
    return failed
