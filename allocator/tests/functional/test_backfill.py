# SPDX-License-Identifier: Apache-2.0
"""Allocations for nodes that are deployed already."""

import collections
import uuid

from allocator.tests.functional import client as http
from allocator.tests.functional import testcase


@testcase.per_database()
class BackfillTests(testcase.ServiceTests):

    conductors = 1

    def deployed(self, traits=(), **values):
        return self.service.add_node(
            traits, **{'provision_state': 'active', 'power_state': 'power on'}
            | values)

    def post(self, node, **body):
        return self.client.post('/v1/allocations', {'node': node} | body)

    def accept(self, node, **body):
        answer = self.post(node, **body)
        self.assertEqual(201, answer.status_code, answer.text)
        return answer.json()

    def refuse(self, status, word, node, **body):
        """Backfill in vain, and check that nothing is left behind."""
        before = self.client.allocations(), self.service.nodes()
        answer = self.post(node, **body)
        self.assertEqual(status, answer.status_code, answer.text)
        self.assertIn(word, http.fault(answer))
        self.assertEqual(
            before, (self.client.allocations(), self.service.nodes()))

    def refuse_then_accept(self, status, word, node, **body):
        """Backfill in vain; then name and uuid must still be free."""
        body |= {'name': 'mine', 'uuid': str(uuid.uuid4())}
        self.refuse(status, word, node, **body)
        other = self.deployed()
        found = self.accept(other, name=body['name'], uuid=body['uuid'])
        self.assertEqual((body['uuid'], other),
                         (found['uuid'], found['node_uuid']))

    def test_the_answer_is_active_at_once(self):
        node = self.deployed(['CUSTOM_A', 'CUSTOM_B'], name='n1')
        found = self.accept('n1', name='mine', traits=['CUSTOM_A'],
                            extra={'a': 1})
        self.assertEqual(
            ('active', node, 'baremetal', 'mine', ['CUSTOM_A'], {'a': 1}),
            tuple(found[key] for key in ('state', 'node_uuid',
                                         'resource_class', 'name', 'traits',
                                         'extra')))
        row = self.service.nodes()[node]
        self.assertEqual(found['uuid'], row.instance_uuid)
        self.assertIsNotNone(row.allocation_id)
        self.assertEqual({'traits': ['CUSTOM_A']}, row.instance_info)

    def test_the_uuid_is_the_instance_uuid(self):
        instance = str(uuid.uuid4())
        node = self.deployed(instance_uuid=instance)
        self.assertEqual(instance, self.accept(node)['uuid'])

    def test_the_chosen_uuid_may_be_the_instance_uuid(self):
        instance = str(uuid.uuid4())
        node = self.deployed(instance_uuid=instance)
        self.assertEqual(instance, self.accept(node, uuid=instance)['uuid'])

    def test_owner_and_lessee_may_backfill(self):
        for values in ({'owner': 'p'}, {'lessee': 'p'}):
            node = self.deployed(**values)
            self.assertEqual('p', self.accept(node, owner='p')['owner'])

    def test_matching_parameters_are_accepted(self):
        node = self.deployed(['CUSTOM_A'])
        found = self.accept(node, resource_class='baremetal',
                            candidate_nodes=[node], traits=['CUSTOM_A'])
        self.assertEqual([node], found['candidate_nodes'])

    def test_an_unknown_node_is_refused(self):
        self.refuse_then_accept(400, 'nowhere', 'nowhere')

    def test_a_node_that_is_not_deployed_is_refused(self):
        node = self.service.add_node()
        self.refuse_then_accept(409, 'available', node)

    def test_a_node_of_another_instance_is_refused(self):
        instance = str(uuid.uuid4())
        node = self.deployed(instance_uuid=instance)
        self.refuse_then_accept(409, instance, node)

    def test_an_allocated_node_is_refused(self):
        node = self.deployed()
        self.accept(node)
        self.refuse_then_accept(409, node, node)

    def test_another_class_is_refused(self):
        self.refuse_then_accept(400, 'resource class', self.deployed(),
                                resource_class='other')

    def test_a_node_without_class_is_refused(self):
        self.refuse_then_accept(400, 'resource class',
                                self.deployed(resource_class=None))

    def test_a_missing_trait_is_refused(self):
        node = self.deployed(['CUSTOM_A'])
        self.refuse_then_accept(400, 'CUSTOM_B', node,
                                traits=['CUSTOM_A', 'CUSTOM_B'])

    def test_other_candidates_are_refused(self):
        self.refuse_then_accept(400, 'candidate', self.deployed(),
                                candidate_nodes=[self.deployed()])

    def test_another_owner_is_refused(self):
        node = self.deployed(owner='p', lessee='q')
        self.refuse_then_accept(400, 'owner', node, owner='other')
        node = self.deployed()
        self.refuse(400, 'owner', node, owner='other')

    def test_a_taken_name_is_refused(self):
        self.accept(self.deployed(), name='taken')
        node = self.deployed()
        self.refuse(409, 'taken', node, name='taken')
        self.accept(node, name='free')

    def test_a_taken_uuid_is_refused(self):
        taken = self.accept(self.deployed())['uuid']
        node = self.deployed()
        self.refuse(409, taken, node, uuid=taken)
        self.accept(node)

    def test_the_instance_uuid_of_another_node_is_refused(self):
        taken = str(uuid.uuid4())
        self.deployed(instance_uuid=taken)
        node = self.deployed()
        self.refuse(409, taken, node, uuid=taken)
        self.accept(node)

    def test_an_instance_uuid_that_an_allocation_has_is_refused(self):
        taken = self.client.allocate(resource_class='none')['uuid']
        self.client.settled(taken)
        node = self.deployed(instance_uuid=taken)
        self.refuse(409, taken, node)

    def test_at_once_one_backfill_of_a_node_wins(self):
        node = self.deployed()
        codes = collections.Counter(self.client.at_once(
            lambda _number: self.post(node).status_code, range(16)))
        self.assertEqual({201: 1, 409: 15}, codes)
        [found] = self.client.allocations()
        self.assertEqual(('active', node),
                         (found['state'], found['node_uuid']))

    def test_at_once_one_backfill_of_a_uuid_wins(self):
        nodes = [self.deployed() for _ in range(8)]
        chosen = str(uuid.uuid4())
        codes = collections.Counter(self.client.at_once(
            lambda node: self.post(node, uuid=chosen).status_code, nodes))
        self.assertEqual({201: 1, 409: 7}, codes)
        claimed = [row for row in self.service.nodes().values()
                   if row.instance_uuid]
        self.assertEqual([chosen], [row.instance_uuid for row in claimed])
