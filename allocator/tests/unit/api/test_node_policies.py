# SPDX-License-Identifier: Apache-2.0
"""Who may do what to nodes."""

import os
import uuid

import fixtures

from allocator import policies
from allocator.api.controllers.v1.nodes import field_policies
from allocator.api.controllers.v1.nodes import update
from allocator.common import policy
from allocator.common import states
from allocator.tests.unit.api import inventory

ROLES = {'reader': ('reader',), 'member': ('reader', 'member'),
         'manager': ('reader', 'member', 'manager'),
         'admin': ('reader', 'member', 'manager', 'admin')}


class NodePoliciesTest(inventory.InventoryTestCase):

    def setUp(self):
        super().setUp()
        self.own = self.create(owner='own')
        self.leased = self.create(owner='other', lessee='own')
        self.foreign = self.create(owner='other')
        self.nobodys = self.create()

    def be(self, role, project='own'):
        self.api.act_as(*ROLES[role], project=project)

    def be_system(self, role):
        self.api.act_as(*ROLES[role], system=True)

    def assert_status(self, status, method, node, path='', body=None):
        answer = self.api.request(
            method, '/v1/nodes/' + node['uuid'] + path, body)
        self.assertEqual(status, answer.status, answer)

    def test_a_system_reader_sees_all(self):
        self.be_system('reader')
        self.assertEqual(4, len(self.uuids('/v1/nodes')))
        self.assertEqual([self.own['uuid']], self.uuids('/v1/nodes?owner=own'))
        self.assert_status(200, 'GET', self.foreign)
        self.assert_status(403, 'PATCH', self.foreign, body=[])
        self.assert_status(403, 'PUT', self.foreign, '/maintenance')
        self.assertEqual(403, self.api.post('/v1/nodes', {
            'driver': 'x'}).status)

    def test_a_service_sees_all(self):
        self.api.act_as('service', system=True)
        self.assertEqual(4, len(self.uuids('/v1/nodes')))

    def test_a_project_sees_what_it_owns_or_leases(self):
        self.be('reader')
        visible = [self.own['uuid'], self.leased['uuid']]
        for path in ('/v1/nodes', '/v1/nodes/detail', '/v1/nodes?project=own'):
            self.assertEqual(visible, self.uuids(path))
        self.assertEqual([], self.uuids('/v1/nodes?provision_state=active'))
        self.assertEqual(403, self.api.get(
            '/v1/nodes?project=other').status)
        self.assert_status(200, 'GET', self.own)
        self.assert_status(200, 'GET', self.leased, '/states')
        self.assert_status(200, 'GET', self.leased, '/traits')

    def test_a_foreign_node_is_as_one_that_does_not_exist(self):
        self.be('admin')
        for method, path, body in (
                ('GET', '', None), ('PATCH', '', []), ('DELETE', '', None),
                ('GET', '/states', None), ('GET', '/traits', None),
                ('PUT', '/traits/CUSTOM_A', None), ('GET', '/vifs', None),
                ('PUT', '/states/provision', {'target': 'manage'}),
                ('PUT', '/states/power', {'target': 'power on'}),
                ('PUT', '/maintenance', None), ('GET', '/validate', None)):
            for node in (self.foreign, self.nobodys):
                answer = self.api.request(
                    method, '/v1/nodes/' + node['uuid'] + path, body)
                self.assertEqual((404, 'Node %s could not be found.'
                                  % node['uuid']),
                                 (answer.status, answer.fault))

    def test_a_reader_changes_nothing(self):
        self.be('reader')
        for node in (self.own, self.leased):
            self.assert_status(403, 'PATCH', node, body=[])
            self.assert_status(403, 'DELETE', node)
            self.assert_status(403, 'PUT', node, '/traits/CUSTOM_A')
            self.assert_status(403, 'DELETE', node, '/traits')
            self.assert_status(403, 'PUT', node, '/maintenance')
            self.assert_status(403, 'DELETE', node, '/maintenance')
            self.assert_status(403, 'PUT', node, '/states/power',
                               {'target': 'power on'})
            self.assert_status(403, 'PUT', node, '/states/provision',
                               {'target': 'manage'})

    def test_members_run_what_their_project_owns(self):
        self.be('member')
        self.do(self.own, 'manage')
        self.assert_status(202, 'PUT', self.own, '/maintenance')
        self.patch(self.own, ('add', '/resource_class', 'x'),
                   ('add', '/properties/a', 1), ('add', '/name', 'x'))
        self.assert_status(403, 'PUT', self.own, '/traits/CUSTOM_A')
        self.assert_status(403, 'DELETE', self.own)
        self.do(self.leased, 'manage', status=403)

    def test_managers_run_what_their_project_leases(self):
        self.be('manager')
        self.do(self.leased, 'manage')
        self.patch(self.leased, ('add', '/extra/a', 1),
                   ('add', '/instance_info/a', 1))
        for name in ('resource_class', 'owner', 'lessee', 'name', 'shard'):
            self.patch(self.leased, ('add', '/' + name, 'x'), status=403)
        self.assert_status(403, 'PUT', self.leased, '/traits/CUSTOM_A')

    def test_owners_lease_but_do_not_give_away(self):
        self.be('manager')
        self.assert_status(204, 'PUT', self.own, '/traits/CUSTOM_A')
        self.patch(self.own, ('add', '/lessee', 'other'))
        self.patch(self.own, ('add', '/owner', 'other'), status=403)
        self.patch(self.own, ('add', '/chassis_uuid', None), status=403)
        self.be_system('member')
        self.patch(self.own, ('add', '/owner', 'other'))

    def test_a_project_administrator_creates_its_own_nodes(self):
        self.be('admin')
        node = self.create()
        self.assertEqual('own', node['owner'])
        self.assertEqual('own', self.create(owner='own')['owner'])
        answer = self.api.post('/v1/nodes', {'driver': 'x', 'owner': 'other'})
        self.assertEqual(403, answer.status)
        # Whatever the version.
        node = self.create(version='1.40')
        self.assertEqual('own', self.show(node)['owner'])
        self.assert_status(204, 'DELETE', node)
        self.assert_status(403, 'DELETE', self.leased)
        self.be('manager')
        self.assertEqual(403, self.api.post('/v1/nodes', {
            'driver': 'x'}).status)

    def test_a_creation_needs_the_policies_of_a_patch(self):
        # A project administrator chose shard, group and chassis of a node.
        chassis = self.api.post('/v1/chassis', {}).body['uuid']
        values = {name: {'a': 1} for name in (
            'driver_info', 'extra', 'instance_info', 'network_data',
            'properties')} | {
            name: True for name in (
                'automated_clean', 'disable_power_off', 'maintenance',
                'protected', 'retired')} | {
            'chassis_uuid': chassis, 'instance_uuid': str(uuid.uuid4())}
        self.be('admin')
        refused = set()
        for name in update.PATCHABLE:
            if name in ('driver', 'owner'):  # see above
                continue
            value = values.get(name, 'x')
            patched = self.api.patch('/v1/nodes/' + self.own['uuid'], [
                {'op': 'add', 'path': '/' + name, 'value': value}])
            if name in ('instance_uuid', 'name') and patched.status == 200:
                value = str(uuid.uuid4()) if name != 'name' else 'y'
            created = self.api.post('/v1/nodes', {'driver': 'x', name: value})
            self.assertEqual(patched.status == 403, created.status == 403,
                             (name, patched, created))
            if created.status == 403:
                self.assertEqual(patched.fault, created.fault)
                refused.add(name)
        # With those that fields to come have for themselves.
        self.assertLessEqual({'chassis_uuid', 'conductor_group', 'shard'},
                             refused)

    def test_a_rule_names_each_request_that_needs_it(self):
        """Those on fields did not name the creation."""
        said = {rule.name.removeprefix('baremetal:node:'): {
            (operation['method'], operation['path'])
            for operation in rule.operations}
            for rule in policies.list_rules()}
        for rule in field_policies.of_creation(update.PATCHABLE):
            self.assertIn(('POST', '/nodes'), said[rule], rule)
        for rule in field_policies.of_patch(update.PATCHABLE, states.ACTIVE):
            self.assertIn(('PATCH', '/nodes/{node_ident}'), said[rule], rule)

    def test_null_is_no_field_at_a_creation(self):
        self.be('admin')
        self.create(shard=None, chassis_uuid=None, conductor_group=None)

    def test_a_policy_file_counts_at_a_creation(self):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path,
                            'policy.yaml')
        with open(path, 'w') as stream:
            stream.write('"baremetal:node:update:driver_info": "!"\n'
                         '"baremetal:node:update:lessee": "!"\n')
        self.be('admin')
        self.api.configuration.set('policy_file', path, group='oslo_policy')
        policy.reset()
        for body, rule in (({'driver_info': {'a': 1}}, 'driver_info'),
                           ({'lessee': 'own'}, 'lessee')):
            answer = self.api.post('/v1/nodes', {'driver': 'x'} | body)
            self.assertEqual(403, answer.status)
            self.assertIn('baremetal:node:update:' + rule, answer.fault)
        self.create(extra={'a': 1})

    def test_a_system_administrator_creates_for_anyone(self):
        self.be_system('admin')
        node = self.create(owner='p3')
        self.assertEqual('p3', node['owner'])
        self.assert_status(204, 'DELETE', node)
        self.be_system('member')
        self.assertEqual(403, self.api.post('/v1/nodes', {
            'driver': 'x'}).status)

    def test_the_site_is_not_a_projects_business(self):
        # A chassis asked for by a project gave 500 in the reference.
        uuid = self.api.post('/v1/chassis', {}).body['uuid']
        self.be('admin')
        for path in ('/v1/chassis', '/v1/chassis/' + uuid, '/v1/drivers',
                     '/v1/chassis/%s/nodes' % uuid, '/v1/conductors',
                     '/v1/drivers/fake-hardware', '/v1/shards',
                     '/v1/conductors/test'):
            self.assertEqual(403, self.api.get(path).status, path)
        self.assertEqual(403, self.api.post('/v1/chassis', {}).status)
        self.assertEqual(403, self.api.delete('/v1/chassis/' + uuid).status)
        self.be_system('reader')
        self.assertEqual(200, self.api.get('/v1/chassis').status)
        self.assertEqual(403, self.api.post('/v1/chassis', {}).status)
        self.assertEqual(403, self.api.patch('/v1/chassis/' + uuid,
                                             []).status)

    def test_the_version_is_checked_before_policy(self):
        self.be('reader', project='stranger')
        self.assertEqual(405, self.api.put(
            '/v1/nodes/x/traits', version='1.36').status)
