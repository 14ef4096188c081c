# SPDX-License-Identifier: Apache-2.0
"""Which of several suitable nodes an allocation gets."""

from allocator.tests.functional import testcase


class Selection(testcase.ServiceTests):

    def take(self, **body):
        """Request an allocation and wait for its answer.

        :returns: UUID of its node, None if it failed
        """
        created = self.client.allocate(**{'resource_class': 'baremetal'}
                                       | body)
        return self.client.settled(created['uuid'])['node_uuid']


@testcase.per_database()
class SelectionTests(Selection):

    def test_candidates_are_taken_in_the_clients_order(self):
        first, second, third = self.service.add_nodes(3)
        order = [third, first, second]
        self.assertEqual(
            [*order, None],
            [self.take(candidate_nodes=order) for _ in range(4)])

    def test_the_clients_order_wins_over_the_least_special(self):
        special = self.service.add_node(['CUSTOM_A'])
        plain = self.service.add_node()
        self.assertEqual(special,
                         self.take(candidate_nodes=[special, plain]))

    def test_only_candidates_are_taken(self):
        self.service.add_node()
        wanted = self.service.add_node(['CUSTOM_A'])
        self.assertEqual(wanted, self.take(candidate_nodes=[wanted]))

    def test_a_candidate_that_does_not_suit_is_passed_over(self):
        node = self.service.add_node()
        unsuitable = [
            self.service.add_node(maintenance=True),
            self.service.add_node(resource_class='other'),
            self.service.add_node(power_state=None),
            self.service.add_node(provision_state='active')]
        self.assertEqual(node, self.take(candidate_nodes=[*unsuitable, node]))

    def test_a_name_prefers_the_node_of_that_name(self):
        self.service.add_nodes(3)
        namesake = self.service.add_node(['CUSTOM_A'], name='web-1')
        self.assertEqual(namesake, self.take(name='web-1'))

    def test_a_name_prefers_its_node_among_candidates(self):
        first = self.service.add_node()
        namesake = self.service.add_node(name='web-2')
        self.assertEqual(namesake, self.take(
            name='web-2', candidate_nodes=[first, namesake]))

    def test_a_node_of_that_name_outside_the_candidates_is_not_taken(self):
        first = self.service.add_node()
        self.service.add_node(name='web-3')
        self.assertEqual(first, self.take(name='web-3',
                                          candidate_nodes=[first]))

    def test_an_unsuitable_node_of_that_name_does_not_matter(self):
        self.service.add_node(name='web-4', maintenance=True)
        node = self.service.add_node(name='web-5')
        self.assertEqual(node, self.take(name='web-4'))

    def test_the_least_special_node_is_taken_first(self):
        two = self.service.add_node(['CUSTOM_A', 'CUSTOM_B'])
        none = self.service.add_node()
        one = self.service.add_node(['CUSTOM_A'])
        self.assertEqual([none, one, two], [self.take() for _ in range(3)])

    def test_of_nodes_with_the_traits_the_least_special_is_first(self):
        three = self.service.add_node(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C'])
        two = self.service.add_node(['CUSTOM_A', 'CUSTOM_B'])
        self.service.add_node(['CUSTOM_B'])
        one = self.service.add_node(['CUSTOM_A'])
        self.assertEqual(
            [one, two, three, None],
            [self.take(traits=['CUSTOM_A']) for _ in range(4)])

    def test_all_requested_traits_are_needed(self):
        self.service.add_node(['CUSTOM_A'])
        self.service.add_node(['CUSTOM_B'])
        both = self.service.add_node(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C'])
        self.assertEqual(both, self.take(traits=['CUSTOM_A', 'CUSTOM_B']))

    def test_an_owner_gets_nodes_it_owns_or_leases(self):
        self.service.add_nodes(2)
        self.service.add_node(owner='other')
        self.service.add_node(lessee='other')
        own = {self.service.add_node(owner='p'),
               self.service.add_node(lessee='p', owner='other'),
               self.service.add_node(owner='p', lessee='other')}
        self.assertEqual(own, {self.take(owner='p') for _ in own})
        self.assertIsNone(self.take(owner='p'))

    def test_an_owner_gets_the_least_special_of_owned_and_leased(self):
        two = self.service.add_node(['CUSTOM_A', 'CUSTOM_B'], owner='p')
        one = self.service.add_node(['CUSTOM_A'], lessee='p')
        none = self.service.add_node(owner='p')
        self.assertEqual([none, one, two],
                         [self.take(owner='p') for _ in range(3)])

    def test_an_owner_with_traits_gets_the_least_special(self):
        two = self.service.add_node(['CUSTOM_A', 'CUSTOM_B'], owner='p')
        one = self.service.add_node(['CUSTOM_A'], lessee='p')
        self.service.add_node(['CUSTOM_A'])
        self.assertEqual(
            [one, two, None],
            [self.take(owner='p', traits=['CUSTOM_A']) for _ in range(3)])

    def test_without_owner_tenants_nodes_come_last(self):
        owned = self.service.add_node(owner='p')
        leased = self.service.add_node(['CUSTOM_A'], lessee='p')
        special = self.service.add_node(['CUSTOM_A', 'CUSTOM_B'])
        plain = self.service.add_node()
        self.assertEqual([plain, special, owned, leased, None],
                         [self.take() for _ in range(5)])

    def test_a_name_differs_by_case(self):
        plain = self.service.add_node()
        self.service.add_node(['CUSTOM_A'], name='WEB-6')
        self.assertEqual(plain, self.take(name='web-6'))

    def test_a_resource_class_differs_by_case(self):
        self.service.add_node(resource_class='BareMetal')
        self.assertIsNone(self.take())


@testcase.per_database()
class UnownedTests(Selection):
    """[conductor] ownerless_allocations = unowned"""

    conductors = 1
    options = {'conductor': {'ownerless_allocations': 'unowned'}}

    def test_without_owner_tenants_nodes_are_not_taken(self):
        self.service.add_node(owner='p')
        self.service.add_node(lessee='p')
        free = self.service.add_node(['CUSTOM_A'])
        self.assertEqual([free, None], [self.take() for _ in range(2)])
        [failed] = self.client.allocations(state='error')
        self.assertEqual(
            'No suitable node: of 3 in resource class baremetal, '
            '1 allocated, 2 of some owner or lessee.', failed['last_error'])

    def test_owners_get_theirs(self):
        own = self.service.add_node(owner='p')
        self.service.add_node()
        self.assertEqual(own, self.take(owner='p'))
