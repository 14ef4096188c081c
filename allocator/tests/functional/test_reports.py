# SPDX-License-Identifier: Apache-2.0
"""A process that gets SIGUSR2 tells what it is at, and goes on."""

import os
import re
import signal

import sqlalchemy as sa

from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Seconds until a report is written, on a busy machine.
WRITTEN = 30

BEGINNING = b'Guru Meditation'
END = b'oslo_reports:'


class Reports:
    """Processes are asked, and allocate afterwards as before."""

    def report_of(self, process, pid):
        """Have a process write a report.

        :param process: whose log it goes to
        :param pid: the master's process id, or a worker's
        :returns: its text
        """
        start = len(process.read_log())
        os.kill(pid, signal.SIGUSR2)

        def written():
            text = process.read_log(start)
            return END in text and text[text.index(BEGINNING):].decode()

        return waiting.until(written, WRITTEN, 'a report', interval=0.1)

    def check(self, process, place):
        """Ask the master and each worker.

        :param place: file that some thread of a worker is in
        """
        workers = process.children()
        self.assertNotEqual([], workers)
        for pid in (process.pid, *workers):
            text = self.report_of(process, pid)
            for section in ('Package', 'Threads', 'Configuration'):
                self.assertRegex(text, r'=+ *%s *=+|= +%s +=' % (
                    section, section))
            self.assertRegex(text, r'product = allocator')
            if pid != process.pid:
                self.assertIn(place, text)
            self.assert_no_secret(text)
        self.assertEqual(sorted(workers), sorted(process.children()))
        self.assertTrue(process.is_running)

    def assert_no_secret(self, text):
        self.assertIsNotNone(re.search(r'connection = \*\*\*', text))
        password = sa.make_url(self.service.database.url).password
        if password:
            self.assertNotIn(':%s@' % password, text)

    def check_that_it_serves(self):
        self.service.add_node()
        uuid = self.client.allocate(resource_class='baremetal')['uuid']
        self.assertEqual('active', self.client.settled(uuid)['state'])


@testcase.per_database(databases.MYSQL)
class ServiceReportTests(Reports, testcase.ServiceTests):

    conductors = 1

    def test_api_and_conductor_tell_what_they_are_at(self):
        self.check(self.service.api, 'gthread.py')
        self.check(self.service.conductors[0], 'matching.py')
        self.check_that_it_serves()


@testcase.per_database(databases.SQLITE)
class SingleReportTests(Reports, testcase.ServiceTests):

    def test_the_single_process_tells_what_it_is_at(self):
        self.check(self.service.api, 'matching.py')
        self.check_that_it_serves()
