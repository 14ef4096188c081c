# SPDX-License-Identifier: Apache-2.0
"""Upkeep: what has to be done now and then, and by one process is enough."""

import threading

from oslo_log import log

from allocator.db import backend_removals
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import conductors
from allocator.db import profiles
from allocator.db import profiling
from allocator.db import traits
from allocator.db import waiters

LOG = log.getLogger(__name__)

# Seconds between two rounds.
ROUND = 60

# Rounds between two removals of what nobody needs any more.
REMOVAL = 10


class Upkeep:
    """Keeps the nodes' profiles right, and nothing that nobody needs.

    It puts allocations back, too, whose backend nobody writes to any more.
    """

    def __init__(self):
        self._stopping = threading.Event()
        self._profiler = profiling.Profiler()

    def stop(self):
        """Make run() return soon."""
        self._stopping.set()

    def run(self):
        """Do a round now and then until stopped."""
        number = 0
        while not self._stopping.is_set():
            try:
                self.round(number % REMOVAL == REMOVAL - 1)
            except Exception as exc:
                # The next round does it.
                LOG.warning('The upkeep has to wait: %s', exc)
            number += 1
            self._stopping.wait(ROUND)

    def round(self, removes=True):
        """Do what has to be done.

        :param removes: whether to remove what nobody needs, too
        """
        if count := self._profiler.run():
            LOG.info('%d nodes have got another profile', count)
        if backends.exist():
            for uuid in backend_removals.go_elsewhere():
                LOG.warning('Allocation %s goes on to another node: its '
                            'backend is not configured any more', uuid)
        if not removes:
            return
        if count := profiles.remove_unused():
            LOG.info('%d profiles without nodes are removed', count)
        if conductors.all_know(conductors.PROFILES):
            if count := traits.remove_unused():
                LOG.info('%d sets of traits without profiles are removed',
                         count)
        if count := waiters.remove_queues():
            LOG.info('The queues of %d classes for which nobody waits are '
                     'removed', count)
        while count := backend_writes.remove_tombstones():
            LOG.info('%d writes to backends that were done more than a day '
                     'ago are forgotten', count)
