# SPDX-License-Identifier: Apache-2.0
"""The threads that a conductor process has for backends."""

import threading
from typing import Any

from oslo_log import log

from allocator.backends import watch
from allocator.db import backends

LOG = log.getLogger(__name__)

# Seconds to wait at the end for the writes that are under way.
PATIENCE = 5


class BackendService:
    """Mirrors the configured backends and writes to them.

    :param ring: function to be called when the queue has to be looked at
    """

    def __init__(self, ring):
        self._watch = watch.Watch()
        self._writers: list[Any] = []
        self._parts: list[Any] = []
        self._threads: list[threading.Thread] = []
        if names := backends.names():
            self._add(names, ring)

    def _add(self, names, ring):
        # With the libraries that speak HTTP, which take 2 MiB.
        from allocator.backends import keeper
        from allocator.backends import mirror
        from allocator.backends import writer
        self._writers = [writer.Writers(name, ring, self._watch)
                         for name in names]
        mirrors = [mirror.Mirror(name, ring, self._watch) for name in names]
        self._parts = [*mirrors, *self._writers, keeper.Keeper(mirrors)]

    def start(self):
        """Start all threads."""
        for part in self._parts:
            thread = threading.Thread(
                target=part.run, daemon=True,
                name='%s-%s' % (type(part).__name__, part.name))
            thread.start()
            self._threads.append(thread)

    def ring(self):
        """Say that there may be something to be written."""
        # One of the writers asks for which of them that is.
        self._watch.ring()
        for part in self._writers:
            part.ring()

    def stop(self):
        """Take nothing new, finish what is begun."""
        for part in self._parts:
            part.stop()
        for thread in self._threads:
            thread.join(PATIENCE)
