# SPDX-License-Identifier: Apache-2.0
"""Those that wait, and nodes of backends."""

import datetime
import time

import sqlalchemy as sa

from allocator.backends import marks
from allocator.backends import mirror
from allocator.conductor import expiry
from allocator.conductor import serving
from allocator.db import allocations
from allocator.db import backend_removals
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import deadlines
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.unit.backends import mirroring

_allocation = models.Allocation.__table__
_waiter = models.Waiter.__table__


class WaitingTests(mirroring.MirrorTestCase):

    def setUp(self):
        super().setUp()
        self.serving = serving.ServingLoop()
        self.expiry = expiry.Expiry(self.serving.ring)

    def wait(self, seconds=60, **values):
        return self.allocate(state='waiting', wait_timeout=seconds,
                             priority=values.pop('priority', None), **values)

    def serve(self):
        self.serving.ring()
        self.serving.walk()
        self.expiry.walk()

    def state(self, uuid):
        return allocations.get(uuid).state

    def waiter(self):
        with session.reader() as connection:
            return connection.execute(sa.select(_waiter)).first()

    def end_patience(self):
        with session.writer() as connection:
            connection.execute(sa.update(_waiter).values(
                deadline=self.waiter().created_at
                - datetime.timedelta(seconds=1)))

    def test_served_by_a_node_that_became_free_there(self):
        node, = self.store().enrol(provision_state='active')
        self.look()
        uuid = self.wait()
        self.serve()
        self.assertEqual('waiting', self.state(uuid))
        self.store().change_node(node, provision_state='available')
        self.look()
        self.serve()
        self.assertEqual('confirming', self.state(uuid))
        self.assertFalse(self.waiter().is_waiting)
        self.write()
        found = allocations.get(uuid)
        self.assertEqual(('active', node), (found.state, found.node_uuid))
        self.assertIsNone(self.waiter())

    def test_looks_are_fresh_as_long_as_somebody_waits(self):
        self.options['east'].set('poll_interval', 600)
        self.look()
        looking = self.mirrors['east']
        self.assertGreater(looking._next_look, time.monotonic() + 500)
        self.wait()
        self.look()
        self.assertLess(looking._next_look, time.monotonic()
                        + mirror.LOOK_FOR_WAITERS + 1)

    def test_who_waits_is_served_once_its_backend_is_heard_of_again(self):
        """Nobody rang, so it waited for a sweep."""
        self.options['east'].set('stale_after', 120)
        self.store().enrol()
        self.look()
        with session.writer() as connection:
            connection.execute(sa.update(models.Backend).values(
                looked_at=self.long_ago()))
        backends.forget()
        uuid = self.wait()
        self.serve()
        self.serving._sweep_at = float('inf')
        looking = self.mirrors['east']
        rung = []
        looking._ring = lambda: rung.append(self.serving.ring('metal'))
        looking._next_look = float('inf')
        looking._step()
        self.assertEqual('waiting', self.state(uuid))
        self.assertEqual([], rung)
        looking._next_look = 0
        looking._step()
        looking._step()
        self.assertEqual(1, len(rung))
        self.serving.walk()
        self.assertEqual('confirming', self.state(uuid))

    def long_ago(self):
        return backends.now() - datetime.timedelta(days=1)

    def test_refused_it_keeps_its_place(self):
        node, = self.store().enrol()
        self.look()
        first = self.wait()
        self.serve()
        second = self.wait()
        self.store().change_node(node, reservation='somebody')
        self.write()
        self.assertEqual('waiting', self.state(first))
        self.assertTrue(self.waiter().is_waiting)
        self.store().enrol()
        self.look()
        self.serve()
        self.assertEqual(('confirming', 'waiting'),
                         (self.state(first), self.state(second)))

    def test_a_claim_that_was_sent_is_given_back_at_the_deadline(self):
        self.check_deadline(True, ('release', None))

    def test_a_claim_that_was_not_sent_is_none_at_the_deadline(self):
        self.check_deadline(False, ('claim', 'withdrawn'))

    def test_what_a_deadline_gives_back_goes_to_the_next_at_once(self):
        """It was free until a sweep."""
        self.store().enrol()
        self.look()
        first = self.wait()
        self.serve()
        self.end_patience()
        second = self.wait()
        self.expiry.walk()
        self.look()
        self.serving._sweep_at = float('inf')
        self.expiry.walk()
        self.assertEqual('error', self.state(first))
        self.serving.walk()
        self.assertEqual('confirming', self.state(second))

    def check_deadline(self, is_sent, expected):
        node, = self.store().enrol()
        self.look()
        uuid = self.wait()
        self.serve()
        if is_sent:
            # Whoever has leased it may have sent it.
            self.assertEqual(1, len(backend_writes.lease(
                backends.get_row('east'), 8)))
        self.end_patience()
        # Whatever has become free there is found first.
        self.serve()
        self.assertEqual('confirming', self.state(uuid))
        self.look()
        self.serve()
        self.assertEqual('error', self.state(uuid))
        self.assertIsNone(self.waiter())
        row = backend_writes.get(backends.get_row('east').id, uuid)
        self.assertEqual(expected, (row.wants, row.outcome))
        self.write()
        self.assertEqual({}, self.store().allocations)
        self.assertIsNone(self.node(node).instance_uuid)

    def test_what_was_confirmed_in_time_stays(self):
        self.store().enrol()
        self.look()
        uuid = self.wait()
        self.serve()
        self.write()
        self.serve()
        self.assertEqual('active', self.state(uuid))

    def test_who_has_a_node_there_need_not_wait_here(self):
        """So it is when the database here is a backup.

        Once it got a second node, and the first was nobody's.
        """
        nodes = self.store().enrol(2, provision_state='active')
        waiting = self.wait()
        pending = self.allocate()
        for node, uuid in zip(nodes, (waiting, pending), strict=True):
            self.store().change_node(node, provision_state='available')
            self.store().allocate('metal', uuid=uuid, extra=marks.make(2),
                                  name=marks.name(uuid, 2))
            self.store()._decide()
            self.store().change_node(node, provision_state='active')
        self.look()
        self.assertEqual(
            [('active', node) for node in nodes],
            [(row.state, row.node_uuid) for row in map(
                allocations.get, (waiting, pending))])
        self.assertIsNone(self.waiter())
        # Nothing is left of what they waited for.
        self.store().enrol()
        self.look()
        self.loop.walk()
        self.serve()
        self.assertEqual(0, self.write())

    def check_kept_apart(self, **values):
        """See that what somebody has there is not given to who waits here.

        :param values: of the allocation there, which has the same UUID
        """
        waiting = self.wait()
        node, = self.store().enrol(owner=values.get('owner'))
        self.store().allocate('metal', uuid=waiting, **values)
        self.store()._decide()
        self.store().change_node(node, provision_state='active')
        self.look()
        self.assertEqual(node, self.store().allocations[waiting]['node_uuid'])
        self.assertEqual('waiting', self.state(waiting))
        self.assertIsNone(self.node(node).allocation_id)

    def test_what_bears_no_mark_is_somebody_elses(self):
        self.check_kept_apart()

    def test_what_has_another_owner_is_somebody_elses(self):
        self.check_kept_apart(owner='somebody', extra=marks.make(2))

    def test_a_claim_that_is_under_way_is_not_settled_by_a_look(self):
        node, = self.store().enrol()
        self.look()
        uuid = self.wait()
        self.serve()
        other, = self.store().enrol()
        self.store().allocate('metal', uuid=uuid, candidate_nodes=[other])
        self.store()._decide()
        self.look()
        self.assertEqual('confirming', self.state(uuid))
        self.assertEqual(uuid, self.node(node).instance_uuid)

    def test_deleted_while_a_claim_is_open(self):
        self.store().enrol()
        self.look()
        uuid = self.wait()
        self.serve()
        self.release(uuid)
        self.assertIsNone(self.waiter())
        self.write()
        self.assertEqual({}, self.store().allocations)

    def test_forgotten_it_waits_on(self):
        """It failed at once, whatever its wait_timeout was."""
        node, = self.store().enrol()
        self.look()
        uuid = self.wait()
        self.serve()
        self.store().change_node(node, maintenance=True)
        self.look()
        backend_removals.forget_write(uuid)
        self.assertEqual('waiting', self.state(uuid))
        self.assertTrue(self.waiter().is_waiting)
        self.look()
        free, = self.store().enrol()
        self.look()
        self.serve()
        self.write()
        found = allocations.get(uuid)
        self.assertEqual(('active', free), (found.state, found.node_uuid))
        self.assertIsNone(self.waiter())

    def test_a_deadline_is_told_if_nobody_heard_of_its_commit(self):
        self.look()
        uuid = self.wait()
        self.end_patience()
        self.look()
        self.useFixture(fixtures.LostAcknowledgement())
        failure, = deadlines.fail({allocations.get(uuid).id: 'too late'})
        self.assertEqual((uuid, 'too late'),
                         (failure.allocation.uuid, failure.reason))
        self.assertEqual('error', self.state(uuid))

    def test_one_that_has_left_the_queue_has_no_deadline(self):
        """Once it was looked at each 50 ms, and nothing became of it."""
        uuid = self.wait()
        with session.writer() as connection:
            connection.execute(sa.update(_allocation).values(state='active'))
        self.end_patience()
        self.look()
        self.serve()
        self.assertIsNone(self.waiter())
        self.assertEqual('active', self.state(uuid))
