# SPDX-License-Identifier: Apache-2.0
"""gunicorn's worker with threads, which slow clients cannot keep for ever.

A client that sends a byte now and then would hold its thread as long as it
likes: the timeouts of its socket begin anew with each byte.
"""

import math
import threading
import time

from gunicorn.workers import gthread

from allocator.api import draining
from allocator.common import liveness
from allocator.common import systemd

# Seconds in which a request must have arrived.
REQUEST_TIMEOUT = 30

# Seconds between two looks at the connections.
LOOK_INTERVAL = 1


class Worker(gthread.ThreadWorker):
    """Stops reading from whoever takes too long to send a request."""

    def init_process(self):
        self._begun = {}
        # In the single process the conductor has a loop, too.
        self._loop = [math.inf]
        liveness.use(self._loop, 0)
        self._watchdog = systemd.watchdog_seconds()
        self._told_at = 0.0
        threading.Thread(target=self._watch, name='SlowClients',
                         daemon=True).start()
        _make_plain(self.cfg)
        super().init_process()

    def notify(self):
        """Say that this worker is alive: to the master and to systemd.

        A master whose workers cannot live tells nothing, and systemd starts
        the service anew. Of several workers one that hangs is ended by the
        master.
        """
        super().notify()
        now = time.monotonic()
        if (self._watchdog and now - self._told_at > self._watchdog / 4
                and liveness.overdue(self._loop) < self._watchdog / 2):
            self._told_at = now
            systemd.notify(systemd.ALIVE)

    def handle(self, conn):
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._begun.pop(conn, None)

    def _watch(self):
        while True:
            time.sleep(LOOK_INTERVAL)
            latest = time.monotonic() - REQUEST_TIMEOUT
            for conn, begun in list(self._begun.items()):
                if begun < latest:
                    draining.stop_reading(conn.sock)


def _make_plain(cfg):
    """Have gunicorn find its settings at once.

    It asks for dozens with each request, and looks each up in two objects.

    :param cfg: gunicorn.config.Config
    """
    vars(cfg).update({name: setting.get()
                      for name, setting in cfg.settings.items()})
