# SPDX-License-Identifier: Apache-2.0
"""Provision states, power and maintenance of nodes."""

from allocator.api import versions
from allocator.api.versions import baremetal
from allocator.common import provisioning
from allocator.tests import fixtures
from allocator.tests import microversions
from allocator.tests.unit.api import inventory

_ARGUMENTS = {
    'clean': {'clean_steps': [{'step': 'x', 'interface': 'deploy'}]},
    'service': {'service_steps': [{'step': 'x'}]},
    'rescue': {'rescue_password': 'x'},
}


class ProvisionTest(inventory.InventoryTestCase):

    def state(self, node):
        return self.show(node)['provision_state']

    def test_the_way_of_a_node(self):
        node = self.create()
        for verb, after in (
                ('manage', 'manageable'), ('inspect', 'manageable'),
                ('clean', 'manageable'), ('provide', 'available'),
                ('active', 'active'), ('rebuild', 'active'),
                ('service', 'active'), ('rescue', 'rescue'),
                ('unrescue', 'active'), ('undeploy', 'available'),
                ('deploy', 'active'), ('deleted', 'available'),
                ('manage', 'manageable'), ('adopt', 'active')):
            answer = self.do(node, verb, **_ARGUMENTS.get(verb, {}))
            self.assertIsNone(answer.body)
            self.assertNotIn('Content-Type', answer.headers)
            self.assertEqual(
                'http://localhost/v1/nodes/%s/states' % node['uuid'],
                answer.headers['Location'])
            shown = self.show(node)
            self.assertEqual(after, shown['provision_state'])
            self.assertIsNone(shown['target_provision_state'])
            self.assertIsNotNone(shown['provision_updated_at'])

    def test_every_other_verb_is_refused(self):
        for state in ('enroll', 'manageable', 'available', 'active',
                      'rescue', 'deploying', 'error'):
            node = fixtures.add_node(provision_state=state)._mapping
            for verb, edges in provisioning.TRANSITIONS.items():
                if state in edges:
                    continue
                answer = self.do(node, verb, status=400,
                                 **_ARGUMENTS.get(verb, {}))
                self.assertIn('in state "%s"' % state, answer.fault)
            self.assertEqual(state, self.state(node))

    def test_manage_and_provide_make_a_node_suitable(self):
        self.create_allocated(self.create_available(resource_class='metal'))

    def test_manage_keeps_a_known_power_state(self):
        node = self.create()
        self.api.put('/v1/nodes/%s/states/power' % node['uuid'],
                     {'target': 'power on'})
        self.do(node, 'manage')
        self.assertEqual('power on', self.show(node)['power_state'])

    def test_deleted_ends_instance_and_allocation(self):
        node, allocation = self.create_allocated()
        self.do(node, 'active')
        self.patch(node, ('add', '/instance_info/display_name', 'web'))
        self.do(node, 'deleted')
        node = self.show(node)
        self.assertEqual(('available', None, None, None, {}), (
            node['provision_state'], node['instance_uuid'],
            node['allocation_uuid'], node['instance_name'],
            node['instance_info']))
        self.assertEqual(404, self.api.get(
            '/v1/allocations/' + allocation['uuid']).status)
        self.create_allocated(node)

    def test_a_retired_node_never_becomes_available(self):
        node = self.create_available()
        self.do(node, 'active')
        self.patch(node, ('add', '/retired', True))
        self.do(node, 'deleted')
        self.assertEqual('manageable', self.state(node))
        answer = self.do(node, 'provide', status=400)
        self.assertIn('retired', answer.fault)

    def test_in_maintenance_no_workload_begins(self):
        node = self.create_available(maintenance=True)
        answer = self.do(node, 'active', status=400)
        self.assertIn('maintenance', answer.fault)
        self.do(node, 'manage')
        self.do(node, 'provide')

    def test_each_verb_needs_its_version(self):
        node = self.create()
        verbs = baremetal.RESOURCES['provision_verb'].inputs
        for verb, minor in verbs.items():
            arguments = {} if minor < 70 else _ARGUMENTS.get(verb, {})
            self.do(node, verb, status=406,
                    version=versions.string(minor - 1),
                    **({} if verb == 'service' else arguments))
        self.assertEqual('enroll', self.state(node))

    def test_bad_requests(self):
        node = self.create()
        url = '/v1/nodes/%s/states/provision' % node['uuid']
        for body in ({}, {'target': None}, {'target': 'fly'}, {'target': 5},
                     {'target': 'manage', 'nope': 1}, [], 'manage',
                     {'target': 'manage', 'clean_steps': [{}]}):
            self.assertEqual(400, self.api.put(url, body).status, body)
        self.do(node, 'manage')
        self.do(node, 'clean', status=400)
        self.do(node, 'clean', status=400, clean_steps=['x'])
        self.do(node, 'clean', runbook='CUSTOM_X')
        self.assertEqual(404, self.api.put(
            '/v1/nodes/x/states/provision', {'target': 'manage'}).status)

    def test_servicing_without_a_ramdisk_came_later_than_cleaning(self):
        node = self.create()
        self.do(node, 'manage')
        for version, status in (('1.69', 406), ('1.70', 202)):
            self.do(node, 'clean', status=status, version=version,
                    clean_steps=[{}], disable_ramdisk=True)
        self.do(node, 'adopt')
        for flag in (True, False):
            for version, status in (('1.107', 406), ('1.108', 202)):
                self.do(node, 'service', status=status, version=version,
                        service_steps=[{}], disable_ramdisk=flag)

    def test_configdrive(self):
        node = self.create_available()
        for version, status, verb, configdrive in (
                ('1.55', 400, 'active', {'meta_data': {}}),
                (microversions.NEWEST, 400, 'active', 5),
                ('1.56', 202, 'active', {'meta_data': {}}),
                ('1.34', 400, 'rebuild', 'aGk='),
                ('1.35', 202, 'rebuild', 'aGk=')):
            self.do(node, verb, status=status, version=version,
                    configdrive=configdrive)

    def test_states(self):
        node = self.create_available()
        states = self.api.get('/v1/nodes/%s/states' % node['uuid']).body
        self.assertEqual('available', states['provision_state'])
        self.assertEqual('power off', states['power_state'])
        self.assertNotIn('boot_mode', self.api.get(
            '/v1/nodes/%s/states' % node['uuid'], version='1.74').body)
        self.assertEqual(404, self.api.get('/v1/nodes/x/states').status)


class PowerTest(inventory.InventoryTestCase):

    def setUp(self):
        super().setUp()
        self.node = self.create()
        self.url = '/v1/nodes/%s/states/power' % self.node['uuid']

    def test_each_target_is_reached_at_once(self):
        for target, after in (('power on', 'power on'),
                              ('power off', 'power off'),
                              ('rebooting', 'power on'),
                              ('soft power off', 'power off'),
                              ('soft rebooting', 'power on')):
            answer = self.api.put(self.url, {'target': target, 'timeout': 5})
            self.assertEqual(202, answer.status)
            node = self.show(self.node)
            self.assertEqual((after, None), (node['power_state'],
                                             node['target_power_state']))

    def test_a_power_state_makes_a_node_suitable(self):
        node = self.create(version='1.21', resource_class='metal')
        self.do(node, 'manage')
        self.do(node, 'provide')
        self.create_allocated(self.show(node))

    def test_soft_targets_and_timeouts_came_later(self):
        for body in ({'target': 'soft power off'},
                     {'target': 'soft rebooting'},
                     {'target': 'power on', 'timeout': 5}):
            self.assertEqual(406, self.api.put(self.url, body,
                                               version='1.26').status)
            self.assertEqual(202, self.api.put(self.url, body,
                                               version='1.27').status)

    def test_bad_requests(self):
        for body in ({}, {'target': 'on'}, {'target': None},
                     {'target': 'power on', 'timeout': 0},
                     {'target': 'power on', 'timeout': '5'},
                     {'target': 'power on', 'x': 1}):
            self.assertEqual(400, self.api.put(self.url, body).status)
        self.assertEqual(404, self.api.put(
            '/v1/nodes/x/states/power', {'target': 'power on'}).status)


class MaintenanceTest(inventory.InventoryTestCase):

    def setUp(self):
        super().setUp()
        self.node = self.create_available(resource_class='metal')
        self.url = '/v1/nodes/%s/maintenance' % self.node['uuid']

    def assert_maintenance(self, maintenance, reason):
        node = self.show(self.node)
        self.assertEqual((maintenance, reason), (
            node['maintenance'], node['maintenance_reason']))

    def test_set_and_unset(self):
        for body, reason in (({'reason': 'disk'}, 'disk'), ({}, None),
                             ({'reason': 'fan'}, 'fan'),
                             ({'reason': None}, None), (None, None)):
            answer = self.api.put(self.url, body)
            self.assertEqual((202, None), (answer.status, answer.body))
            self.assertNotIn('Content-Type', answer.headers)
            self.assert_maintenance(True, reason)
        self.api.put(self.url, {'reason': 'disk'})
        for _attempt in range(2):
            self.assertEqual(202, self.api.delete(self.url).status)
            self.assert_maintenance(False, None)

    def test_a_node_in_maintenance_is_not_given(self):
        self.api.put(self.url)
        allocation = self.api.post('/v1/allocations', {
            'resource_class': 'metal'}).body
        self.api.match()
        found = self.api.get('/v1/allocations/' + allocation['uuid']).body
        self.assertIn('1 in maintenance', found['last_error'])
        self.api.delete(self.url)
        self.create_allocated(self.node)

    def test_bad_requests(self):
        for body in ({'reason': 5}, {'x': 1}, [], 'x'):
            self.assertEqual(400, self.api.put(self.url, body).status)
        self.assertEqual(404, self.api.put('/v1/nodes/x/maintenance').status)
        self.assertEqual(404, self.api.delete(
            '/v1/nodes/x/maintenance').status)
