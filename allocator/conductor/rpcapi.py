# SPDX-License-Identifier: Apache-2.0
"""The conductor as the API sees it: a doorbell.

What a client waits for, deleting and backfilling, the API does itself, in
one transaction. As calls over the message bus both were carried out twice
when the bus delivered a message again, and late when it had kept one.
"""

import threading

import oslo_messaging as messaging

from allocator import metrics
from allocator.common import outbox
from allocator.common import rpc

VERSION = '1.0'

_lock = threading.Lock()
_api = None


def get_api():
    """Get this process's way to the conductors, made at the first call.

    :returns: ConductorAPI, or the manager itself in the single process
    """
    global _api
    with _lock:
        if _api is None:
            _api = ConductorAPI()
        return _api


def set_local(manager):
    """Have the conductor of this very process do everything.

    :param manager: ConductorManager; None goes back to the message bus
    """
    global _api
    with _lock:
        _api = manager


class ConductorAPI:
    """Client of the conductors' RPC interface.

    Arguments are plain values, so that old and new processes understand each
    other during an upgrade. Version history:

    * 1.0: process_allocation
    """

    def __init__(self):
        self._client = rpc.get_client(
            messaging.Target(topic=rpc.topic(), version=VERSION))
        self._doorbell = outbox.Outbox(
            'casts', self._cast_process, 'a sweep finds the allocations',
            failed=_count_error)

    def process_allocation(self, context, uuid):
        """Ring the doorbell: there is an allocation to be processed.

        It takes no time. A lost ring delays the allocation until the next
        sweep.

        :param context: RequestContext
        :param uuid: UUID of the allocation
        """
        self._doorbell.put(context, uuid)

    def _cast_process(self, context, uuid):
        self._client.cast(context, 'process_allocation', uuid=uuid)

    def knock(self):
        """Ring at once, and wait until the message bus has taken it.

        :raises: whatever the message bus's library does
        """
        self._client.cast({}, 'process_allocation', uuid=None)


def _count_error():
    metrics.count('rpc_errors_total', method='process_allocation')
