# SPDX-License-Identifier: Apache-2.0
"""Tells systemd that a service is ready, alive, or about to end.

See sd_notify(3) and sd_watchdog_enabled(3). Without systemd nothing is done.
"""

import os
import threading

from gunicorn import systemd
from oslo_log import log

from allocator.common import liveness

LOG = log.getLogger(__name__)

READY = 'READY=1'
STOPPING = 'STOPPING=1'
ALIVE = 'WATCHDOG=1'

# Seconds between two looks whether all workers have begun.
LOOK = 0.2


def watchdog_seconds():
    """Tell after how many seconds without a sign this service is ended.

    :returns: seconds; None if nobody watches this process or its master
    """
    if os.environ.get('WATCHDOG_PID') not in (
            None, str(os.getpid()), str(os.getppid())):
        return None
    try:
        return int(os.environ['WATCHDOG_USEC']) / 1e6 or None
    except (KeyError, ValueError):
        return None


def notify(state):
    """Tell systemd of a state.

    :param state: READY, STOPPING or ALIVE
    """
    systemd.sd_notify(state, LOG)


class Supervisor:
    """Tells of a master whose workers say that their loops are alive.

    The master is ready once each worker has come round, and alive while none
    is later than half the time after which systemd would end the service.

    :param until: array that the workers share, see liveness.use()
    """

    def __init__(self, until):
        self._until = until
        self._stopping = threading.Event()
        # cotyledon would say that it is ready before it has any worker, and
        # take the address away.
        self._address = os.environ.pop('NOTIFY_SOCKET', None)
        self._seconds = watchdog_seconds()

    def start(self):
        """Begin, in a thread."""
        if self._address:
            threading.Thread(target=self._run, daemon=True).start()

    def stop(self):
        """Say that the service ends."""
        self._stopping.set()
        self._notify(STOPPING)

    def _notify(self, state):
        if self._address:
            os.environ['NOTIFY_SOCKET'] = self._address
            notify(state)

    def _run(self):
        while liveness.overdue(self._until) is None:
            if self._stopping.wait(LOOK):
                return
        self._notify(READY)
        if self._seconds is None:
            return
        is_late = False
        while not self._stopping.wait(self._seconds / 4):
            late = liveness.overdue(self._until)
            if late < self._seconds / 2:
                self._notify(ALIVE)
            elif not is_late:
                LOG.error('A worker has not come round for %d seconds longer '
                          'than it should; systemd is told nothing more',
                          late)
            is_late = late >= self._seconds / 2
