# SPDX-License-Identifier: Apache-2.0
"""POST, GET and DELETE of nodes."""

from allocator.api import versions
from allocator.api.versions import baremetal
from allocator.api.views import node as view
from allocator.tests.unit.api import inventory

UUID = '8d4ee4e6-5b0d-4ba3-b1b5-0d5f3c4f1c11'


class CreateTest(inventory.InventoryTestCase):

    def test_a_node_needs_no_more_than_a_driver(self):
        answer = self.api.post('/v1/nodes', {'driver': 'anything'})
        self.assertEqual(201, answer.status)
        node = answer.body
        self.assertEqual('http://localhost/v1/nodes/' + node['uuid'],
                         answer.headers['Location'])
        self.assertEqual('enroll', node['provision_state'])
        for name in ('power_state', 'name', 'owner', 'instance_uuid',
                     'allocation_uuid', 'updated_at', 'automated_clean'):
            self.assertIsNone(node[name])
        for name in ('extra', 'properties', 'driver_info', 'instance_info'):
            self.assertEqual({}, node[name])
        self.assertEqual([], node['traits'])
        self.assertEqual('', node['conductor_group'])
        self.assertEqual('test', node['conductor'])

    def test_every_attribute_is_kept(self):
        chassis = self.api.post('/v1/chassis', {}).body['uuid']
        given = {
            'uuid': UUID, 'name': 'node-1', 'driver': 'ipmi',
            'driver_info': {'address': '::1'}, 'properties': {'cpus': 8},
            'extra': {'a': [1, None]}, 'instance_info': {'b': 'c'},
            'network_data': {'links': []}, 'description': 'A node\U0001f600',
            'resource_class': 'metal', 'owner': 'p1', 'lessee': 'p2',
            'chassis_uuid': chassis, 'conductor_group': 'g', 'shard': 's',
            'retired': True, 'retired_reason': 'old', 'protected': True,
            'protected_reason': 'precious', 'automated_clean': False,
            'disable_power_off': True, 'maintenance': True,
            'instance_uuid': UUID, 'instance_name': 'web',
            'deploy_interface': 'direct', 'network_interface': 'neutron',
        }
        node = self.create(**given)
        self.assertEqual(given, {name: node[name] for name in given})
        self.assertEqual(given, {name: self.show(node)[name]
                                 for name in given})

    def test_null_means_the_default(self):
        node = self.create(extra=None, name=None, retired=None,
                           conductor_group=None, deploy_interface=None)
        self.assertEqual({}, node['extra'])
        self.assertIs(False, node['retired'])
        self.assertEqual('', node['conductor_group'])
        self.assertEqual('fake', node['deploy_interface'])

    def test_new_nodes_are_available_before_enroll_existed(self):
        node = self.create(version='1.10')
        self.assertEqual('available', node['provision_state'])
        self.assertIsNone(node['power_state'])

    def test_available_is_null_in_the_oldest_version(self):
        node = self.create(version='1.1')
        self.assertIsNone(node['provision_state'])
        self.assertEqual('available', self.show(node)['provision_state'])
        states = self.api.get('/v1/nodes/%s/states' % node['uuid'],
                              version='1.1')
        self.assertIsNone(states.body['provision_state'])

    def test_a_driver_is_needed(self):
        for body in ({}, {'driver': None}, {'driver': ''}):
            self.assertEqual(400, self.api.post('/v1/nodes', body).status)

    def test_bad_values_are_refused(self):
        for name, value in (
                ('uuid', 'x'), ('name', ''), ('name', UUID), ('name', 'a b'),
                ('name', 'n\n'), ('name', 'detail'), ('name', 5),
                ('extra', []), ('driver_info', 'x'), ('owner', 'x' * 256),
                ('resource_class', 'x' * 81), ('description', 'x' * 4097),
                ('retired', 'perhaps'), ('instance_uuid', 'x'),
                ('chassis_uuid', 'x'), ('chassis_uuid', UUID),
                ('provision_state', 'active'), ('traits', []), ('nope', 1),
                ('retired_reason', 'alone'), ('deploy_interface', '')):
            answer = self.api.post('/v1/nodes', {'driver': 'x', name: value})
            self.assertEqual(400, answer.status, (name, value, answer))
        self.assertEqual([], self.uuids('/v1/nodes'))

    def test_a_newer_attribute_is_not_acceptable(self):
        for name, minor in baremetal.RESOURCES['node'].inputs.items():
            answer = self.api.post(
                '/v1/nodes', {'driver': 'x', name: None},
                version=versions.string(minor - 1))
            self.assertEqual(406, answer.status, name)
            answer = self.api.post('/v1/nodes', {'driver': 'x', name: None},
                                   version=versions.string(minor))
            self.assertEqual(201, answer.status, name)
            self.assertIn(name, answer.body)

    def test_host_names_only_before_names_were_free(self):
        for name, old, new in (('a-1.b', 201, 201), ('a_b', 400, 201),
                               ('-a', 400, 201)):
            for version, status in (('1.9', old), ('1.10', new)):
                answer = self.api.post(
                    '/v1/nodes', {'driver': 'x', 'name': name},
                    version=version)
                self.assertEqual(status, answer.status, (name, version))
                if status == 201:
                    self.api.delete('/v1/nodes/' + name)

    def test_what_another_node_has_is_a_conflict(self):
        self.create(uuid=UUID, name='one', instance_uuid=UUID)
        for name, value in (('uuid', UUID), ('name', 'one'),
                            ('instance_uuid', UUID)):
            answer = self.api.post('/v1/nodes', {'driver': 'x', name: value})
            self.assertEqual(409, answer.status)
            self.assertIn(value, answer.fault)

    def test_a_uuid_is_kept_in_its_canonical_form(self):
        node = self.create(uuid=UUID.upper().replace('-', ''))
        self.assertEqual(UUID, node['uuid'])

    def test_query_parameters_are_refused(self):
        answer = self.api.post('/v1/nodes?x=1', {'driver': 'x'})
        self.assertEqual(400, answer.status)


class ShowTest(inventory.InventoryTestCase):

    def test_by_uuid_or_name(self):
        node = self.create(name='one.json')
        for ident in (node['uuid'], node['uuid'].upper(), 'one.json'):
            self.assertEqual(node, self.api.get('/v1/nodes/' + ident).body)

    def test_no_names_before_there_were_any(self):
        self.create(name='one')
        self.assertEqual(404, self.api.get('/v1/nodes/one',
                                           version='1.4').status)
        self.assertEqual(200, self.api.get('/v1/nodes/one',
                                           version='1.5').status)

    def test_unknown(self):
        for ident in (UUID, 'nobody'):
            answer = self.api.get('/v1/nodes/' + ident)
            self.assertEqual(404, answer.status)
            self.assertEqual('Node %s could not be found.' % ident,
                             answer.fault)
        self.assertEqual(404, self.api.get('/v1/nodes/a/nope').status)

    def test_each_version_shows_its_fields(self):
        node = self.create()
        for name, minor in baremetal.RESOURCES['node'].fields.items():
            self.assertNotIn(name, self.show(
                node, version=versions.string(minor - 1)))
            self.assertIn(name, self.show(
                node, version=versions.string(minor)))

    def test_health_is_told_from_version_109_on(self):
        node = self.create()
        self.assertIsNone(self.show(node, version='1.109')['health'])
        self.assertNotIn('health', self.show(node, version='1.108'))
        url = '/v1/nodes/%s?fields=health' % node['uuid']
        self.assertEqual(406, self.api.get(url, version='1.108').status)
        self.assertIsNone(self.api.get(url, version='1.109').body['health'])
        self.assertEqual(400, self.api.get(
            '/v1/nodes?sort_key=health').status)

    def test_each_field_can_be_chosen(self):
        node = self.create()
        for name in baremetal.API.fields('node', view.FIELDS, baremetal.MAX):
            answer = self.api.get('/v1/nodes/%s?fields=%s'
                                  % (node['uuid'], name))
            self.assertEqual({name, 'links'}, set(answer.body))
            self.assertEqual(node[name], answer.body[name])

    def test_fields_of_newer_versions_and_unknown_ones(self):
        url = '/v1/nodes/%s?fields=' % self.create()['uuid']
        self.assertEqual(406, self.api.get(url + 'owner',
                                           version='1.49').status)
        self.assertEqual(406, self.api.get(url + 'uuid',
                                           version='1.7').status)
        self.assertEqual(400, self.api.get(url + 'nope').status)
        self.assertEqual(400, self.api.get(url + 'id').status)
        self.assertEqual(400, self.api.get(url + '').status)

    def test_secrets_are_masked(self):
        node = self.create(driver_info={
            'ipmi_password': 'a', 'address': 'b', 'snmp_auth_key': 'c',
            'deep': [{'api_Token': 'd'}], 'redfish_secret': {'x': 'e'},
            'password': ''}, instance_info={'configdrive': 'f'})
        self.assertEqual({
            'ipmi_password': '******', 'address': 'b',
            'snmp_auth_key': '******', 'deep': [{'api_Token': '******'}],
            'redfish_secret': '******', 'password': ''}, node['driver_info'])
        self.assertEqual('******', node['instance_info']['configdrive'])

    def test_allocation_of_a_node(self):
        node, allocation = self.create_allocated()
        self.assertEqual(allocation['uuid'], node['instance_uuid'])
        found = self.api.get('/v1/nodes/%s/allocation' % node['uuid'])
        self.assertEqual(allocation['uuid'], found.body['uuid'])

    def test_methods_that_a_node_lacks(self):
        node = self.create()
        for method, path in (('PUT', ''), ('POST', ''),
                             ('GET', '/maintenance'),
                             ('DELETE', '/states'), ('POST', '/traits')):
            answer = self.api.request(
                method, '/v1/nodes/%s%s' % (node['uuid'], path), {})
            self.assertEqual(405, answer.status)
        self.assertEqual(405, self.api.delete('/v1/nodes').status)
        self.assertEqual(405, self.api.patch('/v1/nodes', []).status)


class DeleteTest(inventory.InventoryTestCase):

    def delete(self, node, status):
        answer = self.api.delete('/v1/nodes/' + node['uuid'])
        self.assertEqual(status, answer.status, answer)
        found = self.api.get('/v1/nodes/' + node['uuid']).status
        self.assertEqual(404 if status == 204 else 200, found)

    def test_a_node_without_workload_goes(self):
        self.delete(self.create(), 204)
        self.delete(self.create_available(), 204)

    def test_unknown(self):
        self.assertEqual(404, self.api.delete('/v1/nodes/x').status)

    def test_an_associated_node_stays(self):
        self.delete(self.create(instance_uuid=UUID), 409)
        node, _allocation = self.create_allocated()
        self.delete(node, 409)

    def test_an_active_node_stays(self):
        node = self.create_available()
        self.do(node, 'active')
        self.delete(node, 409)

    def test_in_maintenance_the_allocation_goes_with_the_node(self):
        # This gave 500 in the reference implementation once.
        node, allocation = self.create_allocated()
        self.do(node, 'active')
        self.patch(node, ('add', '/maintenance', True))
        self.delete(node, 204)
        self.assertEqual(404, self.api.get(
            '/v1/allocations/' + allocation['uuid']).status)

    def test_a_protected_node_stays_even_in_maintenance(self):
        self.delete(self.create(protected=True), 403)
        self.delete(self.create(protected=True, maintenance=True,
                                instance_uuid=UUID), 403)
