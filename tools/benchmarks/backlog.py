# SPDX-License-Identifier: Apache-2.0
"""The conductor alone: a table full of work, no HTTP, and bare SQL beside it.

The bare script does the least that a claim is: it locks a batch of
allocations and as many free nodes, and writes both sides. It looks at no
trait, no name, no owner, and keeps no log.
"""

import time

from benchmarks import seeding

BATCH_SIZE = 64

# Seconds after which the conductor counts as stuck.
PATIENCE = 300


def conductor(bench, conductors=1):
    """Measure how fast conductors work off a backlog.

    :param conductors: how many conductors share it
    :returns: claims a second by the database's clock
    """
    size = bench.scale.backlog
    hosts = ['backlog-%d' % number for number in range(conductors)]
    seeding.nodes(bench.engine, size)
    seeding.pending(bench.engine, size)
    for host in hosts:
        bench.service.start_conductor(host, wait=False)
    deadline = time.monotonic() + PATIENCE
    while seeding.states(bench.engine).get('allocating'):
        if time.monotonic() > deadline:
            raise TimeoutError('allocations are stuck')
        time.sleep(0.2)
    bench.service.stop(*hosts)
    return seeding.pace(bench.engine)


def bare(bench):
    """Measure what the database does with SQL that was written by hand.

    :returns: claims a second
    """
    size = bench.scale.backlog
    seeding.nodes(bench.engine, size)
    seeding.pending(bench.engine, size)
    with bench.engine.connect() as connection:
        start = time.perf_counter()
        while _claim(connection.connection.cursor(),
                     bench.engine.dialect.name):
            connection.connection.commit()
        return size / (time.perf_counter() - start)


def _claim(cursor, dialect):
    cursor.execute(
        "SELECT id, uuid FROM allocations WHERE state = 'allocating' "
        'ORDER BY id LIMIT %d FOR UPDATE SKIP LOCKED' % BATCH_SIZE)
    allocations = cursor.fetchall()
    if not allocations:
        return 0
    hint = ('' if dialect == 'postgresql'
            else 'FORCE INDEX (nodes_free_idx)')
    cursor.execute(
        'SELECT id FROM nodes %s WHERE free = 1 AND resource_class = '
        "'%s' LIMIT %d FOR UPDATE SKIP LOCKED"
        % (hint, seeding.RESOURCE_CLASS, len(allocations)))
    pairs = [(node, id_, uuid) for (node,), (id_, uuid)
             in zip(cursor.fetchall(), allocations, strict=True)]
    nodes = ','.join(str(node) for node, _, _ in pairs)
    cursor.execute(
        'UPDATE nodes SET instance_uuid = CASE id %s END, '
        'allocation_id = CASE id %s END, updated_at = CURRENT_TIMESTAMP '
        'WHERE id IN (%s)' % (
            ' '.join("WHEN %d THEN '%s'" % (node, uuid)
                     for node, _, uuid in pairs),
            ' '.join('WHEN %d THEN %d' % (node, id_)
                     for node, id_, _ in pairs), nodes))
    cursor.execute(
        "UPDATE allocations SET state = 'active', node_id = CASE id %s END, "
        'updated_at = CURRENT_TIMESTAMP WHERE id IN (%s)' % (
            ' '.join('WHEN %d THEN %d' % (id_, node)
                     for node, id_, _ in pairs),
            ','.join(str(id_) for _, id_, _ in pairs)))
    return len(pairs)


def backlog(bench):
    """Measure conductor and bare SQL in turns.

    :returns: dict of the best figures and of their ratio
    """
    runs = [(conductor(bench), bare(bench), conductor(bench, 2))
            for _ in range(bench.scale.runs)]
    one, script, two = (max(found) for found in zip(*runs, strict=True))
    return {'per_second': round(one), 'bare_per_second': round(script),
            'share_of_bare': round(max(run[0] / run[1] for run in runs), 2),
            'two_conductors_per_second': round(two),
            'batch_size': BATCH_SIZE}
