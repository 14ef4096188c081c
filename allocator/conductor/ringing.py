# SPDX-License-Identifier: Apache-2.0
"""A loop that a bell wakes: what has to be done is in the tables."""

import threading

from oslo_db import exception as db_exc
from oslo_log import log

LOG = log.getLogger(__name__)

# Seconds between two walks at the longest, and after one that failed: nobody
# need ring.
STEP = 1


class RingLoop:
    """Walks whenever the bell rings, or it is time.

    :cvar purpose: what it does, said when that fails
    """

    purpose = ''

    def __init__(self):
        self._bell = threading.Event()
        self._stopping = False

    def stop(self):
        """Make run() return after the transaction under way."""
        self._stopping = True
        self._bell.set()

    def run(self):
        """Walk until stopped."""
        while not self._stopping:
            self._bell.clear()
            pause: float = STEP
            try:
                self.walk()
                pause = min(STEP, self._pause())
            except db_exc.DBConnectionError as exc:
                LOG.warning('Waiting for the database: %s', exc)
            except Exception:
                LOG.exception('%s failed; trying again', self.purpose)
            if not self._stopping:
                self._bell.wait(pause)

    def walk(self):
        """Do what has to be done now."""
        raise NotImplementedError

    def _pause(self):
        """Tell for how long there is nothing to do, in seconds."""
        raise NotImplementedError
