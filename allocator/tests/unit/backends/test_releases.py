# SPDX-License-Identifier: Apache-2.0
"""Releases of a backend's nodes, written through."""

import dataclasses
import datetime

from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.backends import claim
from allocator.backends import marks
from allocator.common import exception
from allocator.conductor import upkeep
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import models
from allocator.db import session
from allocator.tests.unit.backends import mirroring


class ReleaseTests(mirroring.MirrorTestCase):

    def active(self, **values):
        self.store().enrol()
        self.look()
        uuid = self.allocate(**values)
        self.assertEqual('active', self.settle(uuid).state)
        [node] = self.store().nodes
        return uuid, node

    def test_released_there_the_node_is_free(self):
        uuid, node = self.active()
        self.assertIsNotNone(self.release(uuid).backend_id)
        self.assertEqual(0, self.node(node).free)
        self.write()
        self.assertNotIn(uuid, self.store().allocations)
        self.assertEqual(2, self.node(node).free)

    def test_what_was_never_sent_is_gone_at_once_and_unasked(self):
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        seen = self.services['east'].request_ids
        seen.clear()
        self.assertIsNone(self.release(uuid).backend_id)
        self.assertEqual((2, None), (self.node(node).free,
                                     self.node(node).instance_uuid))
        self.assertEqual(0, self.write())
        self.assertEqual([], list(seen))
        # The UUID can be used again, and the node, too.
        allocations.create(mirroring.PENDING | {'uuid': uuid})
        found = self.settle(uuid)
        self.assertEqual(('active', node), (found.state, found.node_uuid))

    def test_whoever_was_paused_before_sending_it_does_not(self):
        self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        self.release(uuid)
        self.services['east'].request_ids.clear()
        self.writers['east']._carry_out(dataclasses.replace(
            write, begun=write.begun - claim.PAUSED))
        self.assertNotIn('POST', [method for method, _path, _id in
                                  self.services['east'].request_ids])
        self.assertEqual({}, self.store().allocations)

    def test_what_may_have_been_sent_is_asked_for(self):
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [_write] = backend_writes.lease(backends.get_row('east'), 8)
        self.assertIsNotNone(self.release(uuid).backend_id)
        self.assertEqual(0, self.node(node).free)
        self.services['east'].request_ids.clear()
        self.assertEqual(1, self.write())
        self.assertIn(('GET', '/v1/allocations/' + uuid), [
            (method, path) for method, path, _id in
            self.services['east'].request_ids])
        self.assertEqual(2, self.node(node).free)

    def test_a_uuid_is_not_used_again_before_it_is_free_there(self):
        uuid, _node = self.active()
        self.release(uuid)
        again = mirroring.PENDING | {'uuid': uuid}
        self.assertRaises(exception.InstanceUUIDTaken, allocations.create,
                          again)
        self.write()
        allocations.create(mirroring.PENDING | {'uuid': uuid})

    def test_refused_there_it_comes_back(self):
        uuid, node = self.active(name='mine', extra={'a': 1})
        self.store().change_node(node, provision_state='active')
        self.release(uuid)
        self.write()
        found = allocations.get('mine')
        self.assertEqual(
            (uuid, 'active', node, {'a': 1}),
            (found.uuid, found.state, found.node_uuid, found.extra))
        write = backend_writes.get(self.node(node).backend_id, uuid)
        self.assertEqual(('kept', True),
                         (write.outcome, bool(write.last_error)))

    def test_what_comes_back_says_how_it_has_waited(self):
        uuid, node = self.active()
        with session.writer() as connection:
            connection.execute(sa.update(models.Allocation).where(
                models.Allocation.uuid == uuid).values(
                wait_timeout=60, priority=-5))
        self.store().change_node(node, provision_state='active')
        self.release(uuid)
        self.write()
        found = allocations.get(uuid)
        self.assertEqual((60, -5), (found.wait_timeout, found.priority))

    def retry(self):
        """Carry out what is wanted, as if its pause was over."""
        with session.writer() as connection:
            connection.execute(sa.update(models.BackendWrite).values(
                due_at=models.BackendWrite.created_at))
        self.write()

    def test_a_locked_node_is_an_answer_of_its_backend(self):
        """Three of them once took the whole backend out of service."""
        uuid, node = self.active()
        free, = self.store().enrol()
        self.look()
        self.store().change_node(node, reservation='somebody')
        self.release(uuid)
        for _ in range(backends.UNANSWERED):
            self.retry()
        self.assertEqual(uuid, self.node(node).instance_uuid)
        self.assertEqual(0, backends.get_row('east').unanswered)
        found = self.settle(self.allocate())
        self.assertEqual(('active', free), (found.state, found.node_uuid))
        self.store().change_node(node, reservation=None)
        self.retry()
        self.assertIsNone(self.node(node).instance_uuid)

    def test_denied_it_is_not_certain_that_nothing_is_there(self):
        """The user may only read by now; the claim may be on its way."""
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [_write] = backend_writes.lease(backends.get_row('east'), 8)
        self.release(uuid)
        self.services['east'].may_allocate = False
        self.retry()
        self.assertEqual(uuid, self.node(node).instance_uuid)
        # The request of the claim arrives after all.
        self.arrive_late(uuid, node)
        self.services['east'].may_allocate = True
        self.retry()
        self.assertIsNone(self.node(node).instance_uuid)
        self.assertNotIn(uuid, self.store().allocations)

    def test_a_late_leftover_is_deleted_by_its_mark(self):
        uuid, node = self.active()
        self.release(uuid)
        self.write()
        self.arrive_late(uuid, node)
        self.look()
        self.assertNotIn(uuid, self.store().allocations)
        self.assertRaises(exception.AllocationNotFound, allocations.get, uuid)

    def arrive_late(self, uuid, node):
        """A request of the claim that was on its way arrives now."""
        self.store().allocate('metal', uuid=uuid, candidate_nodes=[node],
                              extra=marks.make(1))
        self.store()._decide()

    def test_a_late_leftover_of_a_locked_node_is_deleted_later(self):
        uuid, node = self.active()
        self.release(uuid)
        self.write()
        self.arrive_late(uuid, node)
        self.store().change_node(node, reservation='somebody')
        self.look()
        self.assertIn(uuid, self.store().allocations)
        self.store().change_node(node, reservation=None)
        self.look()
        self.assertNotIn(uuid, self.store().allocations)

    def test_a_late_leftover_that_has_failed_is_deleted_too(self):
        uuid, node = self.active()
        self.release(uuid)
        self.write()
        self.store().change_node(node, reservation='somebody')
        self.store().allocate('metal', uuid=uuid, candidate_nodes=[node],
                              extra=marks.make(1))
        theirs = self.store().allocate('none-such')['uuid']
        self.store()._decide()
        self.assertEqual('error', self.store().allocations[uuid]['state'])
        self.look(full=True)
        # What failed for others is theirs to look at.
        self.assertEqual([theirs], list(self.store().allocations))

    def test_what_fails_while_it_is_wanted_is_left_to_its_writer(self):
        self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        self.store().allocate('none-such', uuid=uuid, extra=marks.make(1))
        self.store()._decide()
        self.look(full=True)
        self.assertIn(uuid, self.store().allocations)

    def test_a_tombstone_stays_for_a_day(self):
        uuid, node = self.active()
        self.release(uuid)
        self.write()
        backend_id = self.node(node).backend_id
        upkeep.Upkeep().round()
        self.assertIsNotNone(backend_writes.get(backend_id, uuid))
        with session.writer() as connection:
            connection.execute(sa.update(models.BackendWrite).values(
                finished_at=timeutils.utcnow() - datetime.timedelta(
                    seconds=backend_writes.TOMBSTONE + 60)))
        upkeep.Upkeep().round()
        self.assertIsNone(backend_writes.get(backend_id, uuid))

    def test_of_what_nothing_is_known_is_imported(self):
        node, = self.store().enrol()
        made = self.store().allocate('metal', extra=marks.make(3))
        self.store()._decide()
        self.look()
        found = allocations.get(made['uuid'])
        self.assertEqual(('active', node, {}),
                         (found.state, found.node_uuid, found.extra))
