# SPDX-License-Identifier: Apache-2.0
"""The way of a request through a site, from the POST until it is active.

Of several database servers that are written to (Galera), each sees only its
own locks: rows that a conductor at another one is about to write look free,
and who comes second to certify loses, and begins anew.
"""

import collections
import random

from benchmarks import figures
from benchmarks import load
from benchmarks.simulation import events

# Seconds of the beginning that count for nothing: the queues fill.
WARM_UP = 2

# Allocations that may wait until it is certain that they grow for ever.
HOPELESS = 50000


class Queue:
    """A site under load.

    :param site: site.Site
    :param rate: allocations asked for in a second
    :param seed: of the chance
    :ivar stations: dict of stations by name
    :ivar posted: seconds until POSTs were answered
    :ivar active: seconds until allocations were seen active
    :ivar conflicts: batches that were lost and begun anew
    :ivar batches: batches that were committed
    """

    def __init__(self, site, rate, seed=1):
        self._site = site
        self._rate = rate
        self._dice = random.Random(seed)
        self._clock = clock = events.Clock()
        self._bell = events.Bell(clock)
        self.stations = {
            'API': events.Station(
                clock, site.api_hosts * site.api_processors),
            'database': events.Station(clock, site.database_processors),
            'log': events.Log(clock, site.flush),
            'bus': events.Station(clock, 1),
            'conductors': events.Station(clock, site.conductors)}
        # Pending rows; who holds a lock on which, by writer.
        self._pending = collections.OrderedDict()
        self._locked = [set() for _ in range(site.writers)]
        self.posted, self.active = [], []
        self.conflicts = self.batches = 0

    def run(self, seconds):
        """Let the site work.

        :param seconds: how long
        """
        for number in range(self._site.conductors):
            self._clock.spawn(self._conductor(number % self._site.writers))
        self._clock.spawn(self._clients())
        self._clock.run(WARM_UP + seconds)

    def waiting(self):
        """Count those that no conductor has decided."""
        return len(self._pending)

    def shares(self):
        """Tell how busy each station was.

        :returns: dict of percent
        """
        return {name: round(min(one.busy / one.servers / self._clock.now, 1)
                            * 100, 1)
                for name, one in self.stations.items()}

    def _clients(self):
        while len(self._pending) < HOPELESS:
            yield self._dice.expovariate(self._rate)
            self._clock.spawn(self._request())

    def _request(self):
        site, stations, begun = self._site, self.stations, self._clock.now
        yield stations['API'].serve(site.api_post)
        yield stations['database'].serve(site.database_post)
        yield stations['log']
        if site.writers > 1:
            yield site.certify
        row = _Row()
        self._pending[row] = None
        if begun > WARM_UP:
            self.posted.append(self._clock.now - begun)
        self._clock.spawn(self._ring())
        pause = load.FIRST_LOOK
        while True:
            yield pause
            yield stations['API'].serve(site.api_get)
            yield stations['database'].serve(site.database_get)
            if row.is_active:
                break
            pause = min(pause * 2, load.LAST_LOOK)
        if begun > WARM_UP:
            self.active.append(self._clock.now - begun)

    def _ring(self):
        yield self.stations['bus'].serve(self._site.bus)
        yield self._site.message
        self._bell.ring()

    def _conductor(self, writer):
        site, stations = self._site, self.stations
        while True:
            rows = self._take(writer)
            if not rows:
                yield self._bell
                continue
            size = len(rows)
            yield stations['conductors'].serve(
                site.conductor_batch + size * site.conductor_row)
            yield stations['database'].serve(
                site.database_batch + size * site.database_row)
            if site.writers > 1:
                yield site.certify
            # Certified in one order everywhere: who comes second has lost.
            is_lost = any(row.is_certified for row in rows)
            if not is_lost:
                for row in rows:
                    row.is_certified = True
                yield stations['log']
                for row in rows:
                    row.is_active = True
                    del self._pending[row]
                self.batches += 1
            else:
                self.conflicts += 1
            self._locked[writer].difference_update(rows)

    def _take(self, writer):
        """Take the oldest rows that nobody holds a lock on, as seen here."""
        found = []
        locked = self._locked[writer]
        for row in self._pending:
            if row not in locked and not row.is_certified:
                found.append(row)
                if len(found) == self._site.batch:
                    break
        locked.update(found)
        return found


class _Row:
    """An allocation.

    :ivar is_certified: whether its claim is certain
    :ivar is_active: whether it is committed everywhere
    """

    __slots__ = ('is_active', 'is_certified')

    def __init__(self):
        self.is_active = self.is_certified = False


def simulate(site, rate, seconds):
    """Simulate a site under load.

    :param site: site.Site
    :param rate: allocations asked for in a second
    :param seconds: how long
    :returns: dict of figures
    """
    queue = Queue(site, rate)
    queue.run(seconds)
    return {
        'rate': rate, 'shares': queue.shares(), 'waiting': queue.waiting(),
        'post': figures.latency(queue.posted) if queue.posted else None,
        'active': figures.latency(queue.active) if queue.active else None,
        'batches': queue.batches, 'conflicts': queue.conflicts,
        'is_steady': is_steady(queue, rate)}


def is_steady(queue, rate):
    """Tell whether a site keeps up.

    :returns: whether fewer wait than are asked for in a second
    """
    return queue.waiting() < max(rate, 100) and bool(queue.active)
