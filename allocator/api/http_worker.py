# SPDX-License-Identifier: Apache-2.0
"""gunicorn's worker with threads, which slow clients cannot keep for ever.

A client that sends a byte now and then would hold its thread as long as it
likes: the timeouts of its socket begin anew with each byte.
"""

import contextlib
import socket
import threading
import time

from gunicorn.workers import gthread

# Seconds in which a request must have arrived.
REQUEST_TIMEOUT = 30

# Seconds between two looks at the connections.
LOOK_INTERVAL = 1


class Worker(gthread.ThreadWorker):
    """Stops reading from whoever takes too long to send a request."""

    def init_process(self):
        self._begun = {}
        threading.Thread(target=self._watch, name='SlowClients',
                         daemon=True).start()
        super().init_process()

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
                    _stop_reading(conn.sock)


def _stop_reading(connection):
    """Have a connection read as if its client had sent all.

    The answer to a request that was read long ago is not touched by it; the
    method of a TLS socket would end its encryption.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RD)
