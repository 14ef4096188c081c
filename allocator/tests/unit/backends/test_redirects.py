# SPDX-License-Identifier: Apache-2.0
"""What a client is sent to a backend for."""

from allocator.api import app
from allocator.conf import CONF
from allocator.db import backends
from allocator.tests import fixtures
from allocator.tests.unit.backends import mirroring


class RedirectTestCase(mirroring.MirrorTestCase):

    def setUp(self):
        super().setUp()
        self.api = fixtures.Api()
        self.api.configuration = self.configuration
        self.api.useFixture = self.useFixture
        # On the configuration and database of the mirror.
        self.api.application = app.setup_app()

    def assert_sent(self, name, path, method='GET', body=None):
        """See that a request is sent to a backend, as it is."""
        answer = self.api.request(method, path, body)
        self.assertEqual(
            (307, self.services[name].url + path),
            (answer.status, answer.headers.get('Location')), answer)

    def assert_fails(self, status, path, words):
        answer = self.api.get(path)
        self.assertEqual(status, answer.status, answer)
        self.assertIn(words, answer.body['error_message'])
        self.assertNotIn('Location', answer.headers)


class OneBackendTests(RedirectTestCase):

    def setUp(self):
        super().setUp()
        self.node, = self.store().enrol(name='n')
        self.look()

    def test_all_but_the_allocation_of_a_node(self):
        for path in ('', '/states', '/traits?x=1', '/ports'):
            self.assert_sent('east', '/v1/nodes/%s%s' % (self.node, path))
        self.assert_sent('east', '/v1/nodes/n', 'PATCH', [
            {'op': 'add', 'path': '/name', 'value': 'x'}])
        self.assert_fails(404, '/v1/nodes/n/allocation', 'of node n')

    def test_other_collections_are_its(self):
        self.assert_sent('east', '/v1/ports')
        self.assert_sent('east', '/v1/ports?node=whatever')
        self.assert_sent('east', '/v1/volume/targets/1', 'DELETE')

    def test_a_node_of_this_service_is_enrolled_here(self):
        made = self.api.post('/v1/nodes', {'driver': 'fake-hardware'})
        self.assertEqual(201, made.status)

    def test_enrol_at_names_where_nodes_are_enrolled(self):
        self.configuration.set('enrol_at', 'east', group='api')
        self.assert_sent('east', '/v1/nodes', 'POST', {'driver': 'x'})

    def test_nobody_is_sent_to_where_nobody_knows(self):
        CONF.set_override('enabled_backends', ['east', 'west'])
        self.configuration.set('enrol_at', 'west', group='api')
        backends.ensure('west')
        answer = self.api.post('/v1/nodes', {'driver': 'x'})
        self.assertEqual(503, answer.status)


class SeveralBackendsTests(RedirectTestCase):

    names = ('east', 'west')

    def setUp(self):
        super().setUp()
        self.nodes = {name: self.store(name).enrol(
            name='node-' + name, owner=name)[0] for name in self.names}
        for name in self.names:
            self.store(name).enrol(name='twin')
        self.look()
        self.own = fixtures.add_node(name='own')

    def test_other_collections_are_those_of_the_node_that_is_named(self):
        for name, uuid in self.nodes.items():
            self.assert_sent(name, '/v1/ports?node=' + uuid)
            self.assert_sent(name, '/v1/ports?node=node-' + name)
            self.assert_sent(name, '/v1/ports/detail?limit=1&node_uuid='
                             + uuid)

    def test_without_a_node_there_is_none(self):
        for query in ('', '?limit=1', '?node=own', '?node_uuid='):
            self.assert_fails(404, '/v1/ports' + query, 'name a node (node=')

    def test_a_node_that_is_unknown_is_not_found(self):
        self.assert_fails(404, '/v1/ports?node=none',
                          'Node none could not be found')

    def test_a_node_that_the_client_may_not_see_is_not_found(self):
        self.api.act_as('reader', project='east')
        self.assert_sent('east', '/v1/ports?node=node-east')
        self.assert_fails(404, '/v1/ports?node=node-west',
                          'Node node-west could not be found')
        self.assert_fails(404, '/v1/ports?node_uuid=' + self.nodes['west'],
                          'could not be found')

    def test_a_name_that_two_nodes_bear_is_refused(self):
        for path in ('/v1/nodes/twin', '/v1/nodes/twin/states',
                     '/v1/nodes/twin/allocation',
                     '/v1/allocations?node=twin', '/v1/ports?node=twin'):
            self.assert_fails(400, path, 'UUID')

    def test_enrol_at_names_one_of_them(self):
        self.configuration.set('enrol_at', 'west', group='api')
        self.assert_sent('west', '/v1/nodes', 'POST', {'driver': 'x'})
