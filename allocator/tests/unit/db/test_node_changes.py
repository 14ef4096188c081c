# SPDX-License-Identifier: Apache-2.0
"""Changes of nodes whose COMMIT was done but not acknowledged.

The transaction is then repeated, and must find that it has nothing to do.
"""


from oslo_utils import uuidutils
from oslotest import base

from allocator.common import exception
from allocator.db import allocations
from allocator.db import node_changes
from allocator.db import nodes
from allocator.tests import fixtures

PLAIN = {'provision_state': 'enroll', 'driver': 'x', 'driver_info': {},
         'properties': {}, 'extra': {}, 'instance_info': {},
         'network_data': {}, 'interfaces': {}}


class LostAcknowledgementsTest(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())

    def lose_next(self):
        self.useFixture(fixtures.LostAcknowledgement())

    def test_a_created_node_is_no_conflict_with_itself(self):
        self.lose_next()
        uuid = nodes.create(PLAIN | {'uuid': uuidutils.generate_uuid()})
        self.assertRaises(exception.NodeAlreadyExists, nodes.create,
                          PLAIN | {'uuid': uuid})

    def test_a_deleted_node_is_no_404(self):
        uuid = fixtures.add_node().uuid
        self.lose_next()
        node_changes.delete(uuid)
        self.assertRaises(exception.NodeNotFound, node_changes.delete, uuid)

    def test_a_verb_is_not_refused_because_it_was_done(self):
        node = fixtures.add_node(provision_state='enroll')
        self.lose_next()
        node_changes.set_provision_state(node.uuid, 'manage')
        self.assertEqual('manageable', fixtures.get_node(
            node.uuid).provision_state)

    def test_a_node_is_undeployed_once(self):
        node = fixtures.add_node(provision_state='active')
        allocation = allocations.new_uuid()
        allocations.create({'uuid': allocation, 'state': 'active',
                            'node_id': node.id, 'traits': [], 'extra': {}})
        fixtures.change_node(
            node.uuid, instance_uuid=allocation,
            allocation_id=allocations.get(allocation).id)
        self.lose_next()
        node_changes.set_provision_state(node.uuid, 'deleted')
        node = fixtures.get_node(node.uuid)
        self.assertEqual(('available', None, None), (
            node.provision_state, node.instance_uuid, node.allocation_id))
        self.assertRaises(exception.AllocationNotFound, allocations.get,
                          allocation)

    def test_a_patch_is_applied_once(self):
        uuid = fixtures.add_node(extra={'count': 1}).uuid
        self.lose_next()
        node_changes.change(uuid, lambda node: node_changes.Change(
            {'extra': {'count': node.extra['count'] + 1}}))
        self.assertEqual({'count': 2}, fixtures.get_node(uuid).extra)

    def test_traits_are_changed_once(self):
        uuid = fixtures.add_node(['CUSTOM_A']).uuid
        self.lose_next()
        node_changes.change_traits(uuid, lambda traits: [
            *traits, 'CUSTOM_%d' % len(traits)])
        self.assertEqual(['CUSTOM_1', 'CUSTOM_A'],
                         nodes.show(uuid, ['traits'])['traits'])
