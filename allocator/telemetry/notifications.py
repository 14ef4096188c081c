# SPDX-License-Identifier: Apache-2.0
"""Notifications: what happens to allocations, told on the message bus.

Their form is that of the Bare Metal API's versioned notifications, so that
what listens to those understands these. They are off unless [DEFAULT]
notification_level is set. No request and no claim waits for the bus, and
none fails because of it.
"""

import atexit
import contextlib
import logging
import threading
from typing import Any

import oslo_messaging as messaging

from allocator.common import outbox
from allocator.common import rpc
from allocator.common import states
from allocator.conf import CONF
from allocator.telemetry import metrics

API = 'allocator-api'
CONDUCTOR = 'allocator-conductor'

# Version of the payload: its second number grows with each new field.
NAMESPACE = 'ironic'
NAME = 'AllocationCRUDPayload'
VERSION = '1.1'

FIELDS = ('uuid', 'name', 'node_uuid', 'state', 'last_error',
          'resource_class', 'traits', 'candidate_nodes', 'extra', 'owner',
          'created_at', 'updated_at')

# Seconds that a process that ends gives to what waits to be sent.
CLOSE_TIMEOUT = 2

# Events that something went wrong with; all others are of priority "info".
_ERRORS = ('error', 'failed', 'timeout')

_lock = threading.Lock()
_outbox = None


@contextlib.contextmanager
def lifecycle(context, action, allocation):
    """Tell of the start and of the end, or the error, of a request's deed.

    :param context: RequestContext
    :param action: "create", "update" or "delete"
    :param allocation: mapping of the allocation as it is before
    :returns: context manager that gives a dict: what the block puts into it
        is told at the end
    """
    changed: dict[str, Any] = {}
    if not is_on():
        yield changed
        return
    before = dict(allocation)
    send(context, API, action + '.start', before)
    try:
        yield changed
    except Exception:
        send(context, API, action + '.error', before | changed)
        raise
    send(context, API, action + '.end', before | changed)


def is_on():
    """Tell whether any notification is to be sent."""
    return CONF.notification_level is not None


def send(context, service, event, allocation):
    """Have a notification sent, if its priority is high enough.

    To be called outside of transactions only: it tells what is committed.

    :param context: RequestContext; None for what no request asked for
    :param service: API or CONDUCTOR, the one that sends
    :param event: what happened to the allocation: "create.start"
    :param allocation: mapping of its columns; absent ones are told as null
    """
    level = CONF.notification_level
    if level is None:
        return
    priority = 'error' if event.endswith(_ERRORS) else 'info'
    if _severity(priority) < _severity(level):
        return
    _get_outbox().put(context, '%s.%s' % (service, CONF.host),
                      'baremetal.allocation.' + event, priority,
                      payload(allocation))


def payload(allocation):
    """Build the payload of a notification.

    :param allocation: mapping of the allocation's columns, with node_uuid
    :returns: dict that JSON can hold
    """
    data = {name: allocation.get(name) for name in FIELDS}
    data['state'] = states.seen_by_clients(data['state'])
    for name in ('created_at', 'updated_at'):
        if data[name] is not None:
            data[name] = data[name].isoformat(timespec='seconds') + 'Z'
    return {'ironic_object.namespace': NAMESPACE,
            'ironic_object.name': NAME,
            'ironic_object.version': VERSION,
            'ironic_object.data': data}


def close():
    """Send what waits, for some seconds at most; for a process that ends."""
    global _outbox
    with _lock:
        closing, _outbox = _outbox, None
    if closing is not None:
        closing.close(CLOSE_TIMEOUT)


def _count_error(*_message):
    metrics.count('rpc_errors_total', method='notify')


def _severity(level):
    return getattr(logging, level.upper())


def _get_outbox():
    """Get the outbox of this process, made at the first call."""
    global _outbox
    with _lock:
        if _outbox is None:
            _outbox = outbox.Outbox('notifications', _Sender().send,
                                    'listeners miss them', failed=_count_error)
            atexit.register(close)
        return _outbox


class _Sender:
    """Sends notifications as [oslo_messaging_notifications] says."""

    def __init__(self):
        self._notifier = None

    def send(self, context, publisher, event, priority, payload):
        if self._notifier is None:
            self._notifier = messaging.Notifier(
                messaging.get_notification_transport(CONF),
                driver=_default_driver(),
                topics=CONF.versioned_notifications_topics,
                serializer=rpc.ContextSerializer())
        notifier = self._notifier.prepare(publisher_id=publisher)
        getattr(notifier, priority)(context or {}, event, payload)


def _default_driver():
    """Choose the driver where the operator chose none.

    :returns: its name, or None if the operator did
    """
    group = CONF.oslo_messaging_notifications
    if group.driver:
        return None
    url = group.transport_url or CONF.transport_url
    # The bus within the process would keep what nobody listens to for ever.
    return 'log' if url.startswith('fake:') else 'messagingv2'
