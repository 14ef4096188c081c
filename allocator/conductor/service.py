# SPDX-License-Identifier: Apache-2.0
"""A conductor in a process: RPC server, matching loop, heartbeat."""

import threading

from oslo_log import log
import oslo_messaging as messaging

from allocator.backends import levels
from allocator.backends import service as backend_service
from allocator.common import liveness
from allocator.common import rpc
from allocator.conductor import avoided
from allocator.conductor import expiry
from allocator.conductor import heartbeat
from allocator.conductor import manager
from allocator.conductor import matching
from allocator.conductor import pool_gauge
from allocator.conductor import serving
from allocator.conductor import upkeep
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import pending
from allocator.db import session
from allocator.db import waiters
from allocator.telemetry import metrics
from allocator.telemetry import notifications
from allocator.telemetry import tracing

# Seconds between two attempts to listen, when the bus refuses it.
LISTEN_INTERVAL = 10

LOG = log.getLogger(__name__)


class ConductorService:
    """The threads of one conductor process.

    :param beats: whether this process writes the conductor's heartbeat; one
        of its workers does
    :param listens: whether it serves RPC; the single process need not
    """

    def __init__(self, beats=True, listens=True):
        going_around = avoided.Avoided()
        loop = matching.MatchingLoop(going_around)
        self._serving = serving.ServingLoop(going_around)
        self._expiry = expiry.Expiry(self._note_given_back)

        def ring():
            loop.ring()
            self._serving.ring()

        metrics.set_gauge('queue_length', allocations.count_pending)
        metrics.set_gauge('oldest_due_seconds', pending.oldest_seconds)
        levels.Levels().show()
        pool_gauge.show()
        metrics.set_gauge('waiting', waiters.count_by_class)
        metrics.set_gauge('waiting_oldest_seconds', waiters.oldest_by_class)
        self._backends = backend_service.BackendService(ring)
        loop.set_claimed(self._backends.ring)
        loop.set_served(self._serving.ring)
        self._serving.set_claimed(self._backends.ring)
        self.manager = manager.ConductorManager(loop, self._backends,
                                                self._serving, self._expiry)
        self._loop = loop
        self._heartbeat = None
        self._upkeep = None
        self._server = None
        self._parts = [loop.run, self._serving.run, self._expiry.run]
        if beats:
            self._heartbeat = heartbeat.Heartbeat()
            self._parts.append(self._heartbeat.run)
            self._upkeep = upkeep.Upkeep()
            self._parts.append(self._upkeep.run)
        if listens:
            self._parts.append(self._listen)
        self._threads = []
        self._stopping = threading.Event()

    def _note_given_back(self, resource_class):
        """Have a node go on that somebody's deadline has freed."""
        self._serving.ring(resource_class)
        self._backends.ring()

    def start(self):
        """Wait for the database, then start all threads."""
        session.wait(liveness.come_round)
        for run in self._parts:
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._backends.start()

    def _listen(self):
        while not self._stopping.is_set():
            LOG.info('Conductor %s waits for the message bus', CONF.host)
            try:
                server = rpc.get_server(
                    messaging.Target(topic=rpc.topic(), server=CONF.host),
                    [self.manager])
                # Blocks until the broker is there. Meanwhile the loop sweeps.
                server.start()
            except Exception:
                LOG.exception('The message bus does not let conductor %s '
                              'listen', CONF.host)
                self._stopping.wait(LISTEN_INTERVAL)
            else:
                self._server = server
                LOG.info('Conductor %s is ready', CONF.host)
                return

    def stop(self):
        """Take nothing new, finish what is begun."""
        self._stopping.set()
        self._loop.stop()
        self._serving.stop()
        self._expiry.stop()
        self._backends.stop()
        if self._upkeep:
            self._upkeep.stop()
        if self._heartbeat:
            self._heartbeat.stop()
        if self._server:
            self._server.stop()
            self._server.wait()
            rpc.cleanup()
        for thread in self._threads[:3]:
            thread.join()
        notifications.close()
        tracing.close()
