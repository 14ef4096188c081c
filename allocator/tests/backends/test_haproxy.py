# SPDX-License-Identifier: Apache-2.0
"""One address by haproxy, for clients that follow no redirects."""

import pathlib
import subprocess

import fixtures
from keystoneauth1 import noauth
from keystoneauth1 import session
import requests
import testtools

from allocator.tests.backends import haproxy
from allocator.tests.backends import operator
from allocator.tests.backends import test_through
from allocator.tests.functional import client
from allocator.tests.functional import operating
from allocator.tests.functional import waiting

# What a distribution's file begins with.
DEFAULTS = '''
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s

'''


class HaproxyTests(test_through.ThroughTestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = haproxy.Site(allocator=cls.service.endpoint,
                                ironic=cls.ironic.url)
        cls.site.setUp()
        cls.addClassCleanup(cls.site.cleanUp)
        cls.client = client.Client(cls.site.endpoint)
        cls.addClassCleanup(cls.client.close)

    def ask(self, method, path, body=None):
        """Send a request as a client that follows no redirects."""
        return requests.request(
            method, self.site.endpoint + path, json=body, timeout=60,
            allow_redirects=False,
            headers={'X-OpenStack-Ironic-API-Version': '1.107'})

    def test_from_the_allocation_to_the_deployed_node_and_back(self):
        node, = self.operator.enrol(resource_class='proxied',
                                    name='proxied-1')
        made = self.ask('POST', '/v1/allocations', {
            'resource_class': 'proxied', 'name': 'mine'})
        self.assertEqual(201, made.status_code, made.text)
        found = self.client.settled(made.json()['uuid'])
        self.assertEqual(('active', node),
                         (found['state'], found['node_uuid']))
        shown = self.ask('GET', '/v1/nodes/proxied-1')
        self.assertEqual((200, found['uuid']), (
            shown.status_code, shown.json()['allocation_uuid']))
        self.assertEqual(200, self.ask(
            'PATCH', '/v1/nodes/' + node, [
                {'op': 'add', 'path': '/extra/a', 'value': 1}]).status_code)
        through = operator.Operator(
            session.Session(noauth.NoAuth()), self.site.endpoint)
        through.deploy(node)
        self.assertEqual(found['uuid'], self.ask(
            'GET', '/v1/nodes/%s/allocation' % node).json()['uuid'])
        self.assertEqual(409, self.ask(
            'DELETE', '/v1/nodes/%s/allocation' % node).status_code)
        through.undeploy(node)
        waiting.until(
            lambda: self.ask('GET', '/v1/allocations/mine').status_code
            == 404, test_through.KNOWN, 'the allocation has ended')

    def test_links_lead_to_the_one_address(self):
        node, = self.operator.enrol(resource_class='linked')
        self.wait_known([node])
        self.settled(resource_class='linked')
        for path in ('/', '/v1', '/v1/allocations', '/v1/nodes',
                     '/v1/nodes/%s' % node, '/allocator/v1/nodes',
                     '/v1/nodes/%s/allocation' % node, '/v1/drivers'):
            answer = self.ask('GET', path)
            self.assertEqual(200, answer.status_code, (path, answer.text))
            self.assertIn(self.site.endpoint, answer.text, path)
            for url in (self.ironic.url, self.service.endpoint):
                self.assertNotIn(url + '/', answer.text, path)

    def test_each_path_goes_to_whom_keeps_it(self):
        # An allocation that failed here is none of Ironic's.
        uuid = self.settled(resource_class='nowhere')['uuid']
        node, = self.operator.enrol(resource_class='kept')
        allocations = self.ask('GET', '/v1/allocations').json()['allocations']
        self.assertIn(uuid, [found['uuid'] for found in allocations])
        for path in ('/v1/allocations/' + uuid, '/v1/allocations/',
                     '/healthcheck', '/allocator/v1/backends'):
            self.assertEqual(200, self.ask('GET', path).status_code, path)
        self.assertIsNone(self.operator.allocation(uuid))
        # Ironic's own list has the node at once.
        self.assertIn(node, self.ask('GET', '/v1/nodes').text)
        for path in ('/v1/ports', '/v1/chassis', '/v1/drivers',
                     '/v1/nodes/%s/states' % node,
                     '/v1/conductors/' + self.ironic.host):
            self.assertEqual(200, self.ask('GET', path).status_code, path)
        # Enrolled there, and not here.
        made = self.ask('POST', '/v1/nodes', {
            'driver': 'fake-hardware', 'resource_class': 'enrolled'})
        self.assertEqual(201, made.status_code, made.text)
        self.assertIsNotNone(self.operator.node(made.json()['uuid']))


class ExampleTests(testtools.TestCase):

    def check(self, text):
        """Have haproxy read a configuration.

        :returns: its status, and what it said
        """
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path,
                            'haproxy.cfg')
        path.write_text(DEFAULTS + text)
        made = subprocess.run(
            [haproxy.find(), '-c', '-f', str(path)], timeout=60, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return made.returncode, made.stdout

    def test_two_pools_are_understood(self):
        text = operating.other('admin/scaling', 'frontend allocator')
        certificate = ' ssl crt /etc/haproxy/allocator.pem'
        self.assertIn(certificate, text)
        status, said = self.check(text.replace(certificate, ''))
        self.assertEqual(0, status, said)
        self.assertNotIn('[WARNING]', said)
        status, _said = self.check(text.replace('backend reads\n', 'x\n'))
        self.assertEqual(1, status)
