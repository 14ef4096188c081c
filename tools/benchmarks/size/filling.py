# SPDX-License-Identifier: Apache-2.0
"""Fills the tables by INSERT … SELECT: a million rows in some minutes.

A block of rows is made as seeding makes them, and the database copies it.
"""

import random

import sqlalchemy as sa

from allocator.db import models
from benchmarks import seeding

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Rows of a block. Nodes of every kind that seeding makes are in one.
ALLOCATIONS = 5000
NODES = 700

# Minutes by which the copies of a block are apart in age.
BLOCK_AGE = ALLOCATIONS

_COPIED = ('state', 'last_error', 'resource_class', 'traits',
           'candidate_nodes', 'extra', 'owner')


def fill(engine, allocations, nodes):
    """Fill the tables of this release or of an older one.

    Half of the nodes are taken by allocations; the other allocations are
    history, see seeding.history().

    :param engine: sqlalchemy.Engine of a database that has the schema
    :param allocations: number of allocations, at least half of the nodes'
    :param nodes: number of nodes
    """
    _nodes(engine, nodes)
    seeding.take(engine, tenths=5)
    with engine.connect() as connection:
        taken = connection.execute(
            sa.select(sa.func.count()).select_from(_allocation)).scalar()
    _history(engine, allocations - taken)
    seeding.analyze(engine)


def _nodes(engine, count):
    seeding.nodes(engine, min(count, NODES))
    known = {column['name']
             for column in sa.inspect(engine).get_columns(_node.name)}
    same = [name for name in (*seeding.NODE, 'trait_set_id', 'profile_id')
            if name in known]
    first, last = _ids(engine, _node)
    for number in range(1, -(-count // NODES)):
        rest = min(NODES, count - number * NODES)
        _copy(engine, _node, same, {
            'uuid': _uuid(engine), 'name': _node.c.name + '-%d' % number},
            _node.c.id.between(first, last), rest)


def _history(engine, count):
    """Add allocations of the past; the failed ones are the newest."""
    if count <= 0:
        return
    block, dice = min(count, ALLOCATIONS), random.Random(1)
    with engine.begin() as connection:
        taken = connection.execute(
            sa.select(sa.func.max(_allocation.c.id))).scalar() or 0
        seeding.insert(connection, _allocation, (
            seeding.past(dice, number, block, [])
            for number in range(block)))
    first, last = _ids(engine, _allocation, taken)
    for sign, is_failed in (('-', False), ('+', True)):
        for number in range(1, -(-count // block)):
            rest = min(block, count - number * block)
            failed = round(rest * seeding.FAILED)
            _copy(engine, _allocation, _COPIED, {
                'uuid': _uuid(engine),
                'name': _allocation.c.name + '-%d' % number,
                **{name: sa.literal_column(
                    "%s %s INTERVAL '%d' MINUTE"
                    % (name, sign, number * BLOCK_AGE))
                   for name in ('created_at', 'updated_at')}},
                sa.and_(_allocation.c.id.between(first, last),
                        (_allocation.c.state == 'error') == is_failed),
                failed if is_failed else rest - failed)


def _ids(engine, table, after=0):
    with engine.connect() as connection:
        return connection.execute(sa.select(
            sa.func.min(table.c.id), sa.func.max(table.c.id))
            .where(table.c.id > after)).one()


def _uuid(engine):
    if engine.dialect.name == 'postgresql':
        return sa.cast(sa.func.gen_random_uuid(), sa.String)
    return sa.func.uuid()


def _copy(engine, table, same, other, condition, limit):
    """Copy rows of a table.

    :param same: names of the columns that stay as they are
    :param other: dict of expressions by name of the column
    :param condition: which rows
    :param limit: how many of them, from the first
    """
    columns = {name: table.c[name] for name in same} | other
    rows = (sa.select(*columns.values()).where(condition)
            .order_by(table.c.id).limit(limit))
    with engine.begin() as connection:
        connection.execute(sa.insert(table).from_select(list(columns), rows))
