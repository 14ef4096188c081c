# SPDX-License-Identifier: Apache-2.0
"""A listener of notifications."""

import fixtures
import oslo_messaging as messaging

from allocator.conf import CONF
from allocator.tests.functional import waiting

TOPIC = 'allocator_versioned_notifications'


class Listener(fixtures.Fixture):
    """Keeps every notification, in the order of arrival.

    :param url: transport URL; that of the configuration unless given
    :param exchange: name of the sender's exchange
    :param topic: one of those that the sender sends to
    :ivar messages: list of dicts, as JSON has them on the bus
    """

    def __init__(self, url=None, exchange='allocator', topic=TOPIC):
        self._url = url
        self._exchange = exchange
        self._topic = topic
        self.messages = []

    def _setUp(self):
        transport = messaging.get_notification_transport(CONF, url=self._url)
        self.addCleanup(transport.cleanup)
        listener = messaging.get_notification_listener(
            transport,
            [messaging.Target(topic=self._topic,
                              exchange=self._exchange)], [self])
        listener.start()
        self.addCleanup(listener.wait)
        self.addCleanup(listener.stop)

    def info(self, context, publisher_id, event_type, payload, metadata):
        self._keep('INFO', publisher_id, event_type, payload, metadata)

    def error(self, context, publisher_id, event_type, payload, metadata):
        self._keep('ERROR', publisher_id, event_type, payload, metadata)

    def _keep(self, priority, publisher_id, event_type, payload, metadata):
        self.messages.append({
            'priority': priority, 'publisher_id': publisher_id,
            'event_type': event_type, 'payload': payload, **metadata})

    def wait_for(self, event, seconds=10, count=1):
        """Wait until some event has been told.

        :param event: last parts of its type: "create.end"
        :param count: how often
        :returns: the first such message
        """
        def find():
            found = [message for message in self.messages if message[
                'event_type'] == 'baremetal.allocation.' + event]
            return found[0] if len(found) >= count else None

        return waiting.until(find, seconds, '%d notifications of %s'
                             % (count, event))
