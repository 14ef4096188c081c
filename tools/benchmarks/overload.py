# SPDX-License-Identifier: Apache-2.0
"""Overload: twice as many requests at once as there are nodes."""

import collections
import time

from benchmarks import figures
from benchmarks import load
from benchmarks import seeding

PENDING = '/v1/allocations?state=allocating&limit=1&fields=uuid'

# Seconds after which the service counts as stuck.
PATIENCE = 300


def overload(bench):
    """Measure how a service gets through more than it can serve.

    :returns: dict of the answers, the states in the end, and how many
        seconds after the last POST the last allocation was settled
    """
    posts, clients, nodes = bench.scale.overload
    seeding.nodes(bench.engine, nodes)
    samples, seconds = load.run(bench.connect, clients, [bench.body] * posts,
                                load.post)
    settled = _wait(bench)
    return {
        'posts_per_second': round(posts / seconds, 1),
        'statuses': dict(collections.Counter(str(s.status)
                                             for s in samples)),
        'post': figures.latency([s.posted for s in samples]),
        'settled_after_s': round(settled, 2),
        'states': seeding.states(bench.engine),
        'wanted': {'active': nodes, 'error': posts - nodes},
    }


def _wait(bench):
    start = time.monotonic()
    connection = bench.connect()
    while connection.get(PENDING)['allocations']:
        if time.monotonic() - start > PATIENCE:
            raise TimeoutError('allocations are stuck')
        time.sleep(0.05)
    connection.close()
    return time.monotonic() - start
