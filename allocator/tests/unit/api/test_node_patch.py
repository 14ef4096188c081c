# SPDX-License-Identifier: Apache-2.0
"""PATCH of nodes."""

from allocator.api import versions
from allocator.api.controllers.v1.nodes import update as node_update
from allocator.api.versions import baremetal
from allocator.tests.unit.api import inventory

UUID = '8d4ee4e6-5b0d-4ba3-b1b5-0d5f3c4f1c11'
OTHER = 'c2b0f0ee-7cb1-4f64-a7a2-4a5e3f0f4b22'


class AttributesTest(inventory.InventoryTestCase):

    def test_every_attribute_is_added_and_removed(self):
        node = self.create()
        chassis = self.api.post('/v1/chassis', {}).body['uuid']
        values = {'automated_clean': True, 'chassis_uuid': chassis,
                  'instance_uuid': UUID, 'maintenance': True,
                  'disable_power_off': True, 'retired': True,
                  'driver_info': {'a': 1}, 'extra': {'a': 1},
                  'instance_info': {'a': 1}, 'network_data': {'a': 1},
                  'properties': {'a': 1}}
        for name in node_update.PATCHABLE:
            if name in ('driver', 'protected', 'protected_reason',
                        'retired_reason'):
                continue
            value = values.get(name, 'new')
            path = '/' + name
            self.assertEqual(value, self.patch(
                node, ('add', path, value))[name])
            self.assertEqual(node[name], self.patch(
                node, ('remove', path))[name], name)
            self.assertEqual(value, self.patch(
                node, ('replace', path, value))[name])
            self.assertEqual(node[name], self.patch(
                node, ('replace', path, None))[name], name)

    def test_updated_at_is_told(self):
        node = self.patch(self.create(), ('add', '/extra/a', 1))
        self.assertIsNotNone(node['updated_at'])

    def test_keys_inside(self):
        node = self.create(extra={'a': {'b': 1}})
        self.assertEqual(
            {'a': {'b': 2, 'c d': [1, 2]}, 'x.y': None},
            self.patch(node, ('replace', '/extra/a/b', 2),
                       ('add', '/extra/a/c d', [1]),
                       ('add', '/extra/a/c d/-', 2),
                       ('add', '/extra/x.y', None))['extra'])
        self.assertEqual({'x.y': None}, self.patch(
            node, ('remove', '/extra/a'))['extra'])

    def test_what_is_masked_stays_what_it_is(self):
        node = self.create(driver_info={'ipmi_password': 'secret'})
        node = self.patch(node, ('add', '/driver_info/a', 1))
        self.assertEqual({'ipmi_password': '******', 'a': 1},
                         node['driver_info'])

    def test_words_for_booleans(self):
        node = self.create()
        self.assertIs(True, self.patch(
            node, ('add', '/retired', 'True'))['retired'])
        self.assertIs(False, self.patch(
            node, ('add', '/retired', 'off'))['retired'])
        self.patch(node, ('add', '/retired', 'maybe'), status=400)

    def test_an_empty_patch(self):
        self.patch(self.create())

    def test_bad_patches(self):
        node = self.create(extra={'a': 1})
        for operation in (
                ('add', '/nope', 1), ('add', '', {}), ('add', '/', 1),
                ('add', 'extra', {}), ('add', '/uuid', UUID),
                ('remove', '/driver'), ('replace', '/driver', None),
                ('move', '/extra/a', '/extra/b'), ('test', '/extra/a', 1),
                ('add', '/extra'), ('add', '/extra', []),
                ('add', '/extra//b', 1), ('remove', '/extra/zzz'),
                ('replace', '/extra/zzz', 1), ('add', '/extra/x/y', 1),
                ('add', '/name/x', 1), ('add', '/name', 'a b'),
                ('add', '/instance_uuid', 'x'), ('add', '/chassis_uuid', UUID),
                ('add', '/resource_class', 'x' * 81), ('add', '/owner', 5),
                ('add', '/links', []), ('add', '/created_at', 'now')):
            self.patch(node, operation, status=400)
        self.assertEqual({'a': 1}, self.show(node)['extra'])
        for body in ({}, None, 'x', [1], [[]]):
            answer = self.api.patch('/v1/nodes/' + node['uuid'], body)
            self.assertIn(answer.status, (400, 415))

    def test_a_patch_is_applied_whole_or_not_at_all(self):
        node = self.create()
        for second in (('add', '/name', ''), ('remove', '/extra/b'),
                       ('replace', '/extra/b', 1)):
            self.patch(node, ('add', '/extra/a', 1), second, status=400)
            self.assertEqual({}, self.show(node)['extra'])

    def test_a_name_that_is_not_set_can_be_removed(self):
        self.patch(self.create(), ('remove', '/name'), ('remove', '/name'))

    def test_what_is_changed_elsewhere_says_where(self):
        node = self.create()
        for name, place in (('provision_state', 'states/provision'),
                            ('power_state', 'states/power'),
                            ('traits', '/traits'),
                            ('allocation_uuid', '/v1/allocations'),
                            ('maintenance_reason', '/maintenance')):
            answer = self.patch(node, ('add', '/' + name, 'x'), status=400)
            self.assertIn(place, answer.fault)

    def test_a_newer_attribute_is_not_acceptable(self):
        node = self.create()
        for name, minor in baremetal.RESOURCES['node'].inputs.items():
            self.patch(node, ('remove', '/' + name), status=406,
                       version=versions.string(minor - 1))
            self.patch(node, ('remove', '/' + name),
                       version=versions.string(minor))

    def test_a_chassis_is_left_from_version_25_on(self):
        node = self.create()
        self.patch(node, ('remove', '/chassis_uuid'), status=406,
                   version='1.24')
        self.patch(node, ('remove', '/chassis_uuid'), version='1.25')

    def test_names_are_unique(self):
        self.create(name='one')
        answer = self.patch(self.create(), ('add', '/name', 'one'),
                            status=409)
        self.assertIn('one', answer.fault)

    def test_escapes_in_paths_are_known_in_every_version(self):
        # Clients that speak an old version escape, too: openstacksdk does.
        node = self.create()
        self.assertEqual({'a/b': 1}, self.patch(
            node, ('add', '/extra/a~1b', 1), version='1.60')['extra'])
        self.assertEqual({'a/b': 1, 'a~b': 2}, self.patch(
            node, ('add', '/extra/a~0b', 2), version='1.98')['extra'])

    def test_reset_interfaces(self):
        node = self.create(deploy_interface='direct', boot_interface='ipxe')
        url = '/v1/nodes/%s?reset_interfaces=True' % node['uuid']
        operations = [{'op': 'add', 'path': '/driver', 'value': 'other'},
                      {'op': 'add', 'path': '/boot_interface', 'value': 'b'}]
        self.assertEqual(406, self.api.patch(
            url, operations, version='1.44').status)
        self.assertEqual(400, self.api.patch(url, []).status)
        changed = self.api.patch(url, operations).body
        self.assertEqual(('other', 'fake', 'b'), (
            changed['driver'], changed['deploy_interface'],
            changed['boot_interface']))

    def test_unknown_node(self):
        self.assertEqual(404, self.api.patch('/v1/nodes/x', []).status)


class InstanceTest(inventory.InventoryTestCase):

    def test_an_instance_comes_and_goes(self):
        node = self.create()
        for _attempt in range(2):
            self.assertEqual(UUID, self.patch(
                node, ('add', '/instance_uuid', UUID))['instance_uuid'])
        self.patch(node, ('replace', '/instance_uuid', OTHER), status=409)
        for _attempt in range(2):
            self.assertIsNone(self.patch(
                node, ('remove', '/instance_uuid'))['instance_uuid'])
        # What the SDK sends.
        self.patch(node, ('add', '/instance_uuid', None))

    def test_an_instance_has_one_node(self):
        self.create(instance_uuid=UUID)
        answer = self.patch(self.create(), ('add', '/instance_uuid', UUID),
                            status=409)
        self.assertIn(UUID, answer.fault)

    def test_an_instance_leaves_an_active_node_that_has_no_allocation(self):
        node = self.create_available(instance_uuid=UUID)
        self.do(node, 'active')
        self.assertIsNone(self.patch(
            node, ('remove', '/instance_uuid'))['instance_uuid'])

    def test_the_allocation_goes_with_the_instance(self):
        node, allocation = self.create_allocated()
        self.assertEqual({'traits': []}, node['instance_info'])
        node = self.patch(node, ('remove', '/instance_uuid'),
                          ('add', '/extra/a', 1))
        self.assertEqual((None, None, {}, {'a': 1}), (
            node['instance_uuid'], node['allocation_uuid'],
            node['instance_info'], node['extra']))
        self.assertEqual(404, self.api.get(
            '/v1/allocations/' + allocation['uuid']).status)
        # It is free again.
        self.create_allocated(node)

    def test_the_instance_of_an_active_node_stays(self):
        node, allocation = self.create_allocated()
        self.do(node, 'active')
        self.patch(node, ('remove', '/instance_uuid'), status=409)
        self.assertEqual(200, self.api.get(
            '/v1/allocations/' + allocation['uuid']).status)
        self.api.put('/v1/nodes/%s/maintenance' % node['uuid'])
        self.patch(node, ('remove', '/instance_uuid'))
        self.assertEqual(404, self.api.get(
            '/v1/allocations/' + allocation['uuid']).status)

    def test_an_instance_takes_a_node_from_the_free_ones(self):
        node = self.create_available(resource_class='metal')
        self.patch(node, ('add', '/instance_uuid', UUID))
        allocation = self.api.post('/v1/allocations', {
            'resource_class': 'metal'}).body
        self.api.match()
        found = self.api.get('/v1/allocations/' + allocation['uuid']).body
        self.assertEqual('error', found['state'])

    def test_the_name_of_an_instance_follows_its_display_name_once(self):
        node = self.create()
        path = '/instance_info/display_name'
        self.assertEqual('a', self.patch(
            node, ('add', path, 'a'))['instance_name'])
        self.assertEqual('a', self.patch(
            node, ('add', path, 'b'))['instance_name'])
        self.assertEqual('c', self.patch(
            node, ('add', '/instance_name', 'c'))['instance_name'])
        self.assertEqual('b', self.show(node)['instance_info'][
            'display_name'])
        self.assertIsNone(self.patch(
            node, ('remove', '/instance_name'))['instance_name'])


    def test_a_display_name_is_checked_as_the_name_it_becomes(self):
        # A lone surrogate was 500, and NUL on PostgreSQL.
        node = self.create()
        for bad in ('\ud800', 'a\x00b', 'x' * 254 + '\udfff'):
            for answer in (
                    self.patch(node, ('add', '/instance_info/display_name',
                                      bad), status=400),
                    self.patch(node, ('add', '/instance_info',
                                      {'display_name': bad}), status=400),
                    self.api.post('/v1/nodes', {
                        'driver': 'x',
                        'instance_info': {'display_name': bad}})):
                self.assertEqual(400, answer.status)
                self.assertIn('instance_info.display_name', answer.fault)
        self.assertEqual({}, self.show(node)['instance_info'])
        # What is no name, or is not copied, may be anything.
        for value in (5, None, ['\ud800']):
            self.patch(node, ('add', '/instance_info/display_name', value))
        self.patch(node, ('add', '/instance_name', 'a'))
        self.assertEqual('\ud800', self.patch(
            node, ('add', '/instance_info/display_name', '\ud800'))[
                'instance_info']['display_name'])
        self.assertEqual('x' * 255, self.create(instance_info={
            'display_name': 'x' * 255 + '\ud800'})['instance_name'])


class RulesTest(inventory.InventoryTestCase):

    def test_the_owner_of_an_allocated_node_cannot_be_changed(self):
        # It could in the reference implementation once.
        node = self.create_available(resource_class='metal', owner='p1')
        node, _allocation = self.create_allocated(node)
        self.patch(node, ('replace', '/owner', 'p2'), status=409)
        self.patch(node, ('remove', '/owner'), status=409)
        self.patch(node, ('replace', '/owner', 'p1'))
        self.patch(node, ('replace', '/lessee', 'p2'))

    def test_the_resource_class_of_an_active_node_cannot_be_changed(self):
        node = self.create_available(resource_class='metal')
        self.do(node, 'active')
        for verb in (None, 'rescue'):
            if verb:
                self.do(node, verb, rescue_password='x')
            for operation in (('replace', '/resource_class', 'gold'),
                              ('remove', '/resource_class')):
                answer = self.patch(node, operation, status=409)
                self.assertIn('metal', answer.fault)
            self.patch(node, ('replace', '/resource_class', 'metal'))
        self.do(node, 'deleted')
        self.patch(node, ('replace', '/resource_class', 'gold'))

    def test_an_active_node_without_a_resource_class_gets_one(self):
        # What was adopted before its class was known can be backfilled.
        node = self.create_available()
        self.do(node, 'active')
        self.patch(node, ('add', '/resource_class', 'gold'))

    def test_an_available_node_cannot_be_retired(self):
        node = self.create_available()
        self.patch(node, ('add', '/retired', True), status=409)
        self.do(node, 'manage')
        self.patch(node, ('add', '/retired', True))

    def test_a_reason_goes_with_its_flag(self):
        node = self.create()
        self.patch(node, ('add', '/retired_reason', 'old'), status=400)
        node = self.patch(node, ('add', '/retired', True),
                          ('add', '/retired_reason', 'old'))
        self.assertEqual('old', node['retired_reason'])
        self.assertEqual('older', self.patch(
            node, ('add', '/retired_reason', 'older'))['retired_reason'])
        node = self.patch(node, ('add', '/retired', False))
        self.assertIsNone(node['retired_reason'])

    def test_only_a_node_with_a_workload_can_be_protected(self):
        node = self.create_available()
        self.patch(node, ('add', '/protected', True), status=409)
        self.do(node, 'active')
        self.patch(node, ('add', '/protected', True),
                   ('add', '/protected_reason', 'precious'))
        self.do(node, 'deleted', status=403)
        self.do(node, 'rebuild', status=403)
        node = self.patch(node, ('remove', '/protected'))
        self.assertIsNone(node['protected_reason'])
        self.do(node, 'deleted')
