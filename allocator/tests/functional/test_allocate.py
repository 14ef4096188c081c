# SPDX-License-Identifier: Apache-2.0
"""Many requests at once: each is answered, and no node is given twice."""

import random

from allocator.tests.functional import testcase

SEED = 20


@testcase.per_database()
class AllocateTests(testcase.ServiceTests):

    def allocate(self, count, **body):
        created = self.client.allocate_all(
            [{'resource_class': 'baremetal'} | body] * count)
        for allocation in created:
            self.assertEqual('allocating', allocation['state'])
            self.assertIsNone(allocation['node_uuid'])
        return self.client.all_settled()

    def assert_each_has_its_own_node(self, active):
        owners = {row.instance_uuid: uuid
                  for uuid, row in self.service.nodes().items()}
        self.assertEqual({a['uuid']: a['node_uuid'] for a in active},
                         {a['uuid']: owners.get(a['uuid']) for a in active})
        self.assertEqual(len(active), len({a['node_uuid'] for a in active}))

    def test_200_at_once_for_200_equal_nodes_all_become_active(self):
        self.service.add_nodes(200)
        allocations = self.allocate(200)
        self.assertEqual(['active'] * 200, [a['state'] for a in allocations])
        self.assert_each_has_its_own_node(allocations)

    def test_150_at_once_for_100_nodes_are_all_answered(self):
        self.service.add_nodes(100)
        allocations = self.allocate(150)
        active = [a for a in allocations if a['state'] == 'active']
        failed = [a for a in allocations if a['state'] == 'error']
        self.assertEqual((100, 50), (len(active), len(failed)))
        self.assert_each_has_its_own_node(active)
        self.assertEqual(
            {'No suitable node: of 100 in resource class baremetal, '
             '100 allocated.'}, {a['last_error'] for a in failed})

    def test_requests_with_and_without_a_trait_do_not_starve_each_other(self):
        plain = self.service.add_nodes(50)
        special = self.service.add_nodes(50, ['CUSTOM_GPU'])
        bodies = 50 * [{'resource_class': 'baremetal'}] + 50 * [
            {'resource_class': 'baremetal', 'traits': ['CUSTOM_GPU']}]
        random.Random(SEED).shuffle(bodies)
        self.client.allocate_all(bodies)
        allocations = self.client.all_settled()
        self.assertEqual(['active'] * 100, [a['state'] for a in allocations])
        self.assertEqual(
            set(special), {a['node_uuid'] for a in allocations if a['traits']})
        self.assertEqual(
            set(plain),
            {a['node_uuid'] for a in allocations if not a['traits']})

    def test_other_resource_classes_are_not_touched(self):
        others = self.service.add_nodes(3, resource_class='other')
        nodes = self.service.add_nodes(3)
        self.assertEqual(set(nodes),
                         {a['node_uuid'] for a in self.allocate(3)})
        rows = self.service.nodes()
        self.assertEqual([None] * 3,
                         [rows[uuid].instance_uuid for uuid in others])

    def test_a_claim_writes_both_sides(self):
        node = self.service.add_node(['CUSTOM_A', 'CUSTOM_B'],
                                     instance_info={'image': 'x'})
        [allocation] = self.allocate(1, traits=['CUSTOM_B'])
        self.assertEqual(node, allocation['node_uuid'])
        self.assertIsNone(allocation['last_error'])
        self.assertIsNotNone(allocation['updated_at'])
        row = self.service.nodes()[node]
        self.assertEqual(allocation['uuid'], row.instance_uuid)
        self.assertIsNotNone(row.allocation_id)
        self.assertEqual({'image': 'x', 'traits': ['CUSTOM_B']},
                         row.instance_info)

    def test_a_deleted_allocation_leaves_nothing_at_its_node(self):
        node = self.service.add_node(['CUSTOM_A'], instance_info={'a': 1})
        [allocation] = self.allocate(1, traits=['CUSTOM_A'])
        answer = self.client.delete('/v1/allocations/' + allocation['uuid'])
        self.assertEqual(204, answer.status_code)
        row = self.service.nodes()[node]
        self.assertIsNone(row.instance_uuid)
        self.assertIsNone(row.allocation_id)
        self.assertEqual({'a': 1}, row.instance_info)
        [again] = self.allocate(1)
        self.assertEqual(node, again['node_uuid'])

    def test_any_character_of_unicode_comes_back(self):
        self.service.add_node(owner='\U0001f680 GmbH')
        extra = {'rocket \U0001f680': ['\U0001d11e', '\xe4', '\u4e2d'],
                 'nul': 'a\x00b'}
        [allocation] = self.allocate(1, owner='\U0001f680 GmbH', extra=extra)
        self.assertEqual('active', allocation['state'])
        self.assertEqual('\U0001f680 GmbH', allocation['owner'])
        self.assertEqual(extra, allocation['extra'])

    def test_extra_of_more_than_64_kib_comes_back(self):
        self.service.add_node()
        extra = {'long': 'x' * 200_000}
        [allocation] = self.allocate(1, extra=extra)
        self.assertEqual(extra, allocation['extra'])

    def test_longest_strings_fit_and_longer_ones_are_refused(self):
        longest = {'resource_class': 'c' * 80, 'owner': 'o' * 255,
                   'name': 'n' * 255, 'traits': ['CUSTOM_' + 'T' * 248]}
        self.service.add_node(longest['traits'], resource_class='c' * 80,
                              owner='o' * 255, name='n' * 255)
        [allocation] = self.allocate(1, **longest)
        self.assertEqual('active', allocation['state'])
        for name, value in longest.items():
            longer = (value + 'x' if isinstance(value, str)
                      else [value[0] + 'T'])
            answer = self.client.post(
                '/v1/allocations', longest | {name: longer})
            self.assertEqual(400, answer.status_code, name)
