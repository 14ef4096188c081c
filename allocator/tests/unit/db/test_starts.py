# SPDX-License-Identifier: Apache-2.0
"""When a search for nodes begins by a read without locks."""

import threading
from unittest import mock

import fixtures
import testtools

from allocator.db import starts

INDEX = 'nodes_claim_idx'


class PaceTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.connection = mock.Mock()
        self.connection.dialect.name = 'mysql'
        self.now = 1000.0
        self.useFixture(fixtures.MockPatchObject(
            starts.time, 'monotonic', lambda: self.now))
        self.useFixture(fixtures.MockPatchObject(
            starts, '_pace', starts._Pace()))

    def is_needed(self, index=INDEX):
        return starts.is_needed(self.connection, index)

    def slow(self, times):
        for _ in range(times):
            starts.note(2 * starts.SLOW, 1)

    def test_not_unless_it_was_slow_in_succession(self):
        self.assertFalse(self.is_needed())
        self.slow(starts.SUCCESSION - 1)
        self.assertFalse(self.is_needed())
        starts.note(starts.SLOW / 2, 1)
        self.slow(starts.SUCCESSION - 1)
        self.assertFalse(self.is_needed())
        self.slow(1)
        self.assertTrue(self.is_needed())

    def test_many_nodes_may_take_longer(self):
        for _ in range(starts.SUCCESSION):
            starts.note(2 * starts.SLOW, 64)
        self.assertFalse(self.is_needed())

    def test_it_is_tried_again(self):
        self.slow(starts.SUCCESSION)
        self.now += starts.REMEMBERED * 3 * starts.SLOW
        self.assertFalse(self.is_needed())
        self.slow(1)
        self.assertTrue(self.is_needed())
        self.now += starts.REMEMBERED * 3 * starts.SLOW
        starts.note(starts.SLOW / 2, 1)
        self.slow(1)
        self.assertFalse(self.is_needed())

    def test_what_takes_long_is_tried_rarely(self):
        for _ in range(starts.SUCCESSION):
            starts.note(1, 1)
        self.now += starts.REMEMBERED - 1
        self.assertTrue(self.is_needed())

    def test_each_thread_by_itself(self):
        self.slow(starts.SUCCESSION)
        found = []
        thread = threading.Thread(
            target=lambda: found.append(self.is_needed()))
        thread.start()
        thread.join()
        self.assertEqual([False], found)

    def test_only_where_locks_are_taken_on_the_way(self):
        self.slow(starts.SUCCESSION)
        self.assertFalse(self.is_needed('PRIMARY'))
        self.connection.dialect.name = 'postgresql'
        self.assertFalse(self.is_needed())
