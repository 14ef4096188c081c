# SPDX-License-Identifier: Apache-2.0
"""What it costs that many wait: idle, for those freed, and for others."""

import time

from allocator.db import suitability
from allocator.db import waiters
from benchmarks import figures
from benchmarks import idle
from benchmarks import load
from benchmarks import processes
from benchmarks import queueing
from benchmarks import seeding

# Seconds after which what should happen at once counts as lost.
PATIENCE = 60

# Seconds until all deadlines are over, from their making.
AHEAD = 10

# Seconds between two looks whether the next one has been served.
LOOK = 0.002


def waiting(bench):
    """Measure the queue.

    :returns: dict of what was measured: of the empty queue, by the number of
        different demands, and of deadlines
    """
    scale = bench.scale
    queueing.end(bench.engine)
    seeding.nodes(bench.engine, scale.size)
    results = {'empty': _beside(bench)}
    for count, kinds in scale.waiting:
        demands = _demands(kinds)
        queueing.allocations(bench.engine, demands, count, seconds=86400)
        results[str(kinds)] = _beside(bench) | {
            'count': count, 'served': _served(bench, demands)}
        queueing.end(bench.engine)
    results['deadlines'] = _deadlines(bench, scale.deadlines)
    queueing.end(bench.engine)
    return results


def _demands(kinds):
    found = {}
    for kind in range(kinds):
        trait = 'CUSTOM_AWAITED_%d' % kind
        found[trait] = waiters.demand_of(suitability.Requirement(
            seeding.AWAITED, (trait,)))
    return found


def _beside(bench):
    """Measure the idle processes, and requests of another class."""
    other_class = idle.time_to_active(bench, bench.scale.size)
    database = processes.database_time(bench.engine)
    share = processes.processor_share(bench.service, bench.scale.idle)
    if database is not None:
        share['database'] = round(
            (processes.database_time(bench.engine) - database)
            / bench.scale.idle * 100, 2)
    return {'other_class': other_class, 'idle': share}


def _served(bench, demands):
    """Measure the time from a node's release until the next one has it.

    :returns: latency
    """
    names = list(demands)
    step = max(1, len(names) // bench.scale.samples)
    traits = [names[number * step % len(names)]
              for number in range(bench.scale.samples)]
    connection, times = bench.connect(), []
    for uuid, trait in zip(queueing.nodes(bench.engine, traits),
                           traits, strict=True):
        following = queueing.first(bench.engine, demands[trait])
        begun = time.perf_counter()
        status, _ = load.timed(connection, 'DELETE', '/v1/allocations/' + uuid)
        if status != 204:
            raise RuntimeError('DELETE was answered %d' % status)
        while connection.get('/v1/allocations/' + following)[
                'state'] != 'active':
            if time.perf_counter() > begun + PATIENCE:
                raise TimeoutError('%s is not served' % following)
            time.sleep(LOOK)
        times.append(time.perf_counter() - begun)
    connection.close()
    return figures.latency(times)


def _deadlines(bench, count):
    """Measure how long it takes to settle deadlines that pass together.

    :returns: dict of seconds from the moment that they are over
    """
    begun = time.monotonic()
    queueing.allocations(bench.engine, _demands(20), count, AHEAD)
    over = begun + AHEAD
    while queueing.count(bench.engine):
        if time.monotonic() > over + PATIENCE:
            raise TimeoutError('deadlines are not kept')
        time.sleep(0.05)
    return {'count': count,
            'settled_after_s': round(time.monotonic() - over, 2)}
