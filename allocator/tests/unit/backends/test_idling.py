# SPDX-License-Identifier: Apache-2.0
"""What backends cost while nothing happens, and what keeps them held."""

import datetime

import sqlalchemy as sa

from allocator.backends import keeper
from allocator.backends import looks
from allocator.backends import mirror
from allocator.backends import registry
from allocator.backends import watch
from allocator.backends import writer
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import models
from allocator.db import session
from allocator.tests import statements
from allocator.tests.unit.backends import mirroring

_backend = models.Backend.__table__


class IdleTests(mirroring.MirrorTestCase):

    names = ('east', 'west', 'north')

    def setUp(self):
        super().setUp()
        self.watch = watch.Watch(60, 60)
        self.mirrors = {name: mirror.Mirror(name, watched=self.watch)
                        for name in self.names}
        self.writers = {name: writer.Writers(name, watched=self.watch)
                        for name in self.names}

    def test_all_backends_are_asked_for_at_once(self):
        for found in self.mirrors.values():
            found._step()
        watched = watch.Watch(60, 60)
        for part in (*self.mirrors.values(), *self.writers.values()):
            part._watch = watched
        for found in self.mirrors.values():
            found._next_look = found._next_sweep = float('inf')
        counted = self.useFixture(statements.Statements())
        for _ in range(3):
            for found in self.mirrors.values():
                found._step()
            for found in self.writers.values():
                self.assertFalse(found._is_due())
        # The backends and the time; what is due.
        self.assertEqual(2, len(counted.texts), counted.texts)

    def test_what_nobody_rang_for_is_found(self):
        self.store().enrol()
        for found in self.mirrors.values():
            found._step()
        backends.forget()
        self.allocate()
        self.loop.walk()
        ids = {name: backends.get_row(name).id for name in self.names}
        watched = watch.Watch(0, 0)
        self.assertEqual([True, False, False], [
            watched.is_due(ids[name]) for name in self.names])
        [_write] = backend_writes.lease(backends.get_row('east'), 8)
        self.assertFalse(watched.is_due(ids['east']))


class RingTests(mirroring.MirrorTestCase):

    def claimed(self, watched):
        """Have a claim wait, after the watch has seen that none does.

        :returns: writer.Writers
        """
        self.store().enrol()
        self.look()
        found = writer.Writers('east', watched=watched)
        self.assertFalse(found._is_due())
        self.allocate()
        self.loop.walk()
        return found

    def test_a_ring_has_what_is_due_read_anew_and_once(self):
        watched = watch.Watch(60, 60)
        found = self.claimed(watched)
        self.assertFalse(found._is_due())
        watched.ring()
        counted = self.useFixture(statements.Statements())
        self.assertTrue(found._is_due())
        self.assertTrue(found._is_due())
        self.assertEqual(1, len(counted.texts), counted.texts)

    def test_what_is_put_off_is_tried_again_in_time_without_a_ring(self):
        found = self.claimed(watch.Watch(60, 60))
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        found._put_off(write, 'no answer')
        self.assertLessEqual(found._pause(), writer.RETRY)
        found._has_ended = True
        self.assertTrue(found._is_due())
        # That looked too early, and forgot nothing.
        self.assertFalse(found._is_due())
        found._retries = [when - writer.RETRY for when in found._retries]
        self.assertEqual(0, found._pause())
        self.assertTrue(found._is_due())
        self.assertFalse(found._is_due())


class KeeperTests(mirroring.MirrorTestCase):

    def held_until(self):
        return backends.get_row('east').held_until

    def run_out(self):
        """Have a backend be held no longer, as after a long page."""
        with session.writer() as connection:
            connection.execute(sa.update(_backend).values(
                held_until=backends.now() - datetime.timedelta(seconds=1)))

    def test_what_is_held_stays_held_whatever_its_mirror_waits_for(self):
        self.look()
        self.run_out()
        keeper.Keeper(list(self.mirrors.values())).keep()
        self.assertGreater(self.held_until(), backends.now())
        self.assertIsNone(backends.hold('east', 'another', 10))

    def test_what_is_kept_is_not_held_anew_one_by_one(self):
        self.look()
        keeper.Keeper(list(self.mirrors.values())).keep()
        self.mirrors['east']._next_look += 60
        counted = self.useFixture(statements.Statements())
        self.mirrors['east']._step()
        # The watch's alone.
        self.assertEqual(1, len(counted.texts), counted.texts)

    def test_without_a_keeper_it_is_held_before_that_ends(self):
        self.look()
        with session.writer() as connection:
            connection.execute(sa.update(_backend).values(
                held_until=backends.now() + datetime.timedelta(
                    seconds=mirror.HELD - 2 * mirror.RENEWED - 0.1)))
        before = self.held_until()
        self.mirrors['east']._step()
        self.assertGreater(self.held_until(), before)

    def test_what_another_has_taken_over_is_left_to_it(self):
        self.look()
        self.run_out()
        backends.hold('east', 'another', 10)
        before = self.held_until()
        keeper.Keeper(list(self.mirrors.values())).keep()
        self.assertEqual(before, self.held_until())

    def test_what_was_let_go_is_not_taken_again(self):
        self.look()
        self.mirrors['east']._let_go()
        keeper.Keeper(list(self.mirrors.values())).keep()
        self.assertIsNone(self.held_until())


class MemoryTests(mirroring.MirrorTestCase):

    def test_what_is_said_again_is_not_read_anew(self):
        first, second = self.store().enrol(2)
        for uuid in (first, second):
            self.store().change_node(uuid, extra={'a': 1})
        memory = looks.Memory()

        def read():
            found, _marker = registry.get('east').get_changed_nodes(2)
            return {facts.uuid: facts for facts in memory.read(found).nodes}

        before = read()
        self.store().change_node(first, extra={'a': 2})
        after = read()
        self.assertEqual({'a': 2}, after[first].columns['extra'])
        self.assertIs(before[second], after[second])
        self.assertEqual([first, second], list(after))
        # What is not on the page any more is forgotten.
        self.assertEqual([], memory.read([]).nodes)
        self.assertEqual({}, memory._said)
