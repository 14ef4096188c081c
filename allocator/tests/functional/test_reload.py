# SPDX-License-Identifier: Apache-2.0
"""SIGHUP makes the API's workers anew, with what the files say by then."""

import configparser
import os
import signal

import fixtures as fixture
import requests
from testtools import content

from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Seconds that a busy machine may take to start processes.
PATIENCE = 60

STAY = b'the old values stay'


@testcase.per_database(databases.SQLITE)
class ReloadTests:
    """allocator-api on SQLite: no test here needs a conductor."""

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixture.TempDir()).path
        self.path = os.path.join(self.folder, 'allocator.conf')
        self.url = 'http://127.0.0.1:%d/v1/nodes' % fixtures.free_port()
        self.options = {
            'DEFAULT': {'auth_strategy': 'noauth',
                        'transport_url': 'fake://'},
            'api': {'host_ip': '127.0.0.1', 'api_workers': 1,
                    'port': self.url.split(':')[2].split('/')[0]},
            'database': {'connection': 'sqlite:///%s/test.sqlite'
                         % self.folder}}
        self.write()
        made = processes.run('allocator-dbsync', '--config-file', self.path,
                             'upgrade')
        self.assertEqual(0, made.returncode, made.stdout)
        self.api = processes.Process(
            'allocator-api', os.path.join(self.folder, 'log'),
            'allocator-api', '--config-file', self.path)
        self.api.start()
        self.addCleanup(self.api.stop)
        self.addOnException(lambda _exc_info: self.addDetail(
            'log', content.text_content(self.api.read_log().decode())))
        waiting.until(lambda: self.status() == 200, PATIENCE, 'the start')

    def write(self, **sections):
        """Write the configuration file.

        :param sections: options that are changed, by section
        """
        parser = configparser.RawConfigParser()
        parser.read_dict(self.options)
        parser.read_dict(sections)
        with open(self.path + '.new', 'w') as file:
            parser.write(file)
        os.replace(self.path + '.new', self.path)

    def reload(self, **sections):
        self.write(**sections)
        self.api.send(signal.SIGHUP)

    def status(self):
        """Ask for the nodes, with a connection of its own.

        :returns: the status of the answer, None without one
        """
        try:
            return requests.get(self.url, timeout=10).status_code
        except requests.ConnectionError:
            return None

    def test_each_option_counts_not_only_the_mutable_ones(self):
        users = os.path.join(self.folder, 'htpasswd')
        with open(users, 'w') as file:
            file.write('admin:$2y$05$%s\n' % ('a' * 53))
        self.reload(DEFAULT={'auth_strategy': 'http_basic',
                             'http_basic_auth_user_file': users})
        waiting.until(lambda: self.status() == 401, PATIENCE,
                      'the new authentication is in force')
        self.reload()
        waiting.until(lambda: self.status() == 200, PATIENCE,
                      'the old authentication is back')

    def test_number_of_workers(self):
        self.assertEqual(1, len(self.api.children()))
        self.reload(api={'api_workers': 3})
        waiting.until(lambda: len(self.api.children()) == 3, PATIENCE,
                      'there are three workers')
        self.reload(api={'api_workers': 2})
        waiting.until(lambda: len(self.api.children()) == 2, PATIENCE,
                      'there are two workers')

    def test_log_level(self):
        self.assertNotIn(b' DEBUG ', self.api.read_log())
        self.reload(DEFAULT={'debug': True})
        waiting.until(lambda: b' DEBUG ' in self.api.read_log(), PATIENCE,
                      'more is logged')

    def assert_refused(self, reason, **sections):
        """See that a mistake is told, and that the service goes on."""
        offset = len(self.api.read_log())
        before = set(self.api.children())
        self.reload(**sections)
        waiting.until(lambda: STAY in self.api.read_log(offset), PATIENCE,
                      'the mistake is told')
        self.assertIn(reason, self.api.read_log(offset))
        waiting.until(lambda: before.isdisjoint(self.api.children())
                      and self.status() == 200, PATIENCE, 'it goes on')

    def test_a_mistake_changes_nothing(self):
        for reason, sections in (
                (b'notanumber', {'api': {'api_workers': 'notanumber'}}),
                (b'ssl_cert_file', {'api': {'enable_ssl_api': True}}),
                (b'heartbeat_timeout', {'conductor': {
                    'heartbeat_timeout': 1, 'heartbeat_interval': 10}}),
                (b'/no/such/users', {'DEFAULT': {
                    'auth_strategy': 'http_basic',
                    'http_basic_auth_user_file': '/no/such/users'}})):
            self.assert_refused(reason, **sections)
        with open(self.path, 'a') as file:
            file.write('this is no option\n')
        offset = len(self.api.read_log())
        self.api.send(signal.SIGHUP)
        waiting.until(lambda: STAY in self.api.read_log(offset), PATIENCE,
                      'the mistake is told')
        waiting.until(lambda: self.status() == 200, PATIENCE, 'it goes on')
