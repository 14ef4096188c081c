# SPDX-License-Identifier: Apache-2.0
"""What a POST costs the API, beside the least that it could cost."""

import os
import statistics
import sys
import time

from benchmarks import crowd
from benchmarks import processes
from benchmarks import seeding
from benchmarks import service
from benchmarks.comparison import rounds

API = 'api'
CONSTANT = 'constant'
INSERT = 'insert'

# Seconds that the conductor may take for what was posted.
PATIENCE = 120

_PROGRAM = os.path.join(os.path.dirname(__file__), 'server.py')


def floor(bench):
    """Measure the processor time of a POST.

    :param bench: bench.Bench of a running service
    :returns: dict by number of clients of dicts of milliseconds: of the API,
        of an application that answers a constant, and of one that makes an
        INSERT; and "times", the first as a multiple of the last
    """
    endpoints = {API: bench.endpoint}
    for kind in (CONSTANT, INSERT):
        endpoints[kind] = _start(bench, kind)
    found = {}
    seeding.nodes(bench.engine, bench.scale.size)
    for clients in (1, bench.scale.clients):
        runs = {kind: [] for kind in endpoints}
        for number in range(bench.scale.runs):
            for kind in rounds.order(endpoints, number):
                runs[kind].append(_post(bench, kind, endpoints[kind],
                                        clients))
        medians = {kind: round(statistics.median(run), 3)
                   for kind, run in runs.items()}
        found[str(clients)] = medians | {
            'times': round(medians[API] / medians[INSERT], 2), 'runs': runs}
    bench.service.stop(CONSTANT, INSERT)
    return found


def _start(bench, kind):
    """Start one of the two applications.

    :returns: its endpoint
    """
    port = service.free_port()
    bench.service.start_beside(kind, [sys.executable, _PROGRAM, kind],
                               {'api': {'port': port}})
    endpoint = 'http://127.0.0.1:%d' % port
    service.wait_for(lambda: service.answers(endpoint, '/v1/allocations'),
                     '%s answers' % kind)
    return endpoint


def _post(bench, kind, endpoint, clients):
    """Measure one run.

    :returns: milliseconds of processor time of the server for each POST
    """
    people = crowd.Crowd(bench.connect(), endpoint, clients)
    before = processes.times(bench.service)[kind]
    samples, _ = people.post(bench.body, bench.scale.requests)
    used = processes.times(bench.service)[kind] - before
    if {sample.status for sample in samples} != {201}:
        raise RuntimeError('a POST to %s was refused' % kind)
    _wait_until_settled(bench.engine)
    seeding.release(bench.engine)
    return used / len(samples) * 1e3


def _wait_until_settled(engine):
    """Wait, so that no conductor works beside what is measured next."""
    deadline = time.monotonic() + PATIENCE
    while seeding.states(engine).get('allocating'):
        if time.monotonic() > deadline:
            raise TimeoutError('allocations are stuck')
        time.sleep(0.05)
