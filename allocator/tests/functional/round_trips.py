# SPDX-License-Identifier: Apache-2.0
"""Counts round trips to a database server, on the wire.

Whatever makes a client send and wait is counted: statements, BEGIN, COMMIT,
ROLLBACK, pings, settings.
"""

import contextlib
import socket
import threading

import fixtures

CHUNK = 65536


class Relay(fixtures.Fixture):
    """Passes everything on between clients and a server, and counts.

    A round trip begins when a client sends something to a server that has
    spoken last.

    :param host: address of the server
    :param port: port of the server
    :ivar port: port of the relay on 127.0.0.1
    :ivar count: round trips so far
    """

    def __init__(self, host, port):
        self._target = (host, port)
        self._lock = threading.Lock()
        self._open = []
        self.count = 0

    def _setUp(self):
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        self.addCleanup(self._close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _close(self):
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _address = self._listener.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                # Who has spoken last.
                last = {'speaker': far}
                for source, sink in ((near, far), (far, near)):
                    source.setsockopt(socket.IPPROTO_TCP,
                                      socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._pump, daemon=True, args=(
                        source, sink, last, source is near)).start()

    def _pump(self, source, sink, last, is_client):
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                with self._lock:
                    if is_client and last['speaker'] is not source:
                        self.count += 1
                    last['speaker'] = source
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
