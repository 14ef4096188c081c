# SPDX-License-Identifier: Apache-2.0
"""The service on a large table, measured in turns with one on a small."""

import contextlib
import dataclasses
import sys
import time

import sqlalchemy as sa

from allocator.db import models
from benchmarks import idle
from benchmarks import installation as installations
from benchmarks import processes
from benchmarks import seeding
from benchmarks.comparison import rounds
from benchmarks.comparison import sides
from benchmarks.size import filling
from benchmarks.size import lists

_node = models.Node.__table__

SMALL = 'small'
LARGE = 'large'

# Days without a change after which failed allocations are removed.
PURGED = 30

# Seconds that conductors may take to say what the migrated nodes are.
PATIENCE = 1800


def size(setting, scale, pairs, old=None):
    """Measure both.

    :param setting: sides.Setting
    :param scale: bench.Scale
    :param pairs: how often each is measured
    :param old: installation.Installation of a release whose schema the large
        table is migrated from; None for one that has this release's schema
    :returns: dict of what was measured
    """
    scale = dataclasses.replace(scale, runs=1)
    results = {'rows': dict(zip((SMALL, LARGE), scale.tables, strict=True))}
    figures = {}
    with contextlib.ExitStack() as stack:
        running = []
        for name, rows in results['rows'].items():
            fill = _Filler(*rows, old if name == LARGE else None)
            _say('%s: %d allocations, %d nodes' % (name, *rows))
            running.append(stack.enter_context(sides.running(
                name, installations.Installation(), setting, scale, fill)))
            results[name] = fill.seconds
            if fill.is_migrated:
                results[name]['profiles_s'] = _wait_for_profiles(
                    running[-1].bench.engine)
        _say('requests')
        for number in range(pairs):
            for side in rounds.order(running, number):
                figures.setdefault(side.name, []).append(
                    _requests(side.bench))
        results['requests'] = _compared(figures)
        _say('lists')
        results['lists'] = lists.lists(
            [side.bench for side in running], pairs)
        for side in running:
            results[side.name]['memory'] = processes.memory(
                side.bench.service)
            results[side.name]['bytes'] = _bytes(side.bench.engine)
        _say('purge')
        results[LARGE]['purge'] = _purge(running[-1].bench)
    return results


def _say(text):
    print('measuring size:', text, file=sys.stderr, flush=True)


class _Filler:
    """Makes the schema and fills it.

    :ivar seconds: dict of how long what took
    :ivar is_migrated: whether it was an older schema first
    """

    def __init__(self, allocations, nodes, old):
        self._rows = allocations, nodes
        self._old = old
        self.seconds = {}
        self.is_migrated = old is not None

    def __call__(self, process, engine):
        process.make_schema(self._old)
        begun = time.monotonic()
        filling.fill(engine, *self._rows)
        self.seconds['filling_s'] = round(time.monotonic() - begun, 1)
        if self.is_migrated:
            begun = time.monotonic()
            process.make_schema()
            self.seconds['migration_s'] = round(time.monotonic() - begun, 1)
        seeding.analyze(engine)


def _wait_for_profiles(engine):
    """Wait until the conductor has looked at all migrated nodes.

    :returns: seconds since it was ready
    """
    begun = time.monotonic()
    left = sa.select(_node.c.id).where(_node.c.profile_id.is_(None)).limit(1)
    while True:
        with engine.connect() as connection:
            if connection.execute(left).first() is None:
                return round(time.monotonic() - begun, 1)
        if time.monotonic() > begun + PATIENCE:
            raise TimeoutError('nodes have no profile')
        time.sleep(0.2)


def _requests(bench):
    """Measure requests on what is there.

    :returns: dict of milliseconds, medians, by request
    """
    free = bench.scale.samples
    active = idle.time_to_active(bench, free * 10 // 9 + 1)
    return {'active': active['active']['p50_ms']} | {
        name: found['p50_ms']
        for name, found in idle.requests(bench).items()}


def _compared(figures):
    return {name: dataclasses.asdict(rounds.compare(
        *([run[name] for run in figures[side]] for side in (SMALL, LARGE))))
        for name in figures[SMALL][0]}


def _bytes(engine):
    """Ask the database how large the tables are, indexes included.

    :returns: dict of bytes by name
    """
    query = ('SELECT data_length + index_length FROM '
             'information_schema.tables WHERE table_schema = DATABASE() '
             "AND table_name = '%s'")
    if engine.dialect.name == 'postgresql':
        query = "SELECT pg_total_relation_size('%s')"
    with engine.connect() as connection:
        return {name: int(connection.exec_driver_sql(query % name).scalar())
                for name in ('allocations', 'nodes')}


def _purge(bench):
    """Measure allocator-manage purge.

    :returns: dict of the number of allocations and the seconds
    """
    before = sum(seeding.states(bench.engine).values())
    begun = time.monotonic()
    bench.service.run('allocator-manage', 'purge', '--older-than',
                      str(PURGED))
    seconds = time.monotonic() - begun
    return {'removed': before - sum(seeding.states(bench.engine).values()),
            'seconds': round(seconds, 1)}
