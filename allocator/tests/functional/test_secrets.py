# SPDX-License-Identifier: Apache-2.0
"""Passwords in URLs: in no log, however wrong they are."""

import configparser
import os
import uuid

import fixtures
import requests
import sqlalchemy as sa

from allocator.tests import microversions
from allocator.tests.functional import client
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Seconds until a process has tried what it cannot do.
PATIENCE = 60


@testcase.per_database(*databases.SERVERS)
class TestWrongPasswords:
    """An API and a conductor that the database and the broker turn away."""

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path
        self.password = 'secret' + uuid.uuid4().hex
        self.port = service_fixtures.free_port()
        self.config_file = os.path.join(self.folder, 'allocator.conf')
        self.database = self.useFixture(databases.Database(self.kind))
        self._configure(self._wrong(self.database.url))

    def _configure(self, database):
        """Write the configuration.

        :param database: URL of the database
        """
        parser = configparser.RawConfigParser()
        parser.read_dict({
            'DEFAULT': {
                'auth_strategy': 'noauth', 'debug': True,
                'transport_url': self._wrong(databases.broker_url())},
            'api': {'host_ip': '127.0.0.1', 'port': self.port,
                    'api_workers': 1},
            'conductor': {'workers': 1},
            'database': {'connection': database}})
        with open(self.config_file, 'w') as file:
            parser.write(file)

    def _wrong(self, url):
        return sa.make_url(url).set(
            username='nobody', password=self.password).render_as_string(
            hide_password=False)

    def _start(self, command):
        process = processes.Process(
            command, os.path.join(self.folder, command + '.log'), command,
            '--config-file', self.config_file)
        process.start()
        self.addCleanup(process.stop)
        return process

    def _assert_silent(self, process):
        log = process.read_log().decode()
        self.assertIn('DEBUG', log)
        self.assertNotIn(self.password, log)

    def test_api(self):
        api = self._start('allocator-api')
        endpoint = 'http://127.0.0.1:%d' % self.port

        def ask():
            try:
                return requests.get(endpoint + '/v1/allocations', timeout=30,
                                    headers={'X-OpenStack-Ironic-API-Version':
                                             microversions.NEWEST})
            except requests.ConnectionError:
                return None

        # A Response is true only if it is below 400.
        answer, = waiting.until(lambda: [found for found in [ask()]
                                         if found is not None],
                                PATIENCE, 'the API answers')
        self.assertEqual(503, answer.status_code, answer.text)
        self.assertEqual('The database is away. Try again later.',
                         client.fault(answer))
        self._assert_silent(api)

    def test_conductor(self):
        conductor = self._start('allocator-conductor')
        waiting.until(
            lambda: b'Waiting for the database' in conductor.read_log(),
            PATIENCE, 'the conductor has tried to connect')
        self._assert_silent(conductor)

    def test_conductor_whom_only_the_broker_turns_away(self):
        self._configure(self.database.url)
        done = processes.run('allocator-dbsync', '--config-file',
                             self.config_file, 'upgrade')
        self.assertEqual(0, done.returncode, done.stdout)
        conductor = self._start('allocator-conductor')
        waiting.until(
            lambda: b'ACCESS_REFUSED' in conductor.read_log(),
            PATIENCE, 'the conductor has tried to reach the broker')
        self._assert_silent(conductor)

    def test_commands(self):
        for command in (['allocator-dbsync', 'upgrade'],
                        ['allocator-status', 'upgrade', 'check']):
            done = processes.run(command[0], '--config-file',
                                 self.config_file, *command[1:])
            self.assertNotEqual(0, done.returncode)
            self.assertNotIn(self.password, done.stdout)
