# SPDX-License-Identifier: Apache-2.0
"""Notifications: what is told, and that the documented samples are right."""

import json
import pathlib
import re

import testtools

from allocator.api.versions import baremetal
from allocator.api.views import allocation as view
from allocator.telemetry import notifications
from allocator.tests import fixtures
from allocator.tests import listening

SAMPLES = (pathlib.Path(__file__).parents[3] / 'doc' / 'notification_samples')
NODE = '5f1c2d7e-4a36-4e0a-9a53-3f6f0f9a4c11'
ALLOCATION = 'b2a8f6d0-1c5e-4f5b-8d0a-6f1f6d3c7e21'

# What differs from run to run, and the form it has.
CHANGING = {
    'message_id': r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}',
    'timestamp': r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+',
    'created_at': r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ',
    'updated_at': r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ',
}


class NotificationTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(fixtures.Api())
        self.api.configuration.set('notification_level', 'info')
        self.addCleanup(notifications.close)
        self.listener = self.useFixture(listening.Listener())
        self.api.configuration.set('driver', ['messagingv2'],
                                   group='oslo_messaging_notifications')

    def create(self, **body):
        return self.api.post('/v1/allocations', {
            'uuid': ALLOCATION, 'name': 'build-17', 'resource_class': 'metal',
            'traits': ['CUSTOM_GPU'], 'extra': {'ticket': '4711'}} | body)

    def add_node(self, **columns):
        fixtures.add_node(traits=['CUSTOM_GPU'], uuid=NODE, name='rack1-4',
                          **columns)

    def events(self):
        prefix = 'baremetal.allocation.'
        return [message['event_type'].removeprefix(prefix)
                for message in self.listener.messages]


class SampleTests(NotificationTests):
    """Each event of the documentation looks as the documentation shows it."""

    def assert_documented(self, event):
        said = self.listener.wait_for(event)
        text = (SAMPLES / ('allocation-%s.json' % event)).read_text()
        sample = json.loads(text)
        for there, here in (
                (sample, said),
                (sample['payload']['ironic_object.data'],
                 said['payload']['ironic_object.data'])):
            for name in CHANGING.keys() & here.keys():
                if here[name] is not None:
                    self.assertIsNotNone(
                        re.fullmatch(CHANGING[name], here[name]), here[name])
                    self.assertIsNotNone(there[name])
                    here[name] = there[name]
        self.assertEqual(sample, said)

    def test_create(self):
        self.add_node()
        self.create(candidate_nodes=['rack1-4'])
        self.assert_documented('create.start')
        self.assert_documented('create.end')

    def test_create_of_a_taken_name_is_an_error(self):
        self.create(uuid=NODE)
        self.create()
        self.assert_documented('create.error')

    def test_active(self):
        self.add_node()
        self.create()
        self.api.match()
        self.assert_documented('active')

    def test_failed(self):
        self.create()
        self.api.match()
        self.assert_documented('failed')

    def test_update(self):
        self.create()
        self.api.patch('/v1/allocations/build-17', [
            {'op': 'replace', 'path': '/name', 'value': 'build-18'}])
        self.assert_documented('update.start')
        self.assert_documented('update.end')

    def test_update_to_a_taken_name_is_an_error(self):
        self.create()
        self.create(uuid=NODE, name='build-18')
        self.api.patch('/v1/allocations/build-17', [
            {'op': 'replace', 'path': '/name', 'value': 'build-18'}])
        self.assert_documented('update.error')

    def test_delete(self):
        self.add_node()
        self.create()
        self.api.match()
        self.api.delete('/v1/allocations/build-17')
        self.assert_documented('delete.start')
        self.assert_documented('delete.end')

    def test_delete_of_a_deployed_node_is_an_error(self):
        self.add_node()
        self.create()
        self.api.match()
        fixtures.change_node(NODE, provision_state='active')
        answer = self.api.delete('/v1/allocations/build-17')
        self.assertEqual(409, answer.status)
        self.assert_documented('delete.error')

    def test_there_is_a_sample_of_each_event(self):
        events = {'%s.%s' % (action, phase)
                  for action in ('create', 'update', 'delete')
                  for phase in ('start', 'end', 'error')}
        self.assertEqual(
            {'allocation-%s.json' % event
             for event in events | {'active', 'failed'}},
            {path.name for path in SAMPLES.iterdir()})


class PriorityTests(NotificationTests):

    def test_level_error_leaves_out_what_went_well(self):
        self.api.configuration.set('notification_level', 'error')
        self.create()
        self.api.match()
        self.listener.wait_for('failed')
        self.assertEqual(['failed'], self.events())

    def test_nothing_is_sent_unless_a_level_is_set(self):
        self.api.configuration.set('notification_level', None)
        self.create()
        self.api.match()
        self.assertIsNone(notifications._outbox)

    def test_an_update_refused_for_its_form_is_an_error_too(self):
        self.create()
        answer = self.api.patch('/v1/allocations/build-17', [
            {'op': 'replace', 'path': '/name', 'value': 'no name!'}])
        self.assertEqual(400, answer.status)
        self.listener.wait_for('update.error')

    def test_a_backfill_is_created_and_active(self):
        self.add_node(provision_state='active')
        self.create(node='rack1-4', uuid=None)
        said = self.listener.wait_for('active')
        self.assertEqual(NODE,
                         said['payload']['ironic_object.data']['node_uuid'])
        self.assertEqual(['create.start', 'create.end', 'active'],
                         self.events())

    def active(self):
        self.add_node()
        self.create()
        self.api.match()

    def assert_deletion_is_told(self, answer):
        self.assertIn(answer.status, (200, 202, 204), answer)
        said = self.listener.wait_for('delete.end')
        self.assertEqual(ALLOCATION,
                         said['payload']['ironic_object.data']['uuid'])

    def test_an_undeployed_node_takes_its_allocation_along(self):
        self.active()
        fixtures.change_node(NODE, provision_state='active')
        self.assert_deletion_is_told(self.api.put(
            '/v1/nodes/%s/states/provision' % NODE, {'target': 'deleted'}))

    def test_a_node_without_instance_has_no_allocation(self):
        self.active()
        self.assert_deletion_is_told(self.api.patch('/v1/nodes/' + NODE, [
            {'op': 'remove', 'path': '/instance_uuid'}]))

    def test_a_node_deleted_in_maintenance_takes_its_allocation_along(self):
        self.active()
        fixtures.change_node(NODE, maintenance=True)
        self.assert_deletion_is_told(self.api.delete('/v1/nodes/' + NODE))

    def test_other_changes_of_a_node_are_not_told(self):
        self.active()
        self.api.patch('/v1/nodes/' + NODE, [
            {'op': 'add', 'path': '/extra/a', 'value': 1}])
        # They come in order: whatever was sent before this one has come.
        self.create(uuid=None, name='last')
        self.listener.wait_for('create.end', count=2)
        self.assertNotIn('delete.end', self.events())

    def test_a_batch_is_told_one_by_one(self):
        for _ in range(3):
            fixtures.add_node(traits=['CUSTOM_GPU'])
        for name in ('a', 'b', 'c'):
            self.create(uuid=None, name=name)
        self.api.match()
        self.listener.wait_for('active', count=3)

    def test_the_payload_has_the_fields_of_the_api(self):
        known = baremetal.API.fields('allocation', view.FIELDS, baremetal.MAX)
        self.assertEqual(tuple(known), notifications.FIELDS)


class AbsentBusTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(fixtures.Api())
        self.api.configuration.set('notification_level', 'info')
        self.addCleanup(notifications.close)

    def test_requests_succeed_with_an_unusable_transport(self):
        self.api.configuration.set('driver', ['messagingv2'],
                                   group='oslo_messaging_notifications')
        self.api.configuration.set('transport_url', 'nonsense://',
                                   group='oslo_messaging_notifications')
        answer = self.api.post('/v1/allocations', {'resource_class': 'metal'})
        self.assertEqual(201, answer.status)

    def test_without_a_bus_notifications_go_to_the_log(self):
        self.assertEqual('log', notifications._default_driver())

    def test_they_go_to_the_bus_if_there_is_one(self):
        self.api.configuration.set('transport_url', 'rabbit://')
        self.assertEqual('messagingv2', notifications._default_driver())
