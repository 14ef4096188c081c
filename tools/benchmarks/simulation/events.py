# SPDX-License-Identifier: Apache-2.0
"""Simulated time: processes that wait, and stations where they queue.

A process is a generator. It yields what it waits for: a number of seconds,
or something with a method ``admit`` that wakes it.
"""

import collections
import heapq
import itertools


class Clock:
    """Simulated time.

    :ivar now: seconds since the beginning
    """

    def __init__(self):
        self.now = 0.0
        self._heap = []
        self._order = itertools.count()

    def at(self, seconds, function, *arguments):
        """Call a function in so many seconds."""
        heapq.heappush(self._heap, (self.now + seconds, next(self._order),
                                    function, arguments))

    def spawn(self, process):
        """Start a process now."""
        self.at(0, self.wake, process)

    def wake(self, process):
        """Let a process go on until it waits again."""
        wanted = next(process, None)
        if wanted is None:
            return
        if isinstance(wanted, (int, float)):
            self.at(wanted, self.wake, process)
        else:
            wanted.admit(process)

    def run(self, until):
        """Let time pass.

        :param until: seconds since the beginning
        """
        while self._heap and self._heap[0][0] <= until:
            self.now, _, function, arguments = heapq.heappop(self._heap)
            function(*arguments)
        self.now = until


class Station:
    """Servers with one queue, first come, first served.

    :param clock: Clock
    :param servers: how many are served at once
    :ivar busy: seconds that all servers were busy together
    :ivar begun: how many have been served, or are being
    """

    def __init__(self, clock, servers):
        self._clock = clock
        self.servers = servers
        self._free = servers
        self._queue = collections.deque()
        self.busy = 0.0
        self.begun = 0

    def serve(self, seconds):
        """Wait in a process for so many seconds of one server."""
        return _Use(self, seconds)

    def enter(self, process, seconds):
        if self._free:
            self._free -= 1
            self._begin(process, seconds)
        else:
            self._queue.append((process, seconds))

    def _begin(self, process, seconds):
        self.busy += seconds
        self.begun += 1
        self._clock.at(seconds, self._end, process)

    def _end(self, process):
        if self._queue:
            self._begin(*self._queue.popleft())
        else:
            self._free += 1
        self._clock.wake(process)


class _Use:

    def __init__(self, station, seconds):
        self._station = station
        self._seconds = seconds

    def admit(self, process):
        self._station.enter(process, self._seconds)


class Log:
    """A log that is written for all that wait for it, at once.

    :param clock: Clock
    :param seconds: how long that takes
    :ivar busy: seconds that it was written
    """

    servers = 1

    def __init__(self, clock, seconds):
        self._clock = clock
        self._seconds = seconds
        self._waiting = []
        self._is_busy = False
        self.busy = 0.0

    def admit(self, process):
        self._waiting.append(process)
        if not self._is_busy:
            self._write()

    def _write(self):
        self._is_busy = True
        self.busy += self._seconds
        group, self._waiting = self._waiting, []
        self._clock.at(self._seconds, self._written, group)

    def _written(self, group):
        self._is_busy = False
        if self._waiting:
            self._write()
        for process in group:
            self._clock.wake(process)


class Bell:
    """Wakes one that waits for it; rung while nobody waits, the next one."""

    def __init__(self, clock):
        self._clock = clock
        self._waiting = collections.deque()
        self._is_rung = False

    def ring(self):
        if self._waiting:
            self._clock.at(0, self._clock.wake, self._waiting.popleft())
        else:
            self._is_rung = True

    def admit(self, process):
        self._waiting.append(process)
        if self._is_rung:
            self._is_rung = False
            self.ring()
