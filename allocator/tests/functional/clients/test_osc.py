# SPDX-License-Identifier: Apache-2.0
"""The "openstack baremetal" commands of python-ironicclient."""

import os

import fixtures as base_fixtures
import sqlalchemy as sa
import yaml

from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.clients import public

UUID = '5a1d0c50-3a4e-4b14-9b2c-6d35a9a2a001'


class CommandTests(testcase.ServiceTests):

    def setUp(self):
        super().setUp()
        self.osc = self.useFixture(public.OpenStackCommand(
            self.service.endpoint))

    def create_node(self, *arguments, version=None):
        return self.osc.get('node', 'create', '--driver', 'fake-hardware',
                            *arguments, version=version)

    def show(self, node, *fields):
        return self.osc.get('node', 'show', node, '--fields', *fields)


@testcase.per_database(databases.SQLITE)
class NodeCommandTests(CommandTests):

    def test_create_list_show_set_unset_delete(self):
        node = self.create_node(
            '--uuid', UUID, '--name', 'n1', '--resource-class', 'metal',
            '--property', 'cpus=8', '--extra', 'a=b', '--owner', 'p1',
            '--lessee', 'p2', '--description', 'A node', '--shard', 's',
            '--driver-info', 'ipmi_password=x', '--conductor-group', 'g',
            '--network-interface', 'noop', '--automated-clean')
        self.assertEqual((UUID, 'n1', 'metal', {'cpus': 8}, 'enroll', True), (
            node['uuid'], node['name'], node['resource_class'],
            node['properties'], node['provision_state'],
            node['automated_clean']))
        self.assertEqual({'ipmi_password': '******'}, node['driver_info'])
        listed = self.osc.get('node', 'list', '--resource-class', 'metal',
                              '--owner', 'p1', '--shards', 's',
                              '--unassociated', '--no-maintenance',
                              '--fields', 'name', 'allocation_uuid')
        self.assertEqual([{'name': 'n1', 'allocation_uuid': None}], listed)
        self.assertEqual(UUID, self.osc.get(
            'node', 'list', '--long', '--limit', '0')[0]['uuid'])
        self.osc.do('node', 'set', 'n1', '--property', 'memory_mb=5',
                    '--extra', 'c=1', '--retired', '--retired-reason', 'old',
                    '--instance-uuid', UUID, '--lessee', 'p3')
        found = self.show('n1', 'properties', 'extra', 'retired_reason',
                          'instance_uuid', 'lessee')
        self.assertEqual({
            'properties': {'cpus': 8, 'memory_mb': 5},
            'extra': {'a': 'b', 'c': 1}, 'retired_reason': 'old',
            'instance_uuid': UUID, 'lessee': 'p3'}, found)
        self.assertEqual('n1', self.osc.get(
            'node', 'show', '--instance', UUID)['name'])
        self.osc.do('node', 'unset', 'n1', '--property', 'cpus', '--extra',
                    'a', '--retired', '--instance-uuid', '--lessee',
                    '--automated-clean', '--conductor-group')
        found = self.show('n1', 'properties', 'extra', 'retired_reason',
                          'instance_uuid', 'automated_clean')
        self.assertEqual({
            'properties': {'memory_mb': 5}, 'extra': {'c': 1},
            'retired_reason': None, 'instance_uuid': None,
            'automated_clean': None}, found)
        self.osc.do('node', 'delete', 'n1')
        self.assertIn('could not be found', self.osc.refuse(
            'node', 'show', 'n1'))

    def test_states_maintenance_and_traits(self):
        self.create_node('--name', 'n1', '--resource-class', 'metal')
        self.osc.do('node', 'add', 'trait', 'n1', 'CUSTOM_A',
                    'HW_CPU_X86_VMX')
        self.osc.do('node', 'remove', 'trait', 'n1', 'CUSTOM_A')
        listed = self.osc.get('node', 'trait', 'list', 'n1')
        self.assertEqual([{'traits': 'HW_CPU_X86_VMX'}], listed)
        self.osc.do('node', 'remove', 'trait', 'n1', '--all')
        self.osc.do('node', 'maintenance', 'set', 'n1', '--reason', 'disk')
        self.assertEqual({'maintenance': True, 'maintenance_reason': 'disk'},
                         self.show('n1', 'maintenance', 'maintenance_reason'))
        self.osc.do('node', 'maintenance', 'unset', 'n1')
        for verb in ('manage', 'inspect', 'provide', 'deploy', 'rebuild',
                     'undeploy', 'manage', 'adopt'):
            self.osc.do('node', verb, 'n1', '--wait', '60')
        self.osc.do('node', 'power', 'on', 'n1')
        self.osc.do('node', 'power', 'off', 'n1', '--soft')
        self.osc.do('node', 'reboot', 'n1')
        self.assertEqual(
            {'provision_state': 'active', 'power_state': 'power on'},
            self.show('n1', 'provision_state', 'power_state'))
        self.osc.do('node', 'validate', 'n1')
        self.assertIn('can not be performed', self.osc.refuse(
            'node', 'provide', 'n1'))

    def test_broken_documents_are_repaired_as_the_guide_says(self):
        for text in ('[1]', 'null', '{broken'):
            node = self.service.add_node()
            broken = sa.literal(text, sa.Text)
            with self.service.engine.begin() as connection:
                seeds.set_node(connection, node, instance_info=broken,
                               properties=broken)
            self.osc.do('node', 'set', node, '--instance-info', 'a=b')
            self.osc.do('node', 'set', node, '--property', 'cpus=8')
            self.assertEqual(
                {'instance_info': {'a': 'b'}, 'properties': {'cpus': 8}},
                self.show(node, 'instance_info', 'properties'))

    def test_chassis_drivers_conductors_shards(self):
        uuid = self.osc.get('chassis', 'create', '--description', 'A')['uuid']
        self.osc.do('chassis', 'set', uuid, '--extra', 'a=1')
        self.assertEqual({'a': 1}, self.osc.get(
            'chassis', 'show', uuid)['extra'])
        self.create_node('--chassis-uuid', uuid, '--shard', 's')
        self.assertEqual(1, len(self.osc.get('node', 'list', '--chassis',
                                             uuid)))
        self.assertEqual(
            [{'name': 's', 'count': 1}], self.osc.get('shard', 'list'))
        drivers = self.osc.get('driver', 'list')
        self.assertIn('fake-hardware', drivers[0].values())
        self.osc.do('driver', 'show', 'fake-hardware')
        conductors = self.osc.get('conductor', 'list')
        self.assertEqual([('single', True)], [
            (conductor['hostname'], conductor['alive'])
            for conductor in conductors])
        self.service.wipe()
        self.osc.do('chassis', 'delete', uuid)

    def test_each_pinned_version(self):
        for version in public.VERSIONS:
            node = self.create_node(version=version)
            self.assertEqual(None if version == '1.1' else 'enroll',
                             node['provision_state'])
            listed = self.osc.get('node', 'list', version=version)
            self.assertEqual([node['uuid']], [row['uuid'] for row in listed])
            self.client.delete('/v1/nodes/' + node['uuid'])

    def test_create_from_a_file(self):
        folder = self.useFixture(base_fixtures.TempDir()).path
        path = os.path.join(folder, 'nodes.yaml')
        content = {
            'chassis': [{'description': 'A', 'nodes': [
                {'driver': 'ipmi', 'name': 'in-chassis'}]}],
            'nodes': [{'driver': 'ipmi', 'name': 'n%d' % number,
                       'resource_class': 'metal', 'extra': {'a': number},
                       'traits': ['CUSTOM_A', 'CUSTOM_B']}
                      for number in range(5)]}
        with open(path, 'w') as file:
            yaml.safe_dump(content, file)
        self.osc.do('create', path)
        listed = self.client.get('/v1/nodes/detail').json()['nodes']
        self.assertEqual({'in-chassis', 'n0', 'n1', 'n2', 'n3', 'n4'},
                         {node['name'] for node in listed})
        for node in listed:
            if node['name'] == 'in-chassis':
                self.assertIsNotNone(node['chassis_uuid'])
            else:
                self.assertEqual(['CUSTOM_A', 'CUSTOM_B'], node['traits'])


@testcase.per_database(databases.SQLITE)
class AllocationCommandTests(CommandTests):

    def test_create_with_every_flag_list_show_set_unset_delete(self):
        node = self.service.add_node(['CUSTOM_A', 'CUSTOM_B'], name='n1',
                                     owner='p1')
        self.service.add_node(['CUSTOM_A', 'CUSTOM_B'])
        made = self.osc.get(
            'allocation', 'create', '--resource-class', 'baremetal',
            '--trait', 'CUSTOM_A', '--trait', 'CUSTOM_B',
            '--candidate-node', 'n1', '--name', 'a1', '--uuid', UUID,
            '--owner', 'p1', '--extra', 'a=1', '--wait', '60')
        self.assertEqual((UUID, 'a1', 'active', node, 'p1', {'a': 1}), (
            made['uuid'], made['name'], made['state'], made['node_uuid'],
            made['owner'], made['extra']))
        for flags in ((), ('--long',), ('--node', node), ('--owner', 'p1'),
                      ('--state', 'active'), ('--limit', '5'),
                      ('--resource-class', 'baremetal'),
                      ('--sort', 'state:desc')):
            listed = self.osc.get('allocation', 'list', *flags)
            self.assertEqual([UUID], [row['uuid'] for row in listed])
        self.assertEqual(
            [{'name': 'a1', 'state': 'active'}],
            self.osc.get('allocation', 'list', '--fields', 'name', 'state'))
        self.osc.do('allocation', 'set', 'a1', '--name', 'a2', '--extra',
                    'b=c')
        self.osc.do('allocation', 'unset', 'a2', '--extra', 'a')
        self.assertEqual({'extra': {'b': 'c'}, 'name': 'a2'}, self.osc.get(
            'allocation', 'show', 'a2', '--fields', 'extra', 'name'))
        self.osc.do('allocation', 'unset', 'a2', '--name')
        self.osc.do('allocation', 'delete', UUID)
        self.assertEqual([], self.osc.get('allocation', 'list'))

    def test_a_failure_says_why(self):
        self.assertIn('there is no node of resource class x', self.osc.refuse(
            'allocation', 'create', '--resource-class', 'x', '--wait', '60'))

    def test_backfill(self):
        node = self.service.add_node(provision_state='active')
        made = self.osc.get('allocation', 'create', '--node', node)
        self.assertEqual(('active', node), (made['state'],
                                            made['node_uuid']))

    def test_undeploy_ends_the_allocation(self):
        node = self.service.add_node()
        self.osc.do('allocation', 'create', '--resource-class', 'baremetal',
                    '--wait', '60')
        self.osc.do('node', 'deploy', node, '--wait', '60')
        self.osc.do('node', 'undeploy', node, '--wait', '60')
        self.assertEqual([], self.osc.get('allocation', 'list'))

    def test_each_pinned_version(self):
        self.service.add_node()
        for version in public.ALLOCATION_VERSIONS:
            made = self.osc.get(
                'allocation', 'create', '--resource-class', 'baremetal',
                '--wait', '60', version=version)
            self.assertEqual('active', made['state'])
            self.client.delete('/v1/allocations/' + made['uuid'])

    def test_before_there_were_allocations(self):
        self.osc.refuse('allocation', 'list', version='1.51')
        self.osc.refuse('allocation', 'create', '--resource-class', 'x',
                        version='1.51')
