# SPDX-License-Identifier: Apache-2.0
"""What a backend has answered is entered once, and told of once."""

import dataclasses
import datetime
from unittest import mock

import fixtures as base_fixtures

from allocator.backends import claim
from allocator.backends import marks
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import backfills
from allocator.db import mirrored_allocations
from allocator.telemetry import outcomes
from allocator.tests import fixtures
from allocator.tests.unit.backends import mirroring


class LostAcknowledgementTests(mirroring.MirrorTestCase):
    """The COMMIT is done, and the connection breaks before that is said."""

    def claimed(self):
        """Have a node claimed; what is wanted is not written yet.

        :returns: UUIDs of the allocation and of the node
        """
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        return uuid, node

    def carry_out(self, outcome):
        """Carry out what is wanted, and lose the next acknowledgement."""
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        self.useFixture(fixtures.LostAcknowledgement())
        self.assertEqual(outcome, self.writers['east']._carry_out(write))
        row = backend_writes.get(write.row.backend_id, write.row.uuid)
        self.assertEqual(outcome, row.outcome)
        self.assertEqual(0, backends.get_row('east').unanswered)

    def expect(self, name):
        """Replace a function that reports what became of an allocation.

        :returns: mock of it
        """
        return self.useFixture(base_fixtures.MockPatchObject(
            outcomes, name, autospec=True)).mock

    def test_active_is_told(self):
        told = self.expect('report_active')
        uuid, node = self.claimed()
        self.carry_out('confirmed')
        self.assertEqual('active', allocations.get(uuid).state)
        told.assert_called_once_with(mock.ANY, node)

    def test_a_uuid_that_is_taken_is_told(self):
        told = self.expect('report_failure')
        uuid, node = self.claimed()
        self.store().allocate('other', uuid=uuid)
        self.carry_out('refused')
        self.assertEqual('error', allocations.get(uuid).state)
        told.assert_called_once_with(mock.ANY, claim.TAKEN % 'east')

    def test_a_refused_node_is_left_alone_once(self):
        uuid, node = self.claimed()
        self.store().change_node(node, reservation='somebody')
        self.carry_out('refused')
        self.assertEqual(1, self.node(node).refusals)
        self.assertEqual('allocating', allocations.get(uuid).state)

    def test_what_comes_back_is_told(self):
        told = self.expect('report_appeared')
        uuid, node = self.claimed()
        self.write()
        self.store().change_node(node, provision_state='active')
        self.release(uuid)
        self.carry_out('kept')
        self.assertEqual(node, allocations.get(uuid).node_uuid)
        told.assert_called_once_with(mock.ANY)

    def test_a_release_is_done(self):
        uuid, node = self.claimed()
        self.write()
        self.release(uuid)
        self.carry_out('released')
        self.assertIsNone(self.node(node).instance_uuid)

    def test_a_backfill_is_told(self):
        told = self.expect('report_backfilled')
        node, = self.store().enrol(provision_state='active')
        self.look()
        backfills.want(node, mirroring.PENDING | {
            'uuid': None, 'candidate_nodes': []})
        self.carry_out('confirmed')
        told.assert_called_once_with(mock.ANY)

    def test_active_elsewhere_is_told(self):
        told = self.expect('report_active')
        uuid, node = self.claimed()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        late = dataclasses.replace(
            write, leased_at=write.leased_at - datetime.timedelta(hours=1))
        own = fixtures.add_node()
        self.useFixture(fixtures.LostAcknowledgement())
        self.assertTrue(claim.go_elsewhere(late, 'no answer'))
        self.assertEqual(own.uuid, allocations.get(uuid).node_uuid)
        self.assertEqual(own.uuid, told.call_args.args[1])
        self.assertEqual(uuid, self.node(node).instance_uuid)

    def lose_in(self, name):
        """Have a transaction of the mirror's lose its acknowledgement.

        :param name: of a function of mirrored_allocations
        """
        real = getattr(mirrored_allocations, name)

        def lossy(*arguments):
            self.useFixture(fixtures.LostAcknowledgement())
            return real(*arguments)

        self.useFixture(base_fixtures.MockPatchObject(
            mirrored_allocations, name, lossy))

    def test_what_a_look_finds_is_told(self):
        told = self.expect('report_appeared')
        node, = self.store().enrol()
        self.look()
        uuid = self.store().allocate('metal')['uuid']
        self.store()._decide()
        self.lose_in('take_over')
        self.look()
        self.assertEqual(node, allocations.get(uuid).node_uuid)
        told.assert_called_once_with(mock.ANY)

    def test_what_a_look_finds_of_one_in_the_queue_is_told(self):
        told = self.expect('report_active')
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.store().allocate('metal', uuid=uuid, extra=marks.make(2))
        self.store()._decide()
        self.lose_in('take_over')
        self.look()
        self.assertEqual('active', allocations.get(uuid).state)
        told.assert_called_once_with(mock.ANY, node)

    def test_what_has_ended_is_told(self):
        told = self.expect('report_ended')
        uuid, node = self.claimed()
        self.write()
        self.look()
        self.store().release(uuid)
        self.lose_in('end')
        self.look()
        self.assertIsNone(self.node(node).allocation_id)
        told.assert_called_once_with(mock.ANY, node)

    def test_what_another_has_finished_is_not_told(self):
        told = self.expect('report_active')
        self.claimed()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        self.writers['east']._carry_out(write)
        self.assertIsNone(self.writers['east']._carry_out(write))
        told.assert_called_once_with(mock.ANY, mock.ANY)


class BackfillTests(mirroring.MirrorTestCase):

    def taken(self):
        """Have a backfill refused here whose UUID another got meanwhile.

        :returns: UUIDs of the other allocation and of the node
        """
        node, = self.store().enrol(provision_state='active')
        self.look()
        uuid = backfills.want(node, mirroring.PENDING | {
            'uuid': None, 'candidate_nodes': []})
        # It had looked whether the UUID is free before the backfill came.
        allocations.create(mirroring.PENDING | {'uuid': uuid},
                           is_new_uuid=True)
        self.write()
        return uuid, node

    def test_one_whose_uuid_is_taken_here_meanwhile_is_refused(self):
        """Once it was tried again for ever."""
        uuid, _node = self.taken()
        row = backend_writes.get(backends.get_row('east').id, uuid)
        self.assertEqual(('refused', claim.TAKEN_HERE),
                         (row.outcome, row.last_error))
        self.assertEqual([], backend_writes.list_open())
        self.assertEqual('allocating', allocations.get(uuid).state)

    def test_whoever_has_its_uuid_does_not_get_its_node(self):
        """A look turned that active, on a machine of somebody else."""
        uuid, node = self.taken()
        for full in (False, True):
            self.look(full=full)
            self.assertEqual('allocating', allocations.get(uuid).state)
            self.assertIsNone(self.node(node).allocation_id)
        self.assertIn(uuid, self.store().allocations)
