# SPDX-License-Identifier: Apache-2.0
"""Allocations a second: many clients, each waits until it has its node."""

import collections

from benchmarks import figures
from benchmarks import load
from benchmarks import seeding


def throughput(bench, limit, body=None):
    """Measure allocations a second, from POST to active.

    :param limit: number of nodes that there are for these requests
    :param body: what is asked for, unless the usual
    :returns: dict of the fastest run's figures
    """
    body, runs = body or bench.body, []
    for _ in range(bench.scale.runs):
        count, seconds, samples = 0, 0, []
        while count < bench.scale.requests:
            # As many as there are nodes, again and again.
            size = min(bench.scale.requests - count, limit)
            found, took = load.run(
                bench.connect, bench.scale.clients, [body] * size,
                load.allocate)
            samples += found
            seconds += took
            count += size
            give_back(bench, found)
        runs.append(_figures(samples, seconds))
    best = max(runs, key=lambda run: run['per_second'])
    return best | {'per_second_of_runs': [run['per_second'] for run in runs]}


def give_back(bench, samples):
    """Free the nodes that a run has taken, and no others."""
    if bench.engine is not None:
        seeding.give_back(bench.engine, [s.uuid for s in samples if s.uuid])
    else:
        bench.release([s.uuid for s in samples if s.uuid])


def _figures(samples, seconds):
    settled = [s.settled for s in samples if s.settled is not None]
    return {
        'per_second': round(len(settled) / seconds, 1),
        'statuses': dict(collections.Counter(str(s.status)
                                             for s in samples)),
        'states': dict(collections.Counter(str(s.state) for s in samples)),
        'post': figures.latency([s.posted for s in samples]),
        'active': figures.latency(settled),
    }


def variants(bench):
    """Measure what makes nodes harder to find, against an equal load.

    :returns: dict of throughputs by variant, and their ratios
    """
    size = bench.scale.size
    rare = bench.body | {'traits': [seeding.COMMON, seeding.RARE]}
    few = max(size // seeding.RARE_EACH * 9 // 10, 1)
    seeding.nodes(bench.engine, size)
    found = {'all_suitable_in_small_rounds': throughput(bench, few),
             'one_percent_suitable': throughput(bench, few, rare)}
    tenth = size // 10 * 9 // 10
    found['all_free'] = throughput(bench, tenth)
    seeding.take(bench.engine)
    found['nine_tenths_taken'] = throughput(bench, tenth)
    for name, base in (
            ('one_percent_suitable', 'all_suitable_in_small_rounds'),
            ('nine_tenths_taken', 'all_free')):
        found[name]['times_slower'] = round(
            found[base]['per_second'] / found[name]['per_second'], 2)
    return found


def two_conductors(bench):
    """Measure one conductor, then two, on the same database.

    The second one goes on running.

    :returns: dict of throughputs
    """
    limit = bench.scale.size * 9 // 10
    seeding.nodes(bench.engine, bench.scale.size)
    one = throughput(bench, limit)
    bench.service.start_conductor('second')
    return {'one': one, 'two': throughput(bench, limit)}
