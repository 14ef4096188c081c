# SPDX-License-Identifier: Apache-2.0
"""Suitable nodes that other transactions hold, and what becomes of them."""

import uuid

from allocator.tests.functional import databases
from allocator.tests.functional import holding
from allocator.tests.functional import testcase


class Locked(testcase.ServiceTests):

    def request(self, **body):
        """Request an allocation.

        :returns: its UUID, once a conductor has looked at it
        """
        created = self.client.allocate(**{'resource_class': 'baremetal'}
                                       | body)
        # Rows are looked at in the order of their ids.
        self.client.settled(
            self.client.allocate(resource_class='none')['uuid'])
        return created['uuid']

    def settled(self, ident):
        found = self.client.settled(ident)
        return found['state'], found['node_uuid']


@testcase.per_database(*databases.SERVERS)
class LockedNodeTests(Locked):

    options = {'conductor': {'node_locked_retry_attempts': 200,
                             'node_locked_retry_interval': 0.1}}

    def check_change(self, body, values, traits=(), **change):
        """Change a suitable node while it is about to be claimed.

        The claim must neither take it nor pass over another one.

        :param body: of the request
        :param values: columns that make the node suitable
        :param change: columns that make it unsuitable
        """
        node = self.service.add_node(traits, **values)
        with holding.node(self.service.engine, node, **change) as changer:
            waiting = self.request(**body)
            self.assertEqual('allocating',
                             self.client.allocation(waiting)['state'])
            free = self.service.add_node(traits, **values)
            self.assertEqual(('active', free), self.settled(waiting))
            waiting = self.request(**body)
            self.assertEqual('allocating',
                             self.client.allocation(waiting)['state'])
            changer.commit()
        self.assertEqual(('error', None), self.settled(waiting))
        row = self.service.nodes()[node]
        self.assertEqual(change.get('instance_uuid'), row.instance_uuid)
        self.assertIsNone(row.allocation_id)

    def test_a_locked_node_is_waited_for(self):
        node = self.service.add_node()
        with holding.node(self.service.engine, node):
            waiting = self.request()
            self.assertEqual('allocating',
                             self.client.allocation(waiting)['state'])
        self.assertEqual(('active', node), self.settled(waiting))

    def test_a_locked_candidate_is_waited_for(self):
        node = self.service.add_node()
        self.service.add_node()
        with holding.node(self.service.engine, node):
            waiting = self.request(candidate_nodes=[node])
            self.assertEqual('allocating',
                             self.client.allocation(waiting)['state'])
        self.assertEqual(('active', node), self.settled(waiting))

    def test_a_locked_node_is_passed_over_for_a_free_one(self):
        locked, free = self.service.add_nodes(2)
        with holding.node(self.service.engine, locked):
            self.assertEqual(('active', free), self.settled(self.request()))

    def test_who_waits_for_a_node_delays_nobody(self):
        locked = self.service.add_node(resource_class='locked')
        self.service.add_nodes(20)
        with holding.node(self.service.engine, locked):
            stuck = self.request(resource_class='locked')
            others = self.client.allocate_all(
                [{'resource_class': 'baremetal'}] * 20)
            for allocation in others:
                self.assertEqual('active', self.settled(
                    allocation['uuid'])[0])
            self.assertEqual('allocating',
                             self.client.allocation(stuck)['state'])
        self.assertEqual(('active', locked), self.settled(stuck))

    def test_who_waits_for_a_node_can_be_deleted(self):
        node = self.service.add_node()
        with holding.node(self.service.engine, node):
            path = '/v1/allocations/' + self.request()
            self.assertEqual(204, self.client.delete(path).status_code)
        other = self.client.allocate(resource_class='baremetal')['uuid']
        self.assertEqual(('active', node), self.settled(other))

    def test_owner_changes(self):
        self.check_change({'owner': 'p'}, {'owner': 'p'}, owner='q')

    def test_lessee_changes(self):
        self.check_change({'owner': 'p'}, {'lessee': 'p'}, lessee=None)

    def test_power_state_goes(self):
        self.check_change({}, {}, power_state=None)

    def test_maintenance_begins(self):
        self.check_change({}, {}, maintenance=True)

    def test_resource_class_changes(self):
        self.check_change({}, {}, resource_class='other')

    def test_provision_state_changes(self):
        self.check_change({}, {}, provision_state='active')

    def test_traits_go(self):
        self.check_change({'traits': ['CUSTOM_A']}, {}, ['CUSTOM_A'],
                          trait_set_id=None, trait_count=0)

    def test_another_instance_comes(self):
        self.check_change({}, {}, instance_uuid=str(uuid.uuid4()))


@testcase.per_database(*databases.SERVERS)
class PatienceTests(Locked):

    conductors = 1
    options = {'conductor': {'node_locked_retry_attempts': 10,
                             'node_locked_retry_interval': 0.1}}

    def test_a_node_that_stays_locked_is_not_waited_for_any_longer(self):
        nodes = self.service.add_nodes(2)
        with (holding.node(self.service.engine, nodes[0]),
              holding.node(self.service.engine, nodes[1])):
            found = self.client.settled(self.request())
        self.assertEqual(
            ('error', '2 suitable nodes exist, but other transactions kept '
                      'all of them locked for 1 seconds.'),
            (found['state'], found['last_error']))
        self.assertEqual('active', self.settled(self.request())[0])
