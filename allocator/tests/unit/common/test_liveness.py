# SPDX-License-Identifier: Apache-2.0
"""A loop is late once it has not come round when it said it would."""

import math
import os

import fixtures
import testtools

from allocator.common import liveness
from allocator.common import systemd


class LivenessTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.addCleanup(liveness.use, None, 0)
        self.now = 1000.0
        self.useFixture(fixtures.MockPatch('time.monotonic',
                                           lambda: self.now))

    def test_the_latest_of_the_loops_counts(self):
        until = [0.0, 0.0]
        for index, seconds in enumerate((60, 5)):
            liveness.use(until, index)
            liveness.come_round(seconds)
        self.assertEqual(0, liveness.overdue(until))
        self.now += 45
        self.assertEqual(40, liveness.overdue(until))

    def test_before_all_have_begun_there_is_nothing_to_tell(self):
        until = [0.0, 0.0]
        liveness.use(until, 1)
        liveness.come_round()
        self.assertIsNone(liveness.overdue(until))

    def test_a_process_without_a_loop_is_never_late(self):
        self.assertEqual(0, liveness.overdue([math.inf]))

    def test_where_nobody_watches_nothing_is_told(self):
        liveness.come_round(5)


class WatchdogTests(testtools.TestCase):

    def watched(self, **variables):
        for name in ('WATCHDOG_USEC', 'WATCHDOG_PID'):
            self.useFixture(fixtures.EnvironmentVariable(
                name, variables.get(name)))
        return systemd.watchdog_seconds()

    def test_a_master_and_its_workers_are_watched(self):
        for pid in (os.getpid(), os.getppid()):
            self.assertEqual(30.0, self.watched(
                WATCHDOG_USEC='30000000', WATCHDOG_PID=str(pid)))

    def test_what_is_meant_for_another_process_is_not_taken(self):
        self.assertIsNone(self.watched(WATCHDOG_USEC='30000000',
                                       WATCHDOG_PID='1'
                                       if os.getppid() != 1 else '2'))

    def test_without_a_time_nobody_is_watched(self):
        for value in (None, '', '0', 'soon'):
            self.assertIsNone(self.watched(WATCHDOG_USEC=value))
