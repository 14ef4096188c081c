# SPDX-License-Identifier: Apache-2.0
"""The conductor as the API sees it: a doorbell.

What a client waits for, deleting and backfilling, the API does itself, in
one transaction. As calls over the message bus both were carried out twice
when the bus delivered a message again, and late when it had kept one.
"""

import threading

import oslo_messaging as messaging

from allocator.common import outbox
from allocator.common import rpc
from allocator.telemetry import metrics
from allocator.telemetry import tracing

VERSION = '1.1'

# That of what every conductor understands.
FIRST_VERSION = '1.0'

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
    * 1.1: serve_class
    """

    def __init__(self):
        self._client = rpc.get_client(
            messaging.Target(topic=rpc.topic(), version=FIRST_VERSION))
        self._doorbell = outbox.Outbox(
            'casts', self._cast, 'a sweep finds the allocations',
            failed=_count_error)

    def process_allocation(self, context, uuid):
        """Ring the doorbell: there is an allocation to be processed.

        It takes no time. A lost ring delays the allocation until the next
        sweep. One cast is sent for all that wait to be sent: whoever hears
        it looks at the whole queue.

        :param context: RequestContext
        :param uuid: UUID of the allocation
        """
        self._doorbell.put_once('process_allocation', context,
                                'process_allocation', {'uuid': uuid},
                                tracing.current())

    def serve_class(self, context, resource_class):
        """Ring the doorbell: a node may be free for those that wait.

        It takes no time. A lost ring delays them until the next sweep.

        :param context: RequestContext
        :param resource_class: class of the node
        """
        self._doorbell.put_once(('serve_class', resource_class), context,
                                'serve_class',
                                {'resource_class': resource_class})

    def _cast(self, context, method, arguments, trace=None):
        version = VERSION if method == 'serve_class' else FIRST_VERSION
        with tracing.continued(trace):
            self._client.prepare(version=version).cast(context, method,
                                                       **arguments)

    def ping(self):
        """Ring at once, and wait until the message bus has taken it.

        :raises: whatever the message bus's library does
        """
        self._client.cast({}, 'process_allocation', uuid=None)


def _count_error(_context, method, *_rest):
    metrics.count('rpc_errors_total', method=method)
