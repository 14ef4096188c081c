# SPDX-License-Identifier: Apache-2.0
"""openstacksdk: its bare metal proxy, and its own functional tests."""

import importlib.util
import os
import subprocess
import sys

import fixtures as base_fixtures
from openstack import exceptions
import yaml

from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.clients import public

_OWN_TESTS = 'openstack.tests.functional.baremetal.v1.test_'


@testcase.per_database(databases.SQLITE)
class ProxyTests(testcase.ServiceTests):

    def connect(self, version=None):
        connection = public.connect(self.service.endpoint, version)
        self.addCleanup(connection.close)
        return connection.baremetal

    def create_available(self, baremetal, **values):
        node = baremetal.create_node(driver='fake-hardware',
                                     resource_class='metal', **values)
        for verb in ('manage', 'provide'):
            node = baremetal.set_node_provision_state(node, verb, wait=True,
                                                      timeout=60)
        return node

    def test_nodes(self):
        baremetal = self.connect()
        node = self.create_available(baremetal, name='n1')
        self.assertEqual('available', node.provision_state)
        baremetal.set_node_traits(node, ['CUSTOM_A'])
        baremetal.add_node_trait(node, 'CUSTOM_B')
        baremetal.remove_node_trait(node, 'CUSTOM_A')
        self.assertEqual(['CUSTOM_B'], baremetal.get_node('n1').traits)
        baremetal.set_node_power_state(node, 'power on', wait=True,
                                       timeout=60)
        node = baremetal.set_node_maintenance(node, 'disk')
        self.assertEqual('disk', node.maintenance_reason)
        node = baremetal.unset_node_maintenance(node)
        node = baremetal.update_node(node, extra={'a': 1}, owner='p1')
        self.assertEqual(({'a': 1}, 'p1'), (node.extra, node.owner))
        node = baremetal.patch_node(node, [
            {'op': 'remove', 'path': '/extra/a'}])
        self.assertEqual({}, node.extra)
        baremetal.validate_node(node)
        baremetal.delete_node(node)
        self.assertRaises(exceptions.NotFoundException, baremetal.get_node,
                          'n1')

    def test_pages_are_followed(self):
        uuids = set(self.service.add_nodes(7, owner='p1'))
        found = list(self.connect().nodes(limit=3, fields=['uuid']))
        self.assertEqual(uuids, {node.id for node in found})
        self.assertEqual(7, len(found))

    def test_allocations(self):
        baremetal = self.connect()
        node = self.create_available(baremetal)
        made = baremetal.create_allocation(resource_class='metal', name='a1')
        self.assertEqual(('allocating', None), (made.state, made.node_id))
        made = baremetal.wait_for_allocation(made, timeout=60)
        self.assertEqual(('active', node.id), (made.state, made.node_id))
        self.assertEqual(made.id, baremetal.get_node(node.id).allocation_id)
        for query in ({}, {'node': node.id}, {'state': 'active'},
                      {'resource_class': 'metal'}, {'fields': ['uuid']}):
            self.assertEqual([made.id], [
                found.id for found in baremetal.allocations(**query)])
        made = baremetal.update_allocation(made, name='a2', extra={'a': 1})
        self.assertEqual(('a2', {'a': 1}), (made.name, made.extra))
        made = baremetal.patch_allocation(made, [
            {'op': 'remove', 'path': '/name'}])
        self.assertIsNone(made.name)
        baremetal.delete_allocation(made)
        self.assertIsNone(baremetal.get_node(node.id).instance_id)

    def test_a_failed_allocation_raises_its_reason(self):
        baremetal = self.connect()
        made = baremetal.create_allocation(resource_class='x')
        error = self.assertRaises(
            exceptions.ResourceFailure, baremetal.wait_for_allocation, made)
        self.assertIn('there is no node of resource class x', str(error))

    def test_each_pinned_version(self):
        self.service.add_node()
        for version in public.ALLOCATION_VERSIONS[:-1]:
            baremetal = self.connect(version)
            made = baremetal.create_allocation(resource_class='baremetal')
            made = baremetal.wait_for_allocation(made, timeout=60)
            self.assertEqual('active', made.state)
            self.assertEqual([made.node_id], [
                node.id for node in baremetal.nodes()])
            baremetal.delete_allocation(made)


@testcase.per_database(databases.SQLITE)
class OwnTests(testcase.ServiceTests):
    """The functional tests that openstacksdk ships."""

    def run_module(self, name):
        if importlib.util.find_spec('openstack.tests') is None:
            self.skipTest('This openstacksdk has no tests of its own.')
        folder = self.useFixture(base_fixtures.TempDir()).path
        path = os.path.join(folder, 'clouds.yaml')
        endpoint = self.service.endpoint
        with open(path, 'w') as file:
            yaml.safe_dump({'clouds': {'lab': {
                'auth_type': 'none', 'auth': {'endpoint': endpoint},
                'baremetal_endpoint_override': endpoint,
                'baremetal_status_code_retries': 0, 'has_network': False,
                'has_compute': False, 'has_image': False}}}, file)
        clouds = ('OS_CLOUD', 'OPENSTACKSDK_DEMO_CLOUD',
                  'OPENSTACKSDK_DEMO_CLOUD_ALT',
                  'OPENSTACKSDK_OPERATOR_CLOUD',
                  'OPENSTACKSDK_SYSTEM_ADMIN_CLOUD')
        done = subprocess.run(
            [sys.executable, '-m', 'testtools.run', _OWN_TESTS + name],
            env=os.environ | dict.fromkeys(clouds, 'lab') | {
                'OS_CLIENT_CONFIG_FILE': path, 'OS_TEST_TIMEOUT': '120',
                'no_proxy': '127.0.0.1'},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
            timeout=2 * public.TIMEOUT)
        self.assertEqual(0, done.returncode, done.stdout)
        self.assertNotIn('Ran 0 tests', done.stdout)

    def test_allocations(self):
        self.run_module('allocation')

    def test_nodes(self):
        self.run_module('node')

    def test_chassis(self):
        self.run_module('chassis')

    def test_drivers(self):
        self.run_module('driver')

    def test_conductors(self):
        self.run_module('conductor')
