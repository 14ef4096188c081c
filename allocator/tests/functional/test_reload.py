# SPDX-License-Identifier: Apache-2.0
"""SIGHUP makes the API's workers anew, with what the files say by then."""

import configparser
import os
import signal
import socket

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


def status_of(url):
    """Ask with a connection of its own.

    :returns: the status of the answer, None without one
    """
    try:
        return requests.get(url, timeout=10).status_code
    except requests.ConnectionError:
        return None


class Reloaded:
    """allocator-api on SQLite: no test here needs a conductor.

    :cvar missing: package that is not installed
    """

    missing = None

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
        self.api.variables['PYTHONPATH'] = self.without(self.missing)
        self.api.start()
        self.addCleanup(self.api.stop)
        self.addOnException(lambda _exc_info: self.addDetail(
            'log', content.text_content(self.api.read_log().decode())))
        waiting.until(lambda: self.status() == 200, PATIENCE, 'the start')

    def without(self, package):
        """Make a PYTHONPATH on which a package is none."""
        found = processes.environment()['PYTHONPATH']
        if not package:
            return found
        with open(os.path.join(self.folder, package + '.py'), 'w') as file:
            file.write('raise ImportError("it is not installed")\n')
        return os.pathsep.join([self.folder, found])

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
        return status_of(self.url)

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


@testcase.per_database(databases.SQLITE)
class ReloadTests(Reloaded):

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

    def test_a_mistake_changes_nothing(self):
        for reason, sections in (
                (b'notanumber', {'api': {'api_workers': 'notanumber'}}),
                (b'ssl_cert_file', {'api': {'enable_ssl_api': True}}),
                (b'[conductor] sweep_interval', {
                    'conductor': {'sweep_interval': 'often'}}),
                (b'The name "a b" in [DEFAULT] enabled_backends', {
                    'DEFAULT': {'enabled_backends': 'a b'}}),
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


@testcase.per_database(databases.SQLITE)
class RequirementTests(Reloaded):

    missing = 'opentelemetry'

    def test_what_a_start_refuses_ends_no_service(self):
        """Once, each of these ended it, or was taken for the new values."""
        for reason, sections in (
                (b'[database] connection is not set',
                 {'database': {'connection': ''}}),
                (b'Install the extra "tracing"',
                 {'tracing': {'enabled': True}}),
                (b'[metrics] directory cannot be used', {'metrics': {
                    'path': '/metrics', 'directory': self.path}})):
            self.assert_refused(reason, **sections)


@testcase.per_database(databases.SQLITE)
class AddressTests(Reloaded):

    def test_another_address_is_served(self):
        port = fixtures.free_port()
        self.reload(api={'port': port})
        old, self.url = self.url, 'http://127.0.0.1:%d/v1/nodes' % port
        waiting.until(lambda: self.status() == 200, PATIENCE,
                      'the new port is served')
        waiting.until(lambda: status_of(old) is None, PATIENCE,
                      'the old port is not')

    def test_one_that_cannot_be_bound_is_refused(self):
        """Once, the old one was closed by then, and the service ended."""
        with socket.create_server(('127.0.0.1', 0)) as taken:
            self.assert_refused(b'Address already in use',
                                api={'port': taken.getsockname()[1]})
        self.assert_refused(b'cannot be listened at',
                            api={'host_ip': '192.0.2.1'})
        # The workers, which listen, end after the new ones have begun.
        self.assert_refused(b'a restart can', api={'host_ip': '0.0.0.0'})


@testcase.per_database(databases.SQLITE)
class MetricsTests(Reloaded):

    def test_metrics_are_shown_from_then_on(self):
        """Once, nothing was counted unless it was from the start."""
        url = self.url.replace('/v1/nodes', '/metrics')
        self.assertEqual(404, status_of(url))
        self.reload(metrics={'path': '/metrics'})
        waiting.until(lambda: status_of(url) == 200, PATIENCE,
                      'the path shows metrics')
        port = fixtures.free_port()
        self.reload(metrics={'api_port': port})
        shown = 'http://127.0.0.1:%d/metrics' % port
        waiting.until(lambda: status_of(shown) == 200, PATIENCE,
                      'the port shows metrics')
        waiting.until(lambda: status_of(url) == 404, PATIENCE,
                      'the path does no longer')
        self.assertEqual(200, self.status())
        waiting.until(
            lambda: b'allocator_api_requests_total{method="GET",status="200"}'
            in requests.get(shown, timeout=10).content, PATIENCE,
            'requests are counted')

    def test_another_directory_is_for_a_start(self):
        self.reload(metrics={'path': '/metrics'})
        waiting.until(
            lambda: status_of(self.url.replace('/v1/nodes', '/metrics'))
            == 200, PATIENCE, 'the path shows metrics')
        self.reload(metrics={'path': '/metrics', 'directory': self.folder})
        waiting.until(
            lambda: b'[metrics] directory has changed' in self.api.read_log(),
            PATIENCE, 'it is told')
