# SPDX-License-Identifier: Apache-2.0
"""Keeps what the mirrors of a process hold, whatever they wait for.

A page of very many nodes may take a slow backend longer than a backend stays
held; if another process took over then, it would begin anew, and so would the
next, without end.
"""

import threading

from oslo_log import log

from allocator.backends import mirror
from allocator.db import backends

LOG = log.getLogger(__name__)


class Keeper:
    """Says again and again that the backends are held.

    :param mirrors: list of mirror.Mirror
    """

    name = 'all'

    def __init__(self, mirrors):
        self._mirrors = mirrors
        self._stopping = threading.Event()

    def stop(self):
        """Make run() return."""
        self._stopping.set()

    def run(self):
        """Keep until stopped."""
        while not self._stopping.wait(mirror.RENEWED):
            try:
                self.keep()
            except Exception as exc:
                # The next one may do in time.
                LOG.warning('Backends could not be kept: %s', exc)

    def keep(self):
        """Keep what is held, once."""
        holds = [found.hold for found in self._mirrors]
        backends.keep([hold for hold in holds if hold is not None],
                      mirror.HELD)
