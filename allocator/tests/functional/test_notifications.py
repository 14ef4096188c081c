# SPDX-License-Identifier: Apache-2.0
"""Notifications over RabbitMQ, heard by a real listener."""

import time
import uuid

import fixtures
from oslo_config import fixture as config_fixture

from allocator.common import config
from allocator.conf import CONF
from allocator.tests import listening
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Runs share a virtual host, and so the queues of a topic.
TOPIC = 'allocator_test_' + uuid.uuid4().hex[:12]


class Listener(fixtures.Fixture):
    """A listener of a service's notifications, and the queues' removal."""

    def __init__(self, service):
        self._service = service

    def _setUp(self):
        self.useFixture(config_fixture.Config(CONF))
        config.parse_args(['test'], default_config_files=[],
                          default_config_dirs=[])
        self.addCleanup(self._remove_queues)
        self.listener = self.useFixture(listening.Listener(
            databases.broker_url(), self._service.exchange, TOPIC))

    def _remove_queues(self):
        with service_fixtures.broker() as connection:
            for priority in ('info', 'error'):
                connection.default_channel.queue_delete(
                    '%s.%s' % (TOPIC, priority))


@testcase.per_database(*databases.SERVERS)
class NotificationTests(testcase.ServiceTests):

    conductors = 1
    options = {'DEFAULT': {'notification_level': 'info',
                           'versioned_notifications_topics': TOPIC}}

    def setUp(self):
        super().setUp()
        self.listener = self.useFixture(Listener(self.service)).listener

    def events(self, ident):
        return {message['event_type'].removeprefix('baremetal.allocation.')
                for message in self.listener.messages
                if message['payload']['ironic_object.data']['uuid'] == ident}

    def wait_for_all(self, ident, expected):
        waiting.until(lambda: self.events(ident) >= expected, 10,
                      'of %s come %s' % (ident, sorted(expected)))
        self.assertEqual(expected, self.events(ident))

    def test_a_whole_life_is_told(self):
        node = self.service.add_node()
        ident = self.client.allocate(resource_class='baremetal')['uuid']
        self.client.settled(ident)
        active = self.listener.wait_for('active')
        self.client.patch('/v1/allocations/' + ident, [
            {'op': 'add', 'path': '/extra/a', 'value': 1}])
        self.client.delete('/v1/allocations/' + ident)
        self.wait_for_all(ident, {
            'create.start', 'create.end', 'active', 'update.start',
            'update.end', 'delete.start', 'delete.end'})
        self.assertEqual('allocator-conductor.conductor-0',
                         active['publisher_id'])
        self.assertEqual(node,
                         active['payload']['ironic_object.data']['node_uuid'])

    def test_a_failure_is_told_with_its_reason(self):
        ident = self.client.allocate(resource_class='none')['uuid']
        settled = self.client.settled(ident)
        failed = self.listener.wait_for('failed')
        self.wait_for_all(ident, {'create.start', 'create.end', 'failed'})
        self.assertEqual(
            settled['last_error'],
            failed['payload']['ironic_object.data']['last_error'])

    def test_waiting_in_vain_is_told(self):
        answer = self.client.request(
            'POST', '/allocator/v1/allocations',
            json={'resource_class': 'none', 'wait_timeout': 1},
            headers={'OpenStack-API-Version': 'allocator latest'})
        ident = answer.json()['uuid']
        self.client.settled(ident)
        self.wait_for_all(ident, {'create.start', 'create.end', 'waiting',
                                  'timeout', 'failed'})


@testcase.per_database(databases.SQLITE)
class AbsentBusTests(testcase.ServiceTests):
    """The bus of the notifications refuses every connection."""

    options = {
        'DEFAULT': {'notification_level': 'info'},
        'oslo_messaging_notifications': {
            'transport_url': 'rabbit://nobody:nothing@127.0.0.1:1/'}}

    def test_requests_and_claims_go_on(self):
        self.service.add_nodes(10)
        begun = time.monotonic()
        for _ in range(10):
            self.client.allocate(resource_class='baremetal')
        settled = self.client.all_settled()
        self.assertEqual({'active'}, {a['state'] for a in settled})
        self.assertLess(time.monotonic() - begun, 10)
