# SPDX-License-Identifier: Apache-2.0
"""What is costly to read is read by one process of a host, now and then."""

import concurrent.futures
import os
import threading

import fixtures
import testtools

from allocator.telemetry import remembered


class RememberedTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path
        self.useFixture(fixtures.EnvironmentVariable(
            'PROMETHEUS_MULTIPROC_DIR', self.folder))
        self.path = os.path.join(self.folder, 'pool.json')
        self.reads = 0

    def read(self):
        self.reads += 1
        return [['metal', 'free', self.reads]]

    def ask(self):
        """Ask as a process does that has not asked before."""
        return remembered.Remembered('pool', self.read).get()

    def test_what_one_process_has_read_the_others_take(self):
        self.assertEqual(self.ask(), self.ask())
        self.assertEqual(1, self.reads)

    def test_those_that_ask_at_once_read_once(self):
        together = threading.Barrier(8)

        def ask(_number):
            together.wait(60)
            return self.ask()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = list(pool.map(ask, range(8)))
        self.assertEqual([[['metal', 'free', 1]]] * 8, found)

    def test_what_is_old_is_read_anew(self):
        self.ask()
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.telemetry.remembered.SECONDS', 0))
        self.assertEqual([['metal', 'free', 2]], self.ask())

    def test_what_is_of_before_a_reboot_is_read_anew(self):
        """The clock began anew, and what was read seems to come from later."""
        with open(self.path, 'w') as file:
            file.write('{"at": 1e12, "value": []}')
        self.assertEqual([['metal', 'free', 1]], self.ask())

    def test_what_a_killed_process_has_half_written_is_read_anew(self):
        with open(self.path, 'w') as file:
            file.write('{"at": 12, "val')
        self.ask()
        self.ask()
        self.assertEqual(1, self.reads)

    def test_what_cannot_be_read_is_not_remembered(self):
        def fail():
            raise OSError('away')

        self.assertRaises(OSError, remembered.Remembered('pool', fail).get)
        self.assertEqual([['metal', 'free', 1]], self.ask())
