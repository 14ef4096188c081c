# SPDX-License-Identifier: Apache-2.0
"""What a failed allocation says about why."""

import uuid

from allocator.tests.functional import testcase

A = 'CUSTOM_A'
B = 'CUSTOM_B'


@testcase.per_database()
class LastErrorTests(testcase.ServiceTests):

    conductors = 1

    def setUp(self):
        super().setUp()
        # Of its own, for what has been counted holds for a second.
        self.resource_class = uuid.uuid4().hex

    def add_nodes(self, *arguments, **values):
        return self.service.add_nodes(
            *arguments, **{'resource_class': self.resource_class} | values)

    def add_node(self, *arguments, **values):
        return self.service.add_node(
            *arguments, **{'resource_class': self.resource_class} | values)

    def fail(self, **body):
        """Request an allocation that no node suits.

        :returns: its last_error without its beginning
        """
        created = self.client.allocate(
            **{'resource_class': self.resource_class} | body)
        found = self.client.settled(created['uuid'])
        self.assertEqual('error', found['state'])
        self.assertIsNone(found['node_uuid'])
        start, _, rest = found['last_error'].partition(': ')
        self.assertEqual('No suitable node', start)
        return rest.replace(self.resource_class, 'baremetal')

    def test_no_node_of_the_class(self):
        self.add_node(resource_class='other')
        self.assertEqual('there is no node of resource class baremetal.',
                         self.fail())

    def test_allocated(self):
        self.add_nodes(2, provision_state='active')
        for node in self.service.nodes():
            answer = self.client.post('/v1/allocations', {'node': node})
            self.assertEqual(201, answer.status_code)
        self.assertEqual('of 2 in resource class baremetal, 2 allocated.',
                         self.fail())

    def test_not_available(self):
        self.add_node(provision_state='active')
        self.add_node(provision_state='manageable')
        self.assertEqual('of 2 in resource class baremetal, 2 not available.',
                         self.fail())

    def test_in_maintenance(self):
        self.add_node(maintenance=True)
        self.assertEqual(
            'of 1 in resource class baremetal, 1 in maintenance.',
            self.fail())

    def test_without_power_state(self):
        self.add_node(power_state=None)
        self.assertEqual(
            'of 1 in resource class baremetal, 1 without power state.',
            self.fail())

    def test_without_trait(self):
        self.add_node()
        self.add_node([B])
        self.assertEqual(
            'of 2 in resource class baremetal, 2 without trait CUSTOM_A, '
            '2 without all requested traits.', self.fail(traits=[A]))

    def test_no_node_has_all_of_the_traits(self):
        self.add_node([A])
        self.add_node([B])
        self.assertEqual(
            'of 2 in resource class baremetal, 1 without trait CUSTOM_A, '
            '1 without trait CUSTOM_B, 2 without all requested traits.',
            self.fail(traits=[B, A]))

    def test_not_among_the_candidates(self):
        self.add_nodes(3)
        candidate = self.add_node(maintenance=True)
        self.assertEqual(
            'of 4 in resource class baremetal, 1 in maintenance, '
            '3 not among the candidates.',
            self.fail(candidate_nodes=[candidate]))

    def test_nothing_is_told_of_other_projects_nodes(self):
        self.add_node()
        self.add_node(owner='p', lessee='q')
        self.assertEqual(
            'there is no node of resource class baremetal that project other '
            'owns or leases.', self.fail(owner='other'))

    def test_all_at_once(self):
        self.add_node([A], owner='p', maintenance=True)
        self.add_node(lessee='p', power_state=None)
        self.add_node([A], owner='p', instance_uuid=str(uuid.uuid4()))
        self.add_node([A], provision_state='enroll', lessee='p')
        self.add_node([A])
        self.assertEqual(
            'of 4 in resource class baremetal that project p owns or leases, '
            '1 allocated, 1 not available, 1 in maintenance, '
            '1 without power state, 1 without trait CUSTOM_A, '
            '1 without all requested traits.',
            self.fail(traits=[A], owner='p'))

    def test_fifty_long_traits_fit(self):
        self.add_node()
        traits = ['CUSTOM_' + '%03d_' % number + 'T' * 240
                  for number in range(50)]
        self.assertIn('1 without trait CUSTOM_000_',
                      self.fail(traits=traits))

    def test_the_longest_class_fits(self):
        self.assertIn('\U0001f680' * 80,
                      self.fail(resource_class='\U0001f680' * 80))
