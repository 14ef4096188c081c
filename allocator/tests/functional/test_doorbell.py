# SPDX-License-Identifier: Apache-2.0
"""The cast is a doorbell: nothing depends on how often it rings."""

from allocator.common import context
from allocator.conductor import rpcapi
from allocator.tests import fixtures
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase

# Seconds between two sweeps that no test lives to see.
NEVER = 3600


class Queue(testcase.ServiceTests):

    def add_row(self, **values):
        """Put an allocation into the table without telling anybody."""
        return seeds.add_allocations(self.service.engine, **values)[0]

    def assert_active(self, *uuids):
        for uuid in uuids:
            self.assertEqual('active', self.client.settled(uuid)['state'])
        claimed = [row.instance_uuid for row in self.service.nodes().values()
                   if row.instance_uuid]
        self.assertEqual(sorted(uuids), sorted(claimed))


@testcase.per_database(*databases.SERVERS)
class DoorbellTests(Queue):
    """With the bell alone."""

    options = {'conductor': {'sweep_interval': NEVER}}

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration(
            transport_url=databases.broker_url(),
            control_exchange=self.service.exchange))
        self.conductors = rpcapi.ConductorAPI()

    def ring(self, uuid):
        self.conductors.process_allocation(context.RequestContext(), uuid)

    def test_a_request_needs_no_sweep(self):
        self.service.add_nodes(3)
        created = self.client.allocate(resource_class='baremetal')
        self.assert_active(created['uuid'])

    def test_a_cast_finds_the_row(self):
        self.service.add_nodes(3)
        uuid = self.add_row()
        self.ring(uuid)
        self.assert_active(uuid)

    def test_a_cast_delivered_many_times_claims_one_node(self):
        self.service.add_nodes(3)
        uuid = self.add_row()
        for _ in range(20):
            self.ring(uuid)
        self.assert_active(uuid)
        for _ in range(20):
            self.ring(uuid)
        # What was sent before this one has been looked at when it is done.
        other = self.client.allocate(resource_class='baremetal')['uuid']
        self.assert_active(uuid, other)

    def test_a_cast_of_a_deleted_allocation_does_no_harm(self):
        self.service.add_nodes(3)
        created = self.client.allocate(resource_class='baremetal')
        self.client.delete('/v1/allocations/' + created['uuid'])
        self.ring(created['uuid'])
        other = self.client.allocate(resource_class='baremetal')['uuid']
        self.assert_active(other)

    def test_a_row_whose_cast_was_lost_is_found_at_the_next_one(self):
        self.service.add_nodes(3)
        lost = self.add_row()
        other = self.client.allocate(resource_class='baremetal')['uuid']
        self.assert_active(lost, other)


@testcase.per_database()
class SweepTests(Queue):
    """Without any bell."""

    options = {'conductor': {'sweep_interval': 0.5}}

    def test_a_row_whose_cast_was_lost_is_found(self):
        self.service.add_nodes(3)
        self.assert_active(self.add_row())

    def test_many_lost_rows_are_found(self):
        self.service.add_nodes(300)
        uuids = seeds.add_allocations(self.service.engine, 300)
        self.client.all_settled()
        self.assert_active(*uuids)

    def test_a_lost_row_that_no_node_suits_fails(self):
        uuid = self.add_row(resource_class='none')
        self.assertEqual('error', self.client.settled(uuid)['state'])

    def test_rows_are_found_when_the_service_starts(self):
        for process in self.service.processes:
            process.terminate()
        for process in self.service.processes:
            process.wait()
        self.service.add_nodes(3)
        uuid = self.add_row()
        for process in self.service.processes:
            process.start()
        self.service.wait_ready()
        self.assert_active(uuid)
