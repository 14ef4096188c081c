# SPDX-License-Identifier: Apache-2.0
"""When a backend is asked whether an allocation is decided."""

import testtools

from allocator.backends import pace


class PaceTests(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.pace = pace.Pace()

    def waits(self, count):
        pauses = self.pace.pauses()
        return [next(pauses) for _ in range(count)]

    def decide(self, seconds, times):
        """Have decisions take some time."""
        for _ in range(times):
            pauses, waited, questions = self.pace.pauses(), 0, 0
            while not questions or waited < seconds:
                waited += next(pauses)
                questions += 1
            self.pace.note(waited, questions)

    def test_the_first_question_comes_when_the_last_were_decided(self):
        self.decide(0.2, times=50)
        first = self.waits(1)[0]
        self.assertTrue(0.1 < first < 0.25, first)

    def test_the_first_question_does_not_come_very_late(self):
        self.decide(0.8, times=50)
        self.assertEqual(pace.MOST_FIRST, self.waits(1)[0])

    def test_others_come_soon_and_then_later(self):
        waits = self.waits(40)
        self.assertEqual(sorted(waits[1:]), waits[1:])
        self.assertLess(waits[1], waits[0])
        self.assertEqual(pace.MOST, waits[-1])

    def test_a_backend_that_is_no_longer_busy_is_asked_sooner(self):
        self.decide(0.8, times=20)
        self.decide(0.05, times=12)
        self.assertLess(self.waits(1)[0], 0.1)

    def test_a_quick_backend_is_asked_soon(self):
        self.decide(0, times=50)
        self.assertEqual([pace.LEAST] * 2, self.waits(2))

    def test_one_slow_decision_changes_little(self):
        before = self.waits(1)[0]
        self.pace.note(60, 30)
        self.assertLess(self.waits(1)[0] - before, 0.25)
