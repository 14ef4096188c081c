# SPDX-License-Identifier: Apache-2.0
"""What the mirror costs: the first look, looks without changes, changes."""

import random
import signal
import time

import sqlalchemy as sa

from allocator.db import models
from allocator.db import types
from allocator.tests.backends import cpu
from allocator.tests.functional import waiting
from benchmarks.backends import figures

_backend = models.Backend.__table__
_node = models.Node.__table__

# Seconds that a first look, and a look for changes, may take at most.
FIRST_LOOK = 600
LOOK = 60

INTERVAL = 0.02


def first_look(service, place):
    """Wait for the first look at a Bare Metal service to end.

    :param service: fixture of the service, which has just started
    :param place: site.BareMetal
    :returns: dict: seconds that it took, to a tenth of one, and those of the
        processor that the Bare Metal service, and the conductor since its
        start, took meanwhile
    """
    def ended():
        with service.engine.connect() as connection:
            return connection.execute(
                sa.select(_backend.c.swept_at, types.utcnow()).where(
                    _backend.c.name == place.name,
                    _backend.c.swept_at.is_not(None))).first()

    before = _cost(place)
    begun, now = waiting.until(ended, FIRST_LOOK,
                               'the first look at ' + place.name,
                               interval=0.1)
    return {'nodes': len(place.uuids),
            'seconds': round((now - begun).total_seconds(), 1),
            'ironic_cpu_s': round(_cost(place) - before, 1),
            'conductor_cpu_s': round(
                cpu.seconds(service.conductors[0].pid), 1)}


def look(service, place, looks):
    """Count what looks without changes cost a Bare Metal service.

    :param service: fixture of the service
    :param place: site.BareMetal
    :param looks: number of looks
    :returns: dict: seconds of its processor for a look, and those that it
        takes in the same time by itself
    """
    began = time.monotonic()
    _wait_looks(service.engine, place.name, 1)
    before, start = _cost(place), time.monotonic()
    _wait_looks(service.engine, place.name, looks)
    cost, seconds = _cost(place) - before, time.monotonic() - start
    conductor = service.conductors[0]
    conductor.send_all(signal.SIGSTOP)
    try:
        before = _cost(place)
        # This is a measurement: there is nothing to wait for.
        time.sleep(seconds)
        alone = _cost(place) - before
    finally:
        conductor.send_all(signal.SIGCONT)
    # Whoever holds it has been asleep for longer than that lasts.
    _wait_looks(service.engine, place.name, 2)
    return {'cpu_s': round((cost - alone) / looks, 3),
            'alone_cpu_s': round(alone / looks, 3), 'looks': looks,
            'seconds': round(time.monotonic() - began, 1)}


def _cost(place):
    return sum(place.ironic.cpu_seconds().values())


def _wait_looks(engine, name, count):
    def looked_at():
        with engine.connect() as connection:
            return connection.execute(sa.select(_backend.c.looked_at).where(
                _backend.c.name == name)).scalar()

    for _ in range(count):
        last = looked_at()
        waiting.until(lambda: looked_at() != last, LOOK,  # noqa: B023
                      'a look at ' + name, interval=INTERVAL)


def changes(service, places, count):
    """Time how long it is until a change there is known here.

    :param places: list of site.BareMetal, changed in turns
    :param count: number of changes
    :returns: what figures.latencies() returns, and the longest
    """
    times = []
    for number in range(count):
        place = places[number % len(places)]
        # At any moment between two looks.
        time.sleep(random.uniform(0, 5))  # noqa: S311
        uuid = random.choice(place.uuids)  # noqa: S311
        place.ironic.operator.change(uuid, extra={'number': number})
        start = time.monotonic()
        waiting.until(
            lambda: _extra(service.engine, uuid)  # noqa: B023
            == {'number': number},  # noqa: B023
            LOOK, 'the change is known', interval=INTERVAL)
        times.append(time.monotonic() - start)
    return figures.latencies(times) | {'max_s': round(max(times), 2)}


def _extra(engine, uuid):
    with engine.connect() as connection:
        return connection.execute(sa.select(_node.c.extra).where(
            _node.c.uuid == uuid)).scalar()
