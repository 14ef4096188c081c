# SPDX-License-Identifier: Apache-2.0
"""Latencies of a service that has nothing else to do."""

from benchmarks import figures
from benchmarks import load


def time_to_active(bench, limit):
    """Measure the time from the POST until the allocation is seen active.

    :param limit: number of nodes there are
    :returns: dict of the best run's time to active, and of its POSTs
    """
    count = min(bench.scale.samples, max(limit * 9 // 10, 1))
    actives, posts = [], []
    connection = bench.connect()
    for _ in range(bench.scale.runs):
        samples = [load.allocate(connection, bench.body, closely=True)
                   for _ in range(count)]
        _check(samples)
        actives.append(figures.distribution([s.settled for s in samples]))
        posts.append(figures.distribution([s.posted for s in samples]))
        bench.release([s.uuid for s in samples])
    connection.close()
    return {'active': figures.best(actives), 'post': figures.best(posts)}


def _check(samples):
    failed = [s for s in samples if s.state != 'active']
    if failed:
        raise RuntimeError('%d of %d allocations were not made: %s'
                           % (len(failed), len(samples), failed[0]))


def requests(bench):
    """Measure POST, GET and DELETE of single allocations, one client.

    :returns: dict of latencies by method
    """
    runs = {'post': [], 'get': [], 'delete': []}
    connection = bench.connect()
    for _ in range(bench.scale.runs):
        samples = [load.allocate(connection, bench.body)
                   for _ in range(bench.scale.samples)]
        _check(samples)
        runs['post'].append(figures.distribution([s.posted for s in samples]))
        for method, expected in (('GET', 200), ('DELETE', 204)):
            answers = [load.timed(connection, method,
                                  '/v1/allocations/' + s.uuid)
                       for s in samples]
            if any(status != expected for status, _ in answers):
                raise RuntimeError('%s was refused' % method)
            runs[method.lower()].append(figures.distribution(
                [seconds for _, seconds in answers]))
    connection.close()
    return {method: figures.best(found) for method, found in runs.items()}
