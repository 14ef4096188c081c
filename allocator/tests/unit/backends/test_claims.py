# SPDX-License-Identifier: Apache-2.0
"""Claims written through to a simulated backend."""

import dataclasses
import datetime
from unittest import mock

import fixtures as base_fixtures
from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.backends import claim
from allocator.backends import exception as backend_exception
from allocator.backends import marks
from allocator.backends import registry
from allocator.backends import writer
from allocator.common import exception
from allocator.conductor import deciding
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.unit.backends import mirroring

_write = models.BackendWrite.__table__


class ClaimTests(mirroring.MirrorTestCase):

    def test_active_means_confirmed(self):
        node, = self.store().enrol(traits=['CUSTOM_A'])
        self.look()
        uuid = self.allocate(traits=['CUSTOM_A'], extra={'secret': 'x'},
                             name='mine')
        self.loop.walk()
        pending = allocations.get(uuid)
        self.assertEqual(('confirming', None),
                         (pending.state, pending.node_uuid))
        self.assertEqual(1, self.write())
        found = allocations.get(uuid)
        self.assertEqual(('active', node), (found.state, found.node_uuid))
        there = self.store().allocations[uuid]
        self.assertEqual(('active', node, ['CUSTOM_A']),
                         (there['state'], there['node_uuid'],
                          there['traits']))
        # Nothing of the client's name and extra, only the mark.
        self.assertEqual(marks.name(uuid, 1), there['name'])
        self.assertEqual([marks.KEY], list(there['extra']))
        self.assertEqual(1, marks.attempt_of(there))
        self.look(full=True)
        self.assertEqual('active', allocations.get(uuid).state)

    def test_refused_it_goes_on_to_the_next_node(self):
        taken, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        # Locked there at this moment, and another one is there.
        self.store().change_node(taken, reservation='somebody')
        free, = self.store().enrol()
        self.write()
        self.assertEqual('allocating', allocations.get(uuid).state)
        self.assertIsNotNone(self.node(taken).avoided_until)
        self.look()
        found = self.settle(uuid)
        self.assertEqual(('active', free), (found.state, found.node_uuid))
        self.assertEqual(2, marks.attempt_of(self.store().allocations[uuid]))

    def test_refused_it_goes_on_at_once_while_a_node_is_free(self):
        """Without a census, and without a look at the backend."""
        enrolled = self.store().enrol(2)
        self.look()
        uuid = self.allocate()

        def taken():
            return [node for node in enrolled
                    if self.node(node).instance_uuid == uuid]

        self.loop.claim()
        [first] = taken()
        self.store().change_node(first, maintenance=True)
        self.write()
        self.loop.claim()
        self.assertEqual([node for node in enrolled if node != first], taken())

    def test_writers_are_rung_for_whatever_node_was_found_late(self):
        """By the walk, or by the thread that decides on what it left."""
        self.useFixture(base_fixtures.MockPatchObject(
            deciding, 'CENSUS_AGE', 60))
        rung = []
        self.loop.set_claimed(lambda: rung.append(1))
        self.look()
        uuid = self.allocate()
        # There is none, but a look may tell of one.
        self.loop.walk()
        self.look()
        self.loop.claim()
        self.store().enrol()
        self.look()
        self.assertEqual([], rung)
        self.loop._decider.decide()
        self.assertEqual('confirming', allocations.get(uuid).state)
        self.assertEqual([1], rung)
        # So by the walk.
        self.store().enrol()
        self.look()
        self.allocate()
        self.loop.claim()
        self.assertEqual([1, 1], rung)

    def test_a_node_that_is_free_at_the_count_is_not_waited_for(self):
        """It once took [conductor] node_locked_retry_interval."""
        self.look()
        uuid = self.allocate()
        self.loop.claim()
        self.store().enrol()
        self.look()
        self.loop._decider.decide()
        self.assertEqual('allocating', allocations.get(uuid).state)
        self.assertLess(self.loop._patience.seconds(),
                        CONF.conductor.node_locked_retry_interval / 2)

    def test_none_left_is_an_error_that_counts(self):
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        self.store().change_node(node, reservation='somebody')
        self.write()
        self.look()
        found = self.settle(uuid)
        self.assertEqual('error', found.state)
        self.assertIn('1 just refused by their backend', found.last_error)
        self.assertIn('Backend east refused node ' + node, found.last_error)
        self.assertNotIn(uuid, self.store().allocations)

    def test_a_uuid_that_is_taken_there_is_an_error(self):
        self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.store().allocate('other', uuid=uuid)
        found = self.settle(uuid)
        self.assertEqual('error', found.state)
        self.assertIn('taken at backend east', found.last_error)
        self.assertIn(uuid, self.store().allocations)

    def test_who_took_the_node_meanwhile_is_known_at_the_next_look(self):
        """What a look sees while a write is under way is news still."""
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        theirs = self.store().allocate('metal')['uuid']
        self.store()._decide()
        self.look()
        self.assertEqual(uuid, self.node(node).instance_uuid)
        self.write()
        self.look()
        self.assertEqual(theirs, self.node(node).instance_uuid)
        self.assertEqual(node, allocations.get(theirs).node_uuid)

    def test_a_writer_that_wakes_up_leaves_a_later_attempt_alone(self):
        self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [paused] = backend_writes.lease(backends.get_row('east'), 8)
        self.release(uuid)
        self.write()
        allocations.create(mirroring.PENDING | {'uuid': uuid})
        self.assertEqual('active', self.settle(uuid).state)
        self.writers['east']._carry_out(paused)
        self.assertEqual('active', allocations.get(uuid).state)
        self.assertEqual('active', self.store().allocations[uuid]['state'])

    def test_one_that_is_never_decided_is_asked_for_again(self):
        self.options['east'].set('request_timeout', 0.2)
        self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        self.store().decision = 3600
        self.write()
        self.assertNotIn(uuid, self.store().allocations)
        self.assertEqual('confirming', allocations.get(uuid).state)

    def test_denied_is_not_refused(self):
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        client = mock.Mock(name='east')
        client.create_allocation.side_effect = backend_exception.Denied(
            'east', 'no', 403)
        self.assertRaises(backend_exception.Denied, claim.carry_out, client,
                          write)
        self.assertEqual('confirming', allocations.get(uuid).state)
        self.assertEqual(0, self.node(node).refusals)

    def test_own_nodes_come_before_equal_ones_of_a_backend(self):
        self.store().enrol()
        self.look()
        own = fixtures.add_node()
        found = self.settle(self.allocate())
        self.assertEqual(own.uuid, found.node_uuid)

    def test_least_special_first_over_all(self):
        self.store().enrol(traits=['CUSTOM_A'])
        plain, = self.store().enrol()
        fixtures.add_node(['CUSTOM_A', 'CUSTOM_B'])
        self.look()
        found = self.settle(self.allocate())
        self.assertEqual(plain, found.node_uuid)

    def test_nothing_of_a_drained_backend(self):
        self.store().enrol()
        self.look()
        self.options['east'].set('allocate', False)
        backends.forget()
        found = self.settle(self.allocate())
        self.assertEqual('error', found.state)
        self.assertIn('1 of a backend that does not hand out nodes now',
                      found.last_error)

    def test_what_became_free_there_is_found_before_a_request_fails(self):
        node, = self.store().enrol(provision_state='active')
        self.look()
        uuid = self.allocate()
        self.loop.claim()
        self.loop._decider.decide()
        self.assertEqual('allocating', allocations.get(uuid).state)
        self.store().change_node(node, provision_state='available')
        found = self.settle(uuid)
        self.assertEqual(('active', node), (found.state, found.node_uuid))

    def test_a_writer_that_was_paused_changes_nothing(self):
        self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        self.release(uuid)
        self.writers['east']._carry_out(write)
        self.assertRaises(exception.AllocationNotFound, allocations.get, uuid)
        # What it did there is undone.
        self.write()
        self.assertNotIn(uuid, self.store().allocations)
        self.look(full=True)
        self.assertEqual({None}, {node.instance_uuid for node in [
            self.node(uuid) for uuid in self.store().nodes]})

    def test_a_first_request_that_outlasts_patience_is_not_refused(self):
        """Once it counted as never sent, and its node was given away."""
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        late = dataclasses.replace(
            write, leased_at=write.leased_at - datetime.timedelta(hours=1))
        self.assertFalse(claim.go_elsewhere(late, 'no answer'))
        self.assertEqual('confirming', allocations.get(uuid).state)
        self.assertEqual(uuid, self.node(node).instance_uuid)

    def test_a_flawed_node_does_not_keep_a_claim_from_moving(self):
        """It ended in a TypeError, although other nodes were free."""
        self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        late = dataclasses.replace(
            write, leased_at=write.leased_at - datetime.timedelta(hours=1))
        flawed = fixtures.add_node(instance_info=[1])
        self.assertFalse(claim.go_elsewhere(late, 'no answer'))
        sound = fixtures.add_node()
        self.assertTrue(claim.go_elsewhere(late, 'no answer'))
        found = allocations.get(uuid)
        self.assertEqual(('active', sound.uuid),
                         (found.state, found.node_uuid))
        self.assertIsNone(self.node(flawed.uuid).instance_uuid)

    def test_one_that_was_tried_all_night_is_tried_again(self):
        """Its pause once overflowed, and it was never put off."""
        self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        with session.writer() as connection:
            connection.execute(sa.update(_write).values(tries=1100))
        self.options['east'].set('endpoint_override', 'http://127.0.0.1:1')
        registry.forget()
        self.write()
        row = backend_writes.get(backends.get_row('east').id, uuid)
        self.assertEqual((1101, None), (row.tries, row.lease))
        pause = (row.due_at - timeutils.utcnow()).total_seconds()
        self.assertTrue(0 < pause <= writer.MAX_RETRY, pause)

    def test_never_more_than_max_requests(self):
        self.options['east'].set('max_requests', 2)
        self.store().enrol(5)
        self.look()
        for _ in range(5):
            self.allocate()
        self.loop.walk()
        row = backends.get_row('east')
        self.assertEqual(2, len(backend_writes.lease(row, 2)))
        self.assertEqual(0, len(backend_writes.lease(row, 2)))

    def _lease_and_let_lapse(self):
        self.store().enrol()
        self.look()
        self.allocate()
        self.loop.walk()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        with session.writer() as connection:
            connection.execute(sa.update(_write).values(
                leased_until=timeutils.utcnow()
                - datetime.timedelta(seconds=1)))
        return write

    def test_the_write_of_a_killed_process_is_carried_out_by_another(self):
        lapsed = self._lease_and_let_lapse()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        self.assertEqual(lapsed.row.uuid, write.row.uuid)
        # The first one may have been asleep all the time.
        backend_writes.renew([lapsed])
        self.writers['east']._carry_out(write)
        self.assertEqual('active', allocations.get(write.row.uuid).state)

    def test_a_write_under_way_stays_leased_however_long_it_takes(self):
        write = self._lease_and_let_lapse()
        self.writers['east']._under_way[write.lease] = write, 0.0
        self.writers['east']._renew()
        self.assertEqual([], backend_writes.lease(backends.get_row('east'),
                                                  8))
