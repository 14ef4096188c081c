# SPDX-License-Identifier: Apache-2.0
"""The gauges of the backends: how far behind each is."""

from allocator.db import backend_status
from allocator.telemetry import metrics
from allocator.telemetry import remembered

GAUGES = ('lag_seconds', 'open_writes', 'oldest_write_seconds')


class Levels:
    """Reads the gauges of all configured backends from the database.

    Three gauges are asked for at once, and whoever asks often shall not make
    the database busy. That all workers of a host tell the same matters, too:
    alerts would begin anew whenever another one was asked.
    """

    def __init__(self):
        self._remembered = remembered.Remembered('backends', _read)

    def show(self):
        """Have Prometheus told of them when it asks this process."""
        for name in GAUGES:
            metrics.set_gauge('backend_' + name,
                              lambda name=name: self._values(name))

    def _values(self, name):
        """Tell the level of each backend; nothing of one without.

        :returns: dict of numbers by name of the backend
        """
        return {backend: levels[name] for backend, levels
                in self._remembered.get().items() if levels[name] is not None}


def _read():
    """Read the levels.

    :returns: dict of dicts by name of the backend. The lag is the age of the
        last look, None before it; a backend with no open write has an oldest
        one of 0 seconds.
    """
    return {row.name: {
        'lag_seconds': row.looked_at and (row.now - row.looked_at)
        .total_seconds(),
        'open_writes': row.open_writes,
        'oldest_write_seconds': 0.0 if row.oldest_open is None
        else (row.now - row.oldest_open).total_seconds()}
        for row in backend_status.levels()}
