# SPDX-License-Identifier: Apache-2.0
"""What a conductor does for the API: its RPC methods."""

from oslo_log import log
import oslo_messaging as messaging

from allocator.conductor import rpcapi
from allocator.telemetry import tracing

LOG = log.getLogger(__name__)


class ConductorManager:
    """What a conductor does when the API asks.

    A message may come twice, late or never: whatever is done here must be
    harmless then.

    :param loop: MatchingLoop of this process
    :param writers: what has a ring() for the writes to backends
    :param server: ServingLoop of this process
    :param expiry: Expiry of this process
    """

    target = messaging.Target(version=rpcapi.VERSION)

    def __init__(self, loop, writers=None, server=None, expiry=None):
        self._loop = loop
        self._writers = writers
        self._server = server
        self._expiry = expiry

    def process_allocation(self, context, uuid):
        """Look at the table: there is work.

        The uuid is for the log only: a look finds all pending rows, this one
        among them.
        """
        LOG.debug('Allocation %s is to be processed', uuid)
        tracing.remember(uuid)
        self._loop.ring()
        if self._writers is not None:
            self._writers.ring()

    def serve_class(self, context, resource_class):
        """Look who waits for the nodes of a class: one may be free."""
        LOG.debug('Those that wait for %s are to be served', resource_class)
        if self._server is not None:
            self._server.ring(resource_class)
        if self._expiry is not None:
            self._expiry.ring()
