# SPDX-License-Identifier: Apache-2.0
"""Backends that are not configured any more, with work open."""

import datetime

import sqlalchemy as sa

from allocator.common import exception
from allocator.conductor import serving
from allocator.conductor import upkeep
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import backend_removals
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import backfills
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.unit.backends import mirroring

_allocation = models.Allocation.__table__
_backend = models.Backend.__table__
_node = models.Node.__table__
_write = models.BackendWrite.__table__


class RemovedTests(mirroring.MirrorTestCase):

    names = ('east', 'west')

    def setUp(self):
        super().setUp()
        self.serving = serving.ServingLoop()

    def confirming(self, **values):
        """Have a node of east claimed; what is wanted is not written yet.

        :returns: UUIDs of the allocation and of the node
        """
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate(**values)
        self.loop.walk()
        self.serving.ring()
        self.serving.walk()
        self.assertEqual(uuid, self.node(node).instance_uuid)
        return uuid, node

    def send(self):
        """Lease what is wanted of east; nobody knows what became of it."""
        self.assertEqual(1, len(backend_writes.lease(
            backends.get_row('east'), 8)))

    def remove(self, seconds=3600):
        """Take east out of the configuration.

        :param seconds: how long ago its holder stopped, and what is wanted
            was asked for
        """
        CONF.set_override('enabled_backends', ['west'])
        backends.forget()
        ago = datetime.timedelta(seconds=seconds)
        with session.writer() as connection:
            now = backends._now(connection)
            connection.execute(sa.update(_backend).where(
                _backend.c.name == 'east').values(held_until=now - ago))
            connection.execute(sa.update(_write).values(
                created_at=now - ago, sent_at=sa.case(
                    (_write.c.sent_at.is_not(None), now - ago))))

    def put_back(self):
        """Have configured again what was removed."""
        CONF.set_override('enabled_backends', list(self.names))
        backends.forget()

    def upkeep(self):
        upkeep.Upkeep().round(removes=False)

    def test_a_claim_that_was_never_sent_goes_elsewhere(self):
        uuid, node = self.confirming()
        other, = self.store('west').enrol()
        self.look()
        self.remove()
        self.upkeep()
        self.assertIsNone(self.node(node).instance_uuid)
        self.assertEqual([], backend_writes.list_open('east'))
        self.loop.walk()
        self.write('west')
        found = allocations.get(uuid)
        self.assertEqual(('active', other), (found.state, found.node_uuid))

    def test_the_node_of_a_claim_that_was_sent_stays_taken(self):
        uuid, node = self.confirming()
        other, = self.store('west').enrol()
        self.look()
        self.send()
        self.remove()
        self.upkeep()
        self.assertEqual('allocating', allocations.get(uuid).state)
        self.loop.walk()
        self.write('west')
        found = allocations.get(uuid)
        self.assertEqual(('active', other), (found.state, found.node_uuid))
        self.assertEqual(uuid, self.node(node).instance_uuid)
        self.assertEqual(['release'], [
            row.wants for row in backend_writes.list_open('east')])
        # It is given back once somebody writes there again.
        self.put_back()
        self.write()
        self.assertIsNone(self.node(node).instance_uuid)
        self.assertEqual(other, allocations.get(uuid).node_uuid)

    def test_one_that_is_sent_just_then_keeps_its_node(self):
        """Another process has the backend configured, and holds it no more.

        Its node was freed, and could have been given to the next.
        """
        uuid, node = self.confirming()
        self.remove()
        [row] = backend_removals._list_abandoned()
        self.send()
        self.assertFalse(backend_removals._put_back(
            row, session.Attempts()))
        self.assertEqual('confirming', allocations.get(uuid).state)
        self.assertEqual(uuid, self.node(node).instance_uuid)
        self.assertEqual(['claim'], [
            row.wants for row in backend_writes.list_open('east')])

    def check_told(self, is_sent):
        """See that it is told of although nobody heard of its COMMIT."""
        uuid, _node = self.confirming()
        if is_sent:
            self.send()
        self.remove()
        self.useFixture(fixtures.LostAcknowledgement())
        self.assertEqual([uuid], backend_removals.go_elsewhere())
        self.assertEqual('allocating', allocations.get(uuid).state)

    def test_one_that_goes_elsewhere_is_told(self):
        self.check_told(is_sent=False)

    def test_one_that_goes_elsewhere_though_it_was_sent_is_told(self):
        self.check_told(is_sent=True)

    def test_it_keeps_its_place_if_it_waits(self):
        uuid, _node = self.confirming(state='waiting', wait_timeout=60,
                                      priority=None)
        self.remove()
        self.upkeep()
        self.assertEqual('waiting', allocations.get(uuid).state)

    def test_it_is_left_alone_before_patience_is_over(self):
        uuid, _node = self.confirming()
        self.remove(seconds=30)
        self.upkeep()
        self.assertEqual('confirming', allocations.get(uuid).state)

    def test_it_is_left_alone_while_another_process_has_the_backend(self):
        uuid, _node = self.confirming()
        self.remove()
        self.assertIsNotNone(backends.hold('east', 'another process', 10))
        self.upkeep()
        self.assertEqual('confirming', allocations.get(uuid).state)

    def test_an_active_allocation_is_not_deleted_in_vain(self):
        """The answer was 204, and its node was never released."""
        uuid, node = self.confirming()
        self.write()
        self.remove()
        refused = self.assertRaises(exception.BackendRemoved, self.release,
                                    uuid)
        self.assertEqual(409, refused.code)
        self.assertIn('backend east', str(refused))
        self.assertEqual(('active', node), (
            allocations.get(uuid).state, allocations.get(uuid).node_uuid))
        self.put_back()
        self.release(uuid)
        self.write()
        self.assertIsNone(self.node(node).instance_uuid)

    def test_one_that_is_not_active_yet_may_be_deleted(self):
        uuid, node = self.confirming()
        self.send()
        self.remove()
        self.release(uuid)
        self.assertRaises(exception.AllocationNotFound, allocations.get, uuid)
        self.assertEqual(uuid, self.node(node).instance_uuid)

    def test_no_backfill_is_wanted_there(self):
        node, = self.store().enrol(provision_state='active')
        self.look()
        self.remove()
        self.assertRaises(
            exception.BackendRemoved, backfills.want, node,
            mirroring.PENDING | {'uuid': None, 'candidate_nodes': []})

    def test_forgotten_with_claims_open_these_start_anew(self):
        uuid, _node = self.confirming()
        self.send()
        self.remove()
        self.assertEqual((1, 0), backend_removals.remove(
            'east', is_forced=True))
        self.assertEqual('allocating', allocations.get(uuid).state)
        other, = self.store('west').enrol()
        self.look('west')
        self.loop.walk()
        self.write('west')
        self.assertEqual(other, allocations.get(uuid).node_uuid)

    def test_forgotten_while_its_node_is_claimed_that_starts_anew(self):
        """It stayed without an answer for ever."""
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.remove()
        read: list[str] = []

        @sa.event.listens_for(session.get_engine(), 'after_cursor_execute')
        def claim(connection, _cursor, statement, *_others):
            if 'FROM nodes' in statement and not read:
                read.append(statement)
                self.claim(connection, uuid, node)

        self.addCleanup(sa.event.remove, session.get_engine(),
                        'after_cursor_execute', claim)
        self.assertEqual((1, 0), backend_removals.remove('east'))
        self.assertEqual('allocating', allocations.get(uuid).state)

    def claim(self, connection, uuid, node):
        """Write both sides of a claim, as another process does."""
        node_id = self.node(node).id
        allocation_id = connection.execute(sa.select(_allocation.c.id).where(
            _allocation.c.uuid == uuid)).scalar()
        connection.execute(sa.update(_allocation).values(
            state='confirming', node_id=node_id))
        connection.execute(sa.update(_node).values(
            allocation_id=allocation_id, instance_uuid=uuid))

    def test_what_is_wanted_at_the_last_moment_is_not_forgotten(self):
        self.confirming()
        self.remove()
        row = backends.get_row('east')
        self.assertRaises(backend_removals.WritesOpen,
                          backend_removals._remove_row, row.id, False)
        self.assertEqual(1, len(backend_writes.list_open('east')))
