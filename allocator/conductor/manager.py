# SPDX-License-Identifier: Apache-2.0
"""What a conductor does for the API: its RPC methods."""

from oslo_log import log
import oslo_messaging as messaging

from allocator.conductor import rpcapi

LOG = log.getLogger(__name__)


class ConductorManager:
    """What a conductor does when the API asks.

    A message may come twice, late or never: whatever is done here must be
    harmless then.

    :param loop: MatchingLoop of this process
    """

    target = messaging.Target(version=rpcapi.VERSION)

    def __init__(self, loop):
        self._loop = loop

    def process_allocation(self, context, uuid):
        """Look at the table: there is work.

        The uuid is for the log only: a look finds all pending rows, this one
        among them.
        """
        LOG.debug('Allocation %s is to be processed', uuid)
        self._loop.ring()
