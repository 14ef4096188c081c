# SPDX-License-Identifier: Apache-2.0
"""How far back looks for changes read."""

import datetime

import testtools

from allocator.backends import horizon

NOON = datetime.datetime(2026, 1, 31, 12)


def after(seconds):
    """Get a time by the backend's clock, seconds after noon."""
    return NOON + datetime.timedelta(seconds=seconds)


class HorizonTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.now = 1000.0
        self.horizon = horizon.Horizon(lambda: self.now)

    def look(self, *changes, seconds=0, **options):
        """Look, and find changes at some seconds after noon there.

        :returns: until when it reads
        """
        view = self.horizon.begin(**options)
        self.now += seconds
        for change in changes:
            self.horizon.note(after(change))
        self.horizon.end(view)
        return view.until

    def test_the_first_look_reads_everything(self):
        self.assertIsNone(self.look())
        self.assertIsNone(self.look(0))
        self.assertIsNotNone(self.look())

    def test_what_changed_during_a_long_first_look_is_read(self):
        self.look(0, 100, seconds=100)
        self.assertEqual(after(-horizon.MOSTLY), self.look())

    def test_most_looks_read_back_for_some_seconds(self):
        self.look(0)
        self.now += 5
        self.assertEqual(after(-horizon.MOSTLY), self.look(4))
        self.now += 5
        self.assertEqual(after(5 - horizon.MOSTLY), self.look(9))

    def test_now_and_then_one_reads_back_for_what_comes_late(self):
        self.look(0)
        for second in range(5, horizon.FAR_EACH, 5):
            self.now += 5
            self.look(second)
        self.now += 5
        self.assertEqual(after(-horizon.AT_MOST), self.look())

    def test_so_does_one_that_somebody_waits_for(self):
        self.look(0)
        self.now += 5
        self.assertEqual(after(-horizon.AT_MOST),
                         self.look(is_awaited=True))

    def test_without_changes_nothing_is_read_again(self):
        self.look(0)
        self.now += horizon.AT_MOST + 1
        self.look()
        self.now += 5
        self.assertGreater(self.look(), after(0))

    def test_a_look_that_failed_does_not_count(self):
        self.look(0)
        self.now += 5
        self.horizon.begin()
        self.horizon.note(after(5))
        self.assertEqual(after(-horizon.MOSTLY), self.look())
