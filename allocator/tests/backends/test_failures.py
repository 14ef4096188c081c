# SPDX-License-Identifier: Apache-2.0
"""What is known of a request that failed at a real Bare Metal service."""

import uuid as uuidlib

from allocator.backends import client
from allocator.backends import exception
from allocator.tests.backends import proxy
from allocator.tests.backends import test_client
from allocator.tests.functional import waiting

POST = {'method': 'POST', 'path': '/v1/allocations'}
DELETE = {'method': 'DELETE', 'path': '/v1/allocations/'}


class TestFailures(test_client.ClientTestCase):
    """A proxy in between fails."""

    def setUp(self):
        super().setUp()
        self.proxy = proxy.HttpProxy('127.0.0.1', self.ironic.port)
        self.addCleanup(self.proxy.close)
        self.backend.set('endpoint_override', self.proxy.url)
        self.client = client.Client('east')
        self.client.get_version()
        self.uuid = str(uuidlib.uuid4())
        self.addCleanup(self.forget, self.uuid)

    def fail(self, kind):
        return self.assertRaises(kind, self.client.create_allocation,
                                 self.uuid, 'metal', self.node)

    @property
    def node(self):
        if not hasattr(self, '_node'):
            self._node, = self.ironic.database.insert_nodes(1)
        return self._node

    def test_an_answer_lost_after_the_deed_leaves_it_open(self):
        self.proxy.cut_answer(**POST)
        self.fail(exception.OutcomeUnknown)
        self.assertEqual('active', self.decided(self.uuid)['state'])
        self.assertRaises(exception.Conflict, self.client.create_allocation,
                          self.uuid, 'metal', self.node)

    def test_a_request_lost_before_the_deed_leaves_it_open(self):
        self.proxy.cut_request(**POST)
        self.fail(exception.OutcomeUnknown)
        self.assertIsNone(self.operator.allocation(self.uuid))

    def test_500_after_the_deed_leaves_it_open(self):
        self.proxy.answer(500, is_passed=True, **POST)
        self.fail(exception.OutcomeUnknown)
        self.assertEqual('active', self.decided(self.uuid)['state'])

    def test_what_timed_out_is_carried_out_later(self):
        self.backend.set('request_timeout', 1)
        self.proxy.delay(3, **POST)
        self.fail(exception.OutcomeUnknown)
        self.backend.set('request_timeout', 30)
        self.assertRaises(exception.NotFound, self.client.get_allocation,
                          self.uuid)
        waiting.until(lambda: self.operator.allocation(self.uuid), 60,
                      'it is carried out')

    def test_a_release_may_be_carried_out_without_an_answer(self):
        self.client.create_allocation(self.uuid, 'metal', self.node)
        self.decided(self.uuid)
        self.proxy.cut_answer(**DELETE)
        self.assertRaises(exception.OutcomeUnknown,
                          self.client.delete_allocation, self.uuid)
        self.assertRaises(exception.NotFound, self.client.delete_allocation,
                          self.uuid)

    def test_a_refused_connection_sends_nothing(self):
        self.proxy.refuse()
        self.fail(exception.NotSent)
        self.proxy.accept()
        self.client.create_allocation(self.uuid, 'metal', self.node)


class TestConductorFailures(test_client.ClientTestCase):
    """API and conductor apart, and the conductor fails."""

    arguments = {
        'separate': True,
        'options': {'DEFAULT': {'rpc_response_timeout': 5},
                    'conductor': {'heartbeat_interval': 1,
                                  'heartbeat_timeout': 10}}}

    def setUp(self):
        super().setUp()
        self.node, = self.ironic.database.insert_nodes(1)
        self.uuid = str(uuidlib.uuid4())
        self.addCleanup(self.forget, self.uuid)
        self.client.get_version()

    def fail(self):
        return self.assertRaises(
            exception.OutcomeUnknown, self.client.create_allocation,
            self.uuid, 'metal', self.node)

    def test_a_stopped_conductor_leaves_it_open(self):
        self.ironic.conductor.stop()
        self.addCleanup(self.ironic.start)
        self.assertEqual(503, self.fail().status)
        self.assertRaises(exception.NotFound, self.client.get_allocation,
                          self.uuid)

    def test_a_paused_conductor_carries_it_out_later(self):
        self.ironic.pause(self.ironic.conductor)
        self.addCleanup(self.ironic.wake, self.ironic.conductor)
        self.fail()
        self.assertRaises(exception.NotFound, self.client.get_allocation,
                          self.uuid)
        self.ironic.wake(self.ironic.conductor)
        waiting.until(lambda: self.operator.allocation(self.uuid), 60,
                      'it is carried out')
        self.assertEqual('active', self.decided(self.uuid)['state'])
