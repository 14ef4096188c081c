# SPDX-License-Identifier: Apache-2.0
"""python-ironicclient as a library."""

from ironicclient import client
from ironicclient import exc

from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.clients import public


@testcase.per_database(databases.SQLITE)
class IronicClientTests(testcase.ServiceTests):

    def connect(self, version=None):
        options = {'os_ironic_api_version': version} if version else {}
        return client.Client(1, session=public.auth_session(
            self.service.endpoint), **options)

    def create_available(self, ironic):
        node = ironic.node.create(driver='fake-hardware',
                                  resource_class='metal')
        for verb, state in (('manage', 'manageable'),
                            ('provide', 'available')):
            ironic.node.set_provision_state(node.uuid, verb)
            ironic.node.wait_for_provision_state(node.uuid, state,
                                                 timeout=60)
        return node

    def test_nodes(self):
        ironic = self.connect('latest')
        node = self.create_available(ironic)
        ironic.node.set_traits(node.uuid, ['CUSTOM_A'])
        ironic.node.add_trait(node.uuid, 'CUSTOM_B')
        ironic.node.remove_trait(node.uuid, 'CUSTOM_A')
        self.assertEqual(['CUSTOM_B'], ironic.node.get_traits(node.uuid))
        ironic.node.set_maintenance(node.uuid, True, maint_reason='disk')
        self.assertEqual('disk', ironic.node.get(
            node.uuid).maintenance_reason)
        ironic.node.set_maintenance(node.uuid, False)
        ironic.node.set_power_state(node.uuid, 'on')
        states = ironic.node.states(node.uuid)
        self.assertEqual(('power on', 'available'), (
            states.power_state, states.provision_state))
        self.assertTrue(ironic.node.validate(node.uuid).power['result'])
        changed = ironic.node.update(node.uuid, [
            {'op': 'add', 'path': '/extra/a', 'value': [1]},
            {'op': 'add', 'path': '/name', 'value': 'n1'}])
        self.assertEqual(('n1', {'a': [1]}), (changed.name, changed.extra))
        self.assertEqual([node.uuid], [
            found.uuid for found in ironic.node.list(
                resource_class='metal', detail=True)])
        ironic.node.delete('n1')
        self.assertRaises(exc.NotFound, ironic.node.get, node.uuid)

    def test_pages_are_followed(self):
        uuids = set(self.service.add_nodes(7))
        ironic = self.connect('latest')
        for limit, length in ((0, 7), (5, 5), (None, 7)):
            found = ironic.node.list(limit=limit, fields=['uuid'])
            self.assertEqual(length, len(found))
            self.assertLessEqual({node.uuid for node in found}, uuids)

    def test_an_error_has_its_sentence(self):
        error = self.assertRaises(exc.NotFound, self.connect().node.get,
                                  'nobody')
        self.assertIn('nobody', str(error))

    def test_allocations_with_each_version(self):
        self.service.add_node()
        for version in public.ALLOCATION_VERSIONS:
            ironic = self.connect(version)
            made = ironic.allocation.create(resource_class='baremetal',
                                            name='a1')
            self.assertEqual('allocating', made.state)
            found = ironic.allocation.wait(made.uuid, timeout=60,
                                           poll_interval=0.05)
            self.assertEqual('active', found.state)
            self.assertEqual([made.uuid], [
                one.uuid for one in ironic.allocation.list(
                    node=found.node_uuid)])
            if version != '1.52':
                changed = ironic.allocation.update('a1', [
                    {'op': 'replace', 'path': '/name', 'value': 'a2'}])
                self.assertEqual('a2', changed.name)
            ironic.allocation.delete(made.uuid)

    def test_nodes_with_each_version(self):
        for version in (None, *public.VERSIONS):
            ironic = self.connect(version)
            node = ironic.node.create(driver='fake-hardware')
            self.assertEqual([node.uuid], [
                found.uuid for found in ironic.node.list()])
            ironic.node.delete(node.uuid)
