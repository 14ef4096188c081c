# SPDX-License-Identifier: Apache-2.0
"""What is told of backends: metrics and notifications."""

import fixtures as base_fixtures

from allocator.backends import levels
from allocator.backends import registry
from allocator.conf import CONF
from allocator.db import backend_status
from allocator.db import backends
from allocator.db import backfills
from allocator.telemetry import metrics
from allocator.telemetry import notifications
from allocator.tests import listening
from allocator.tests.unit import test_metrics
from allocator.tests.unit.backends import mirroring


class MetricTests(mirroring.MirrorTestCase):

    names = ('east', 'west')

    def setUp(self):
        super().setUp()
        self.counted = self.useFixture(test_metrics.Counting())
        self.useFixture(base_fixtures.EnvironmentVariable(
            'PROMETHEUS_MULTIPROC_DIR',
            self.useFixture(base_fixtures.TempDir()).path))

    def gauges(self):
        return {(family.name.removeprefix('allocator_backend_'),
                 sample.labels['backend']): sample.value
                for family in metrics.GaugeCollector().collect()
                for sample in family.samples}

    def show(self):
        levels.Levels().show()
        return self.gauges()

    def value(self, name, **labels):
        return self.counted.value('backend_%s_total' % name, backend='east',
                                  **labels)

    def test_lag_and_open_writes_are_read_from_the_database(self):
        self.store().enrol(3)
        self.look('east')
        backends.ensure('west')
        for _ in range(2):
            self.allocate()
        self.loop.walk()
        found = self.show()
        self.assertEqual((2, 0, 0), (
            found['open_writes', 'east'], found['open_writes', 'west'],
            found['oldest_write_seconds', 'west']))
        self.assertGreaterEqual(found['lag_seconds', 'east'], 0)
        self.assertGreaterEqual(found['oldest_write_seconds', 'east'], 0)
        # It was never looked at.
        self.assertNotIn(('lag_seconds', 'west'), found)

    def test_the_database_is_asked_every_15_seconds_at_most(self):
        self.look()
        asked = []
        self.useFixture(base_fixtures.MockPatchObject(
            backend_status, 'levels', lambda: asked.append(1) or []))
        levels.Levels().show()
        for _ in range(3):
            self.gauges()
        self.assertEqual([1], asked)

    def test_without_backends_there_are_none(self):
        self.look()
        CONF.set_override('enabled_backends', [])
        self.assertEqual({}, self.show())

    def test_looks_and_their_cost(self):
        node, *_others = self.store().enrol(5)
        self.look()
        self.store().change_node(node, maintenance=True)
        self.look()
        self.assertEqual((1, 1), (self.value('looks', kind='full'),
                                  self.value('looks', kind='changes')))
        self.assertEqual(6, self.value('nodes_written'))
        self.assertGreaterEqual(self.value('nodes_read'), 6)
        self.assertGreater(self.value('requests', method='GET',
                                      status='200'), 2)

    def test_a_write_without_an_answer_is_a_retry(self):
        self.store().enrol()
        self.look()
        self.allocate()
        self.loop.walk()
        self.options['east'].set('endpoint_override', 'http://127.0.0.1:1')
        registry.forget()
        self.write()
        self.assertEqual((1, 1), (
            self.value('write_retries', wants='claim'),
            self.value('writes', outcome='unknown')))
        self.assertGreater(self.value('requests', method='GET',
                                      status='none'), 0)


class NotificationTests(mirroring.MirrorTestCase):

    def setUp(self):
        super().setUp()
        self.configuration.set('transport_url', 'fake://')
        self.configuration.set('notification_level', 'info')
        self.configuration.set('driver', ['messagingv2'],
                               group='oslo_messaging_notifications')
        self.addCleanup(notifications.close)
        self.listener = self.useFixture(listening.Listener())

    def told(self, event, count=1):
        """Wait for an event.

        :returns: what it says of the allocation
        """
        said = self.listener.wait_for(event, count=count)
        self.assertTrue(said['publisher_id'].startswith(
            'allocator-conductor.'))
        return said['payload']['ironic_object.data']

    def events(self):
        prefix = 'baremetal.allocation.'
        return [message['event_type'].removeprefix(prefix)
                for message in self.listener.messages]

    def active(self, **values):
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate(**values)
        self.assertEqual('active', self.settle(uuid).state)
        return uuid, node

    def test_active_is_told_when_it_is_confirmed(self):
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate(extra={'a': 1})
        self.loop.walk()
        self.assertIsNone(notifications._outbox)
        self.write()
        said = self.told('active')
        self.assertEqual((uuid, 'active', node, {'a': 1}), tuple(
            said[name] for name in ('uuid', 'state', 'node_uuid', 'extra')))
        self.assertEqual(['active'], self.events())

    def test_what_ends_there_is_told(self):
        uuid, node = self.active(name='mine')
        self.store().undeploy(node)
        self.look()
        said = self.told('delete.end')
        self.assertEqual((uuid, 'mine', node), tuple(
            said[name] for name in ('uuid', 'name', 'node_uuid')))
        self.assertEqual(['active', 'delete.end'], self.events())

    def test_what_was_made_there_is_told(self):
        node, = self.store().enrol()
        made = self.store().allocate('metal', name='theirs', extra={'a': 1})
        self.look()
        said = self.told('create.end')
        self.assertEqual(
            (made['uuid'], 'theirs', 'active', node, {'a': 1}),
            tuple(said[name] for name in ('uuid', 'name', 'state',
                                          'node_uuid', 'extra')))
        self.assertIsNotNone(said['created_at'])
        self.assertEqual(['create.end'], self.events())

    def test_what_comes_back_is_told(self):
        uuid, node = self.active()
        self.store().change_node(node, provision_state='active')
        self.release(uuid)
        self.write()
        said = self.told('create.end')
        self.assertEqual((uuid, node, 'active'), tuple(
            said[name] for name in ('uuid', 'node_uuid', 'state')))

    def test_a_backfill_is_told_when_it_is_confirmed(self):
        node, = self.store().enrol(provision_state='active')
        self.look()
        uuid = backfills.want(node, {
            'uuid': None, 'name': 'old', 'resource_class': None,
            'traits': [], 'extra': {}, 'owner': None, 'candidate_nodes': []})
        self.write()
        said = self.told('active')
        self.assertEqual((uuid, 'old', node), tuple(
            said[name] for name in ('uuid', 'name', 'node_uuid')))
        self.assertEqual(['active'], self.events())
