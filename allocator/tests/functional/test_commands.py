# SPDX-License-Identifier: Apache-2.0
"""Each command starts, does its work and ends, with whatever is installed.

tox -e lower-bounds runs this with the oldest libraries that are admitted, so
it needs nothing else of the tests' requirements.
"""

import configparser
import pathlib
import signal

from testtools import content

import allocator
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Seconds after which new processes have taken over, whatever connections
# clients keep open; those may stay for longer.
RELOAD = 40


@testcase.per_database()
class CommandTests:
    """Once, requirements.txt admitted libraries with which none started.

    allocator-api ended at once with gunicorn 23, and allocator-conductor with
    cotyledon 2.1; with gunicorn 26, a reload waited for idle clients.
    """

    def setUp(self):
        super().setUp()
        self.service = self.useFixture(fixtures.Service(
            self.kind, conductors=1, api_workers=1))
        self.addOnException(lambda _exc_info: self.addDetail(
            'logs', content.text_content(self.service.logs())))

    def allocate(self):
        """Have a node allocated.

        :returns: the allocation, no longer pending
        """
        self.service.add_node()
        created = self.service.client.post(
            '/v1/allocations', {'resource_class': 'baremetal'}).json()

        def settled():
            found = self.service.client.get(
                '/v1/allocations/' + created['uuid']).json()
            return found if found['state'] != 'allocating' else None

        return waiting.until(settled, 30, 'the allocation is decided')

    def run_command(self, *arguments):
        return processes.run(arguments[0], '--config-file',
                             self.service.config_file, *arguments[1:])

    def test_start_allocate_reload_and_stop(self):
        self.assertEqual('active', self.allocate()['state'])
        before = set(self.service.api.children())
        for process in self.service.processes:
            process.send(signal.SIGHUP)
        waiting.until(
            lambda: before.isdisjoint(self.service.api.children()), RELOAD,
            'the workers of the API are replaced')
        self.service.wait_ready()
        self.assertEqual('active', self.allocate()['state'])
        self.assertEqual([0] * len(self.service.processes),
                         [process.stop()
                          for process in self.service.processes])

    def test_dbsync_and_status(self):
        version = self.run_command('allocator-dbsync', 'version')
        self.assertEqual(0, version.returncode, version.stdout)
        status = self.run_command('allocator-status', 'upgrade', 'check')
        # SQLite comes with the warning that it serves one process.
        worst = 1 if self.kind == databases.SQLITE else 0
        self.assertEqual(worst, status.returncode, status.stdout)


@testcase.per_database(databases.SQLITE)
class HelpTests:

    def test_each_command_explains_itself(self):
        """Once, allocator-manage was not among them."""
        commands = _console_scripts()
        self.assertIn('allocator-manage', commands)
        for command in commands:
            made = processes.run(command, '--help')
            self.assertEqual(0, made.returncode, made.stdout)
            self.assertIn('usage: ' + command, made.stdout)


def _console_scripts():
    """List the commands that setup.cfg has installed."""
    setup = configparser.ConfigParser()
    setup.read(pathlib.Path(allocator.__file__).parent.parent / 'setup.cfg')
    return [line.partition('=')[0].strip() for line in
            setup['entry_points']['console_scripts'].strip().splitlines()]
