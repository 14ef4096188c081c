# SPDX-License-Identifier: Apache-2.0
"""Allocations a second with several clients, beside as many bare ones."""

import collections
import statistics
import threading
import time

from allocator.tests.backends import cpu
from benchmarks import client
from benchmarks import load
from benchmarks.backends import figures
from benchmarks.backends import site


def throughput(places, service, scale):
    """Measure it at some Bare Metal services at once.

    :param places: list of site.BareMetal
    :param service: fixture of the service before them
    :param scale: scale.Scale
    :returns: dict: what figures.rates() returns; by kind, the milliseconds
        of a processor that each process took for an allocation, and the
        percents of one that it had
    """
    # Where there is one, no other is to be asked.
    body = places[0].body() if len(places) == 1 else {
        'resource_class': site.RESOURCE_CLASS}
    groups = [_Group(place.connect, scale.clients,
                     [place.bare_body() for _ in range(scale.requests)])
              for place in places]
    own = [_Group(lambda: client.Client(service.endpoint),
                  scale.clients * len(places),
                  [body] * (scale.requests * len(places)))]
    runs = {'bare': [], 'service': []}
    for _ in range(scale.runs):
        runs['bare'].append(_run(groups, places, service))
        runs['service'].append(_run(own, places, service))
    found = figures.rates([run.rate for run in runs['service']],
                          [run.rate for run in runs['bare']])
    return found | {
        'cpu_ms': _medians(runs, lambda run, name: round(
            run.costs[name] / run.count * 1e3, 1)),
        'cpu_percent': _medians(runs, lambda run, name: round(
            run.costs[name] / run.seconds * 100))}


def _medians(runs, figure):
    return {kind: {name: statistics.median(figure(run, name) for run in some)
                   for name in some[0].costs}
            for kind, some in runs.items()}


class _Group:
    """Clients that allocate at one place.

    :param connect: function that opens a connection
    :param clients: number of clients
    :param bodies: list of what they ask for
    """

    def __init__(self, connect, clients, bodies):
        self._connect = connect
        self._clients = clients
        self._bodies = bodies
        self.samples = []
        self.error = None

    def allocate(self):
        try:
            self.samples, _seconds = load.run(
                self._connect, self._clients, self._bodies, load.allocate)
        except Exception as exc:
            self.error = exc

    def release(self):
        """Give everything back.

        :raises: client.BadAnswer if something was not to be had
        """
        if self.error is not None:
            raise self.error
        states = collections.Counter(
            sample.state for sample in self.samples)
        if set(states) != {'active'}:
            raise client.BadAnswer('not all are active: %s' % states)
        load.run(self._connect, self._clients,
                 [sample.uuid for sample in self.samples],
                 lambda connection, uuid: site.release(connection, [uuid]))


class _Run:
    """What one run came to.

    :ivar count: number of allocations
    :ivar seconds: until the last was active
    :ivar costs: dict of seconds of a processor by name of a process
    """

    def __init__(self, count, seconds, costs):
        self.count = count
        self.seconds = seconds
        self.costs = costs
        self.rate = count / seconds


def _run(groups, places, service):
    """Have groups of clients allocate at the same time, then release."""
    before, start = _costs(places, service), time.perf_counter()
    threads = [threading.Thread(target=group.allocate) for group in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    costs = {name: cost - before[name]
             for name, cost in _costs(places, service).items()}
    for group in groups:
        group.release()
    return _Run(sum(len(group.samples) for group in groups), seconds, costs)


def _costs(places, service):
    """Count the seconds of a processor that processes have taken so far."""
    return {'api': cpu.seconds(service.api.pid),
            'conductor': cpu.seconds(service.conductors[0].pid)} | {
        'ironic-' + place.name: sum(place.ironic.cpu_seconds().values())
        for place in places}
