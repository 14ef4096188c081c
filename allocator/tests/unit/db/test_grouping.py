# SPDX-License-Identifier: Apache-2.0
"""What arrives together is written together, and no thread is left behind."""

from concurrent import futures
import threading

import fixtures
from oslo_db import exception as db_exc
from oslotest import base

from allocator.db import grouping
from allocator.tests.functional import waiting

# Seconds; nothing takes as long unless it hangs.
LONG = 20


class GroupingTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.groups = []
        self.errors = {}
        self.held = threading.Event()
        self.grouping = grouping.Grouping(self.write)
        self.executor = self.useFixture(Threads()).executor
        self.addCleanup(self.held.set)

    def write(self, entries):
        self.groups.append(entries)
        if entries[0] == 'first':
            self.held.wait(LONG)
        if entries[0] in self.errors:
            raise self.errors[entries[0]]

    def start(self, *entries):
        """Write entries, each in a thread of its own, in this order.

        The first is under way as long as it is held.

        :returns: list of futures
        """
        started = []
        for number, entry in enumerate(entries):
            started.append(self.executor.submit(self.grouping.write, entry))
            waiting.until(
                lambda number=number: self.groups and len(
                    self.grouping._waiting) == number, LONG,
                'the thread waits')
        return started

    def release(self, started):
        self.held.set()
        return [future.result(LONG) for future in started]

    def test_a_lone_entry_is_written_at_once(self):
        self.assertTrue(self.grouping.write('one'))
        self.assertTrue(self.grouping.write('two'))
        self.assertEqual([['one'], ['two']], self.groups)

    def test_those_that_come_meanwhile_are_the_next_group(self):
        self.assertEqual([True] * 4, self.release(
            self.start('first', 'a', 'b', 'c')))
        self.assertEqual([['first'], ['a', 'b', 'c']], self.groups)

    def test_a_group_has_an_upper_limit(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.db.grouping.MOST', 2))
        self.release(self.start('first', 'a', 'b', 'c', 'd', 'e'))
        self.assertEqual([['first'], ['a', 'b'], ['c', 'd'], ['e']],
                         self.groups)

    def test_a_group_that_fails_tells_each_to_go_alone(self):
        self.errors['a'] = db_exc.DBDuplicateEntry()
        self.assertEqual([True, False, False], self.release(
            self.start('first', 'a', 'b')))
        self.assertTrue(self.grouping.write('next'))

    def test_an_entry_that_is_alone_has_its_own_error(self):
        self.errors['one'] = db_exc.DBDuplicateEntry()
        self.assertRaises(db_exc.DBDuplicateEntry, self.grouping.write, 'one')
        self.assertTrue(self.grouping.write('next'))

    def test_a_leader_torn_out_of_its_work_leaves_nobody_behind(self):
        self.errors |= {'first': SystemExit(), 'a': SystemExit()}
        first, leader, *others = self.start('first', 'a', 'b', 'c')
        self.held.set()
        self.assertRaises(SystemExit, first.result, LONG)
        self.assertRaises(SystemExit, leader.result, LONG)
        self.assertEqual([False, False],
                         [future.result(LONG) for future in others])
        self.assertTrue(self.grouping.write('next'))

    def test_a_leader_torn_out_of_its_wait_leaves_nobody_behind(self):
        """It has been told to lead, and does not come to it."""
        real = grouping._Member.wait

        def wait(member, seconds):
            found = real(member, seconds)
            if member.entry == 'a':
                raise SystemExit()
            return found

        self.useFixture(fixtures.MonkeyPatch(
            'allocator.db.grouping._Member.wait', wait))
        first, leader, other = self.start('first', 'a', 'b')
        self.held.set()
        self.assertTrue(first.result(LONG))
        self.assertRaises(SystemExit, leader.result, LONG)
        self.assertFalse(other.result(LONG))
        self.assertEqual([['first']], self.groups)
        self.assertTrue(self.grouping.write('next'))

    def test_nobody_waits_long_for_one_that_is_held_up(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.db.grouping.PATIENCE', 0.1))
        first = self.executor.submit(self.grouping.write, 'first')
        waiting.until(lambda: self.groups, LONG, 'a group is under way')
        self.assertFalse(self.grouping.write('a'))
        self.assertFalse(first.done())
        self.assertEqual([True], self.release([first]))
        self.assertEqual([['first']], self.groups)

    def test_many_threads_each_have_their_answer(self):
        """No entry is forgotten or written twice, however they meet."""
        self.errors.update({'%d-7' % number: ValueError()
                            for number in range(16)})

        def write_some(number):
            alone = []
            for turn in range(50):
                entry = '%d-%d' % (number, turn)
                try:
                    if not self.grouping.write(entry):
                        alone.append(entry)
                except ValueError:
                    alone.append(entry)
            return alone

        with futures.ThreadPoolExecutor(16) as executor:
            alone = sum(executor.map(write_some, range(16)), [])
        written = sum((group for group in self.groups
                       if group[0] not in self.errors), [])
        self.assertEqual(16 * 50, len(written) + len(alone))
        self.assertEqual(16 * 50, len({*written, *alone}))


class Threads(fixtures.Fixture):
    """Threads that have ended when the test has."""

    def _setUp(self):
        self.executor = futures.ThreadPoolExecutor(16)
        self.addCleanup(self.executor.shutdown)
