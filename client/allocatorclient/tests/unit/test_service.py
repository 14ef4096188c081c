# SPDX-License-Identifier: Apache-2.0
"""How openstacksdk finds the service."""

import fixtures
import openstack
import testtools

import allocatorclient
from allocatorclient import service
from allocatorclient.tests.unit import connections
from allocatorclient.v1 import _proxy


class EndpointTests(testtools.TestCase):

    def test_the_api_is_below_the_url_of_the_service(self):
        for url, expected in (
                ('http://a:6385', 'http://a:6385/allocator'),
                ('http://a:6385/', 'http://a:6385/allocator'),
                ('http://a/baremetal', 'http://a/baremetal/allocator'),
                ('http://a/baremetal/v1', 'http://a/baremetal/allocator'),
                ('http://a/allocator/', 'http://a/allocator'),
                ('http://a/allocator/v1', 'http://a/allocator')):
            self.assertEqual(expected, service.own_endpoint(url))


class ConnectionTests(connections.ServiceTests):

    def test_without_authentication_the_endpoint_is_enough(self):
        self.service.answer('GET', '/backends', {'backends': []})
        self.assertEqual([], list(self.allocator.backends()))

    def test_http_basic_takes_the_endpoint_too(self):
        self.service.answer('GET', '/backends', {'backends': []})
        connection = allocatorclient.connect(
            load_yaml_config=False, load_envvars=False,
            auth_type='http_basic', auth={
                'endpoint': self.service.endpoint, 'username': 'u',
                'password': 'p'})
        self.addCleanup(connection.close)
        self.assertEqual([], list(connection.allocator.backends()))

    def test_an_override_is_taken_as_it_is(self):
        connection = self.connect(
            allocator_endpoint_override=self.service.endpoint
            + '/allocator/v1')
        self.assertEqual('1.2', connection.allocator.negotiated_version())

    def test_a_connection_of_openstacksdk_can_be_told(self):
        self.useFixture(fixtures.EnvironmentVariable('OS_CLOUD'))
        connection = openstack.connect(
            load_yaml_config=False, load_envvars=False, auth_type='none',
            auth={'endpoint': self.service.endpoint})
        self.addCleanup(connection.close)
        allocatorclient.register(connection)
        self.assertIsInstance(connection.allocator, _proxy.Proxy)
        self.assertEqual('1.2', connection.allocator.negotiated_version())
