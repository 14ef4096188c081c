# SPDX-License-Identifier: Apache-2.0
"""Very many nodes of many backends: memory, and the processor when idle.

The backends are simulated: no machine of a developer holds as many real ones.
"""

import configparser
import subprocess
import sys
import time

import sqlalchemy as sa

from allocator.db import models
from allocator.tests.backends import cpu
from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import waiting
from benchmarks import client
from benchmarks.backends import figures
from benchmarks.backends import latency
from benchmarks.backends import site

# Seconds that all looks may take at most.
PATIENCE = 1200

# Nodes of those backends that do hand out theirs.
FEW = 100

# Seconds after the last look of everything until a process counts as idle.
SETTLE = 5

_backend = models.Backend.__table__


class Simulators:
    """Simulated Bare Metal services in a process of their own.

    :param sizes: dict of numbers of nodes by name
    """

    def __init__(self, sizes):
        self._port = service_fixtures.free_port()
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'allocator.tests.backends.simulator',
             '--port', str(self._port), *('%s=%d' % pair
                                          for pair in sizes.items())],
            env=processes.environment())

    def options(self, name, **options):
        """Make the options of a backend's group."""
        return {'auth_type': 'none', 'endpoint_override':
                'http://127.0.0.1:%d/%s' % (self._port, name)} | options

    def close(self):
        self._process.kill()
        self._process.wait()


def fleet(scale):
    """Measure a service with a fleet of backends.

    :param scale: scale.Scale
    :returns: dict
    """
    count, size = scale.fleet
    names = ['fleet%d' % number for number in range(count)]
    simulators = Simulators(
        dict.fromkeys(names, size) | {'few': FEW, 'lonely': FEW})
    try:
        backends = {name: simulators.options(
            name, allocate='false', sweep_interval=1) for name in names}
        backends['few'] = simulators.options('few')
        with site.service(backends) as service:
            found = _mirror(service, names, scale)
            found['idle_percent'] = _idle(service, names, scale.idle)
            with site.service({'lonely': simulators.options(
                    'lonely')}) as lonely:
                _wait_swept(lonely.engine, ['lonely'])
                found['drained'] = _beside(service, lonely, scale.samples)
        return found | {'backends': count, 'nodes': count * size}
    finally:
        simulators.close()


def _mirror(service, names, scale):
    """Wait for full looks, and look at the conductor's memory meanwhile."""
    start = time.monotonic()
    _wait_swept(service.engine, names)
    first = time.monotonic() - start
    memory = [_memory(service)]
    for _ in range(scale.sweeps):
        _wait_swept(service.engine, names, after=_swept(service.engine))
        memory.append(_memory(service))
    return {'first_look_s': round(first, 1), 'memory': memory}


def _memory(service):
    """Measure the memory of the conductor.

    :returns: dict of MiB: of its largest process, and of all
    """
    pid = service.conductors[0].pid
    sizes = [cpu.resident(member) - sum(
        cpu.resident(child) for child in cpu.family(member)[1:])
        for member in cpu.family(pid)]
    return {'largest_mib': round(max(sizes) / 2 ** 20, 1),
            'all_mib': round(sum(sizes) / 2 ** 20, 1)}


def _swept(engine):
    with engine.connect() as connection:
        return dict(connection.execute(
            sa.select(_backend.c.name, _backend.c.swept_at)).all())


def _wait_swept(engine, names, after=None):
    """Wait until each backend was looked at in full once more.

    :param after: what _swept() returned before
    """
    after = after or {}

    def done():
        found = _swept(engine)
        return all(found.get(name) is not None
                   and found[name] != after.get(name) for name in names)

    waiting.until(done, PATIENCE, 'all nodes are looked at', interval=0.5)


def _idle(service, names, seconds):
    """Measure the share of one processor that an idle conductor takes.

    It is started anew, so that no full look is near.

    :returns: percent
    """
    conductor = service.conductors[0]
    parser = configparser.RawConfigParser()
    parser.read(service.config_file)
    for name in names:
        parser.set(name, 'sweep_interval', '86400')
    with open(service.config_file, 'w') as file:
        parser.write(file)
    conductor.stop()
    before = _swept(service.engine)
    conductor.start()
    service.wait_ready()
    _wait_swept(service.engine, names, before)
    time.sleep(SETTLE)
    before = cpu.seconds(conductor.pid)
    time.sleep(seconds)
    return round((cpu.seconds(conductor.pid) - before) / seconds * 100, 1)


def _beside(service, lonely, samples):
    """Compare a service with very many drained nodes with one without.

    :returns: what figures.compared() returns; "bare" is the one without
    """
    body = {'resource_class': site.RESOURCE_CLASS}
    both = [client.Client(one.endpoint) for one in (service, lonely)]
    times = [], []
    for number in range(latency.WARM_UP + samples):
        pair = [latency.one(connection, body) for connection in both]
        if number >= latency.WARM_UP:
            for found, seconds in zip(times, pair, strict=True):
                found.append(seconds)
    return figures.compared(*times)
