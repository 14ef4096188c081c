# SPDX-License-Identifier: Apache-2.0
"""What the tables say of all backends, read once for a process.

Each backend has a mirror and writers in each process, and all of them want to
know several times a second whether there is something to do. With many
backends, a question of each would keep an idle service busy.
"""

import threading
import time

from allocator.db import backend_writes
from allocator.db import backends

# Seconds for which what was read of the backends, and of what is wanted
# there, counts.
ROWS_AGE = 0.2
DUE_AGE = 1


class Watch:
    """What was read last; threads share it.

    :param rows_age: seconds for which the rows of backends count
    :param due_age: seconds for which it counts what is due
    """

    def __init__(self, rows_age=ROWS_AGE, due_age=DUE_AGE):
        self._rows_age = rows_age
        self._due_age = due_age
        self._lock = threading.Lock()
        self._rows_until = self._due_until = 0.0
        self._rows: dict = {}
        self._due: dict = {}
        self._now = None
        # What tells the last ring, and the last one that was answered.
        self._rung = self._answered = object()

    def row(self, name):
        """Get the row of a backend, made if there is none.

        :param name: name of the backend
        :returns: the row, and the database's time when it was read
        """
        found = self._get(name)
        if found is None:
            backends.ensure(name)
            with self._lock:
                self._rows_until = 0.0
            found = self._get(name)
        return found, self._now

    def _get(self, name):
        with self._lock:
            if time.monotonic() >= self._rows_until:
                self._now, self._rows = backends.get_rows()
                self._rows_until = time.monotonic() + self._rows_age
            return self._rows.get(name)

    def ring(self):
        """Have what is due be read anew; never blocks."""
        self._rung = object()

    def is_due(self, backend_id):
        """Tell whether something is wanted at a backend that nobody leases.

        :param backend_id: id of the backend
        """
        with self._lock:
            rung = self._rung
            if rung is not self._answered or (
                    time.monotonic() >= self._due_until):
                self._due = backend_writes.due_backends()
                self._answered = rung
                self._due_until = time.monotonic() + self._due_age
            return backend_id in self._due
