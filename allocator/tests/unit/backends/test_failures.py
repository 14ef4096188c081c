# SPDX-License-Identifier: Apache-2.0
"""What a failed request leaves open: each failure made on the wire."""

import socket
import time
import uuid as uuidlib

from allocator.backends import client
from allocator.backends import exception
from allocator.tests.backends import configured
from allocator.tests.backends import proxy
from allocator.tests.functional import waiting
from allocator.tests.unit.backends import test_client

POST = {'method': 'POST', 'path': '/v1/allocations'}


def closed_port():
    """Find a port of 127.0.0.1 where nobody listens."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class FailureTests(test_client.ClientTestCase):

    def setUp(self):
        super().setUp()
        url, _slash, name = self.service.url.rpartition('/')
        self.proxy = proxy.HttpProxy('127.0.0.1', int(url.split(':')[-1]))
        self.addCleanup(self.proxy.close)
        self.backend.set('endpoint_override', self.proxy.url + '/' + name)
        self.node, = self.store.enrol()
        self.uuid = str(uuidlib.uuid4())
        # The first request asks for the versions too.
        self.client = client.Client('east')
        self.client.get_version()

    def create(self):
        return self.client.create_allocation(self.uuid, 'metal', self.node)

    def fail(self, kind):
        """Have the client create an allocation, which fails."""
        return self.assertRaises(kind, self.create)

    def test_a_refused_connection_sends_nothing(self):
        self.proxy.refuse()
        exc = self.fail(exception.NotSent)
        self.assertIsNone(exc.status)
        self.assertEqual({}, self.store.allocations)

    def test_a_refused_connection_is_told_from_an_earlier_failure(self):
        """Python's chain of exceptions goes through both."""
        self.proxy.refuse()
        try:
            self.create()
        except exception.NotSent:
            self.proxy.heal()
            self.proxy.cut_answer(**POST)
            self.fail(exception.OutcomeUnknown)

    def test_an_unknown_host_is_sent_nothing(self):
        self.backend.set('endpoint_override', 'http://nowhere.invalid:6385')
        exc = self.assertRaises(exception.NotSent,
                                client.Client('east').get_node, self.node)
        self.assertIn('nowhere.invalid', str(exc))

    def test_an_answer_lost_after_the_deed_leaves_it_open(self):
        self.proxy.cut_answer(**POST)
        self.fail(exception.OutcomeUnknown)
        self.assertIn(self.uuid, self.store.allocations)

    def test_half_an_answer_leaves_it_open(self):
        self.proxy.cut_answer(part=0.9, **POST)
        self.fail(exception.OutcomeUnknown)
        self.assertIn(self.uuid, self.store.allocations)

    def test_a_connection_lost_before_the_deed_leaves_it_open(self):
        self.proxy.cut_request(**POST)
        self.fail(exception.OutcomeUnknown)
        self.assertEqual({}, self.store.allocations)

    def test_what_timed_out_may_be_carried_out_later(self):
        self.backend.set('request_timeout', 0.3)
        self.proxy.delay(1, **POST)
        self.fail(exception.OutcomeUnknown)
        self.assertRaises(exception.NotFound, self.client.get_allocation,
                          self.uuid)
        waiting.until(lambda: self.uuid in self.store.allocations, 10,
                      'it is carried out')

    def test_a_timeout_is_that_of_the_option(self):
        self.backend.set('request_timeout', 0.5)
        self.proxy.swallow()
        started = time.monotonic()
        self.fail(exception.OutcomeUnknown)
        self.assertLess(time.monotonic() - started, 5)

    def test_5xx_leaves_it_open(self):
        for status in (500, 502, 503, 504):
            self.proxy.answer(status, **POST)
            exc = self.fail(exception.OutcomeUnknown)
            self.assertEqual(status, exc.status)
            self.assertIn('made by a proxy', exc.reason)

    def test_503_after_the_deed_leaves_it_open(self):
        self.proxy.answer(503, is_passed=True, **POST)
        self.fail(exception.OutcomeUnknown)
        self.assertIn(self.uuid, self.store.allocations)

    def test_4xx_is_a_refusal(self):
        for status, kind in ((400, exception.Refused),
                             (401, exception.Denied),
                             (403, exception.Denied),
                             (404, exception.NotFound),
                             (409, exception.Conflict),
                             (413, exception.Refused),
                             (429, exception.Refused)):
            self.proxy.heal()
            self.proxy.answer(status, times=None, **POST)
            exc = self.fail(kind)
            self.assertIs(kind, type(exc))
            self.assertEqual(status, exc.status)

    def test_the_timeout_of_a_proxy_in_between_leaves_it_open(self):
        self.proxy.answer(408, **POST)
        self.fail(exception.OutcomeUnknown)

    def test_a_change_is_never_repeated_unasked(self):
        self.backend.set('connect_retries', 3)
        self.backend.set('status_code_retries', 3)
        self.client = client.Client('east')
        self.proxy.answer(503, times=None, **POST)
        self.fail(exception.OutcomeUnknown)
        self.assertEqual(1, len([request for request in self.proxy.requests
                                 if request[0] == 'POST']))

    def test_without_versions_nothing_is_sent(self):
        self.proxy.answer(503, path='/v1$')
        self.client = client.Client('east')
        exc = self.fail(exception.NotSent)
        self.assertEqual(503, exc.status)
        self.create()

    def test_without_a_token_nothing_is_sent(self):
        self.useFixture(configured.Backend(
            'east', self.service.url, auth_type='password',
            auth_url='http://127.0.0.1:%d/v3' % closed_port(),
            username='allocator', password='secret',
            user_domain_id='default', system_scope='all'))
        self.client = client.Client('east')
        exc = self.fail(exception.NotSent)
        self.assertNotIn('secret', str(exc))

    def test_an_answer_that_is_no_json_is_no_answer(self):
        self.service.handle = lambda *arguments: (200, b'<html>Hi!</html>')
        self.assertRaises(exception.OutcomeUnknown, self.client.get_node,
                          self.node)
        self.service.handle = lambda *arguments: (200, b'{"hotel": 1}')
        self.assertRaises(exception.OutcomeUnknown,
                          self.client.get_nodes_page)

    def test_the_global_request_id_is_passed_on(self):
        seen = []
        request_id = 'req-' + self.uuid
        ask = self.proxy._ask

        async def note(head, body):
            seen.append(head.lower())
            return await ask(head, body)

        self.proxy._ask = note
        self.client.create_allocation(self.uuid, 'metal', self.node,
                                      request_id=request_id)
        self.client.get_allocation(self.uuid, request_id=request_id)
        self.client.get_node(self.node, request_id=request_id)
        self.client.delete_allocation(self.uuid, request_id=request_id)
        self.assertEqual(4, len(seen))
        for head in seen:
            self.assertIn(b'x-openstack-request-id: '
                          + request_id.encode(), head)
