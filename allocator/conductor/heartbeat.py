# SPDX-License-Identifier: Apache-2.0
"""The heartbeat: tells the API which conductors are alive."""

import threading

from oslo_log import log

from allocator.conf import CONF
from allocator.db import conductors

LOG = log.getLogger(__name__)

# Seconds to wait at the end for a heartbeat that is just being written.
PATIENCE = 5


class Heartbeat:
    """Writes the heartbeat row of [DEFAULT] host; removes it at the end.

    It also removes the rows of conductors that have been gone for long.
    """

    def __init__(self):
        self._stopping = threading.Event()
        self._begun = threading.Event()
        self._ended = threading.Event()
        self._written = None

    def run(self):
        """Beat until stopped, then remove the row."""
        self._begun.set()
        while not self._stopping.is_set():
            self._beat()
            self._sweep()
            self._stopping.wait(CONF.conductor.heartbeat_interval)
        self._leave()
        self._ended.set()

    def stop(self):
        """Have the row removed at once, after a beat that is under way."""
        self._stopping.set()
        if self._begun.is_set():
            self._ended.wait(PATIENCE)
        else:
            # A process that was killed, and whose place this one was to
            # take, may have left a row.
            self._leave()

    def _beat(self):
        try:
            self._written = conductors.beat(CONF.host)
        except Exception as exc:
            # There is nobody else to tell, and the next one may do. It may
            # have been written all the same.
            self._written = None
            LOG.warning('The heartbeat of %(host)s could not be written: '
                        '%(error)s', {'host': CONF.host, 'error': exc})

    def _sweep(self):
        """Remove the rows of conductors that never came back."""
        try:
            for name in conductors.remove_gone():
                LOG.info('Conductor %(name)s, silent for more than '
                         '%(seconds)d seconds, is no longer listed',
                         {'name': name,
                          'seconds': CONF.conductor.heartbeat_retention})
        except Exception as exc:
            LOG.warning('The conductors that are gone could not be removed: '
                        '%s', exc)

    def _leave(self):
        try:
            conductors.leave(CONF.host, self._written)
        except Exception as exc:
            LOG.warning('The heartbeat of %(host)s could not be removed: '
                        '%(error)s', {'host': CONF.host, 'error': exc})
