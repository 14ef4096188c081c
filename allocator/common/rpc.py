# SPDX-License-Identifier: Apache-2.0
"""The message bus: one transport a process."""

import threading

import oslo_messaging as messaging
from oslo_messaging import opts
from oslo_messaging.rpc import dispatcher

from allocator.common import context
from allocator.conf import CONF

RABBIT = 'oslo_messaging_rabbit'

# Notice a dead connection, and come back, within seconds.
RABBIT_DEFAULTS = {'heartbeat_timeout_threshold': 15,
                   'rabbit_interval_max': 2, 'kombu_reconnect_delay': 0.1}

_lock = threading.Lock()
_transport = None


def set_defaults():
    """Set this service's defaults of oslo.messaging's options."""
    messaging.set_transport_defaults(control_exchange='allocator')
    known = dict(opts.list_opts())
    # transport_url among them: the single process has its own default.
    CONF.register_opts(known[None])
    CONF.register_opts(known['oslo_messaging_notifications'],
                       group='oslo_messaging_notifications')
    # What is listed are copies: a default changed in them would be nobody's,
    # and an option that differs from the driver's own would be refused.
    CONF.register_opts(known[RABBIT], group=RABBIT)
    for name, value in RABBIT_DEFAULTS.items():
        CONF.set_default(name, value, group=RABBIT)


def get_transport():
    """Get this process's RPC transport, made at the first call.

    It is made lazily because worker processes must not share the
    connections of the process that started them.

    :returns: oslo_messaging.RPCTransport
    """
    global _transport
    with _lock:
        if _transport is None:
            _transport = messaging.get_rpc_transport(CONF)
        return _transport


def topic():
    """Name the topic that the conductors listen on.

    Queues are named after the topic alone, so services that share a broker
    are told apart by [DEFAULT] control_exchange only if the topic is too.
    """
    return CONF.control_exchange + '.conductor'


def cleanup():
    """Close the connections to the message bus."""
    global _transport
    with _lock:
        if _transport is not None:
            _transport.cleanup()
            _transport = None


class ContextSerializer(messaging.NoOpSerializer):
    """Carries the request id, and nothing secret, from API to conductor."""

    def serialize_context(self, ctxt):
        return {'request_id': ctxt.request_id} if ctxt else {}

    def deserialize_context(self, ctxt):
        return context.RequestContext(request_id=ctxt.get('request_id'))


def get_client(target):
    """Get a client of the conductors.

    :param target: oslo_messaging.Target
    """
    return messaging.get_rpc_client(
        get_transport(), target, retry=0,
        serializer=ContextSerializer())


def get_server(target, endpoints):
    """Get a server for a conductor's RPC methods.

    :param target: oslo_messaging.Target
    :param endpoints: list of objects with the methods
    """
    return messaging.get_rpc_server(
        get_transport(), target, endpoints,
        serializer=ContextSerializer(),
        access_policy=dispatcher.DefaultRPCAccessPolicy)
