# SPDX-License-Identifier: Apache-2.0
"""The global request id of a client is that of what a backend is asked."""

import re

import fixtures as base_fixtures
from oslo_context import context

from allocator.api import app
from allocator.api import written_through
from allocator.conductor import manager
from allocator.conductor import rpcapi
from allocator.tests import fixtures
from allocator.tests.unit.backends import mirroring

REQUEST_ID = 'X-OpenStack-Request-ID'
FORM = re.compile(r'req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


class RequestIdTests(mirroring.MirrorTestCase):

    def setUp(self):
        super().setUp()
        rpcapi.set_local(manager.ConductorManager(self.loop))
        self.api = fixtures.Api()
        # On the configuration and database of the mirror.
        self.api.application = app.setup_app()
        # Nobody writes while a request waits.
        self.useFixture(base_fixtures.MockPatchObject(
            written_through, 'PATIENCE', 0))
        self.request_id = context.generate_request_id()

    def send(self, method, path, body=None):
        """Send a request with the global request id."""
        return self.api.request(method, path, body,
                                headers={REQUEST_ID: self.request_id})

    def sent(self, act):
        """List what the backend was asked meanwhile.

        :param act: function
        :returns: list of (method, kind of path, global request id)
        """
        seen = self.services['east'].request_ids
        seen.clear()
        act()
        return [(method, path.split('/')[2], id_)
                for method, path, id_ in seen if path != '/v1']

    def assert_mine(self, found, *wanted):
        """All bear the id, and what was wanted is among them."""
        self.assertEqual({self.request_id},
                         {id_ for _method, _path, id_ in found}, found)
        for method in wanted:
            self.assertIn((method, 'allocations', self.request_id), found)

    def allocate(self):
        self.store().enrol()
        self.look()
        answer = self.send('POST', '/v1/allocations',
                           {'resource_class': 'metal'})
        self.assertEqual(201, answer.status, answer)
        self.assertNotIn('request_id', answer.body)
        self.loop.walk()
        return answer.body['uuid']

    def test_of_a_claim(self):
        self.allocate()
        self.assert_mine(self.sent(self.write), 'POST', 'GET')

    def test_without_one_it_is_that_of_the_request(self):
        self.store().enrol()
        self.look()
        answer = self.api.post('/v1/allocations', {'resource_class': 'metal'})
        self.loop.walk()
        self.request_id = answer.headers[REQUEST_ID]
        self.assert_mine(self.sent(self.write), 'POST')

    def test_of_a_release(self):
        uuid = self.allocate()
        self.write()
        self.request_id = context.generate_request_id()
        self.assertEqual(204, self.send(
            'DELETE', '/v1/allocations/' + uuid).status)
        self.assert_mine(self.sent(self.write), 'DELETE', 'GET')

    def test_of_a_backfill(self):
        node, = self.store().enrol(provision_state='active')
        self.look()
        self.assertEqual(503, self.send('POST', '/v1/allocations',
                                        {'node': node}).status)
        self.assert_mine(self.sent(self.write), 'POST')
        self.assertEqual([node], [found['node_uuid'] for found
                                  in self.store().allocations.values()])

    def test_each_look_has_one_of_its_own(self):
        self.store().enrol()
        ids = []
        for full in (True, False):
            found = {id_ for _method, _path, id_ in self.sent(
                lambda full=full: self.look(full=full))}
            [id_] = found
            self.assertRegex(id_, FORM)
            ids.append(id_)
        self.assertEqual(2, len(set(ids)))

    def test_what_nobody_has_asked_for_has_one_of_its_own(self):
        """Such as a claim that was made before they were remembered."""
        self.store().enrol()
        self.look()
        super().allocate()
        self.loop.walk()
        found = self.sent(self.write)
        [id_] = {id_ for _method, _path, id_ in found}
        self.assertRegex(id_, FORM)
