# SPDX-License-Identifier: Apache-2.0
"""The faults: members of the Galera cluster leave it and join again.

The first server stays: the checker asks it.
"""

import contextlib
import dataclasses
import signal
import time
from typing import ClassVar

from allocator.tests.chaos import faults
from allocator.tests.functional import waiting
from allocator.tests.galera import servers

# Requests that are answered between two faults. The cluster stands still for
# some seconds whenever it counts a member out or in; what waits through one
# such time shall not meet the next.
ANSWERS = 100


@dataclasses.dataclass(frozen=True)
class Window:
    """A time in which a server was no member that serves clients.

    :ivar number: which server
    :ivar began: in seconds of the monotonic clock
    :ivar ended: when it was a member again
    """

    number: int
    began: float
    ended: float

    def explains(self, failure):
        """Tell whether a request failed while the server was away."""
        return failure.began < self.ended and failure.ended > self.began


class Faults(faults.Faults):
    """Injects faults into the servers.

    :ivar windows: list of Window
    """

    ALL = ('server_killed', 'server_emptied', 'server_paused')
    GROUPS: ClassVar[dict] = {'server': ALL}

    def __init__(self, *args):
        super().__init__(*args)
        self.windows = []

    @contextlib.contextmanager
    def _away(self):
        """Choose a server; wait until it is a member again."""
        server = self._random.choice(self._cluster.servers[1:])
        began = time.monotonic()
        yield server
        server.wait_synced(len(self._cluster.servers))
        made = self._cluster.clients[server.number]
        waiting.until(lambda: made.get('/v1/allocations?limit=1').ok,
                      servers.JOIN, 'the API at %s serves' % server.name)
        self.windows.append(Window(server.number, began, time.monotonic()))
        self._say('%s was away for %.1f s' % (
            server.name, time.monotonic() - began))
        self._let_work()

    def _let_work(self):
        """Wait until clients have got some answers from all members."""
        aim = self._ledger.operations.total() + ANSWERS
        waiting.until(lambda: self._ledger.operations.total() >= aim,
                      servers.JOIN, 'clients are answered', interval=0.1)

    def server_killed(self):
        """It comes back and is told what it has missed."""
        with self._away() as server:
            server.kill()
            self._last(0, 3)
            server.restart()

    def server_emptied(self):
        """It comes back without data, and copies another's."""
        with self._away() as server:
            server.kill()
            server.empty()
            self._last(0, 3)
            server.start()

    def server_paused(self):
        """It does not know, at times, that the others went on without it."""
        with self._away() as server:
            server.send(signal.SIGSTOP)
            try:
                self._last(2, 9)
            finally:
                server.send(signal.SIGCONT)
