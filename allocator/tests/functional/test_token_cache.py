# SPDX-License-Identifier: Apache-2.0
"""Tokens in a real memcached, which the processes share."""

import os
import shutil
import socket

import fixtures

from allocator.tests.functional import databases
from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import keystone
from allocator.tests.functional import processes
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Seconds that it may take to start.
START = 30


class Memcached(fixtures.Fixture):
    """A memcached on a port of 127.0.0.1.

    :ivar address: its host and port
    """

    def _setUp(self):
        command = shutil.which('memcached')
        if command is None:
            raise RuntimeError('There is no memcached: run "tools/test-setup '
                               'memcached" as root')
        folder = self.useFixture(fixtures.TempDir()).path
        self._port = service_fixtures.free_port()
        self.address = '127.0.0.1:%d' % self._port
        # Root it refuses to run as, unless it is told whom to become.
        user = ('-u', 'nobody') if os.getuid() == 0 else ()
        self._process = processes.Process(
            'memcached', os.path.join(folder, 'memcached.log'), command,
            '-l', '127.0.0.1', '-p', str(self._port), *user)
        self.addCleanup(self.stop)
        self._process.start()
        waiting.until(self._answers, START, 'memcached answers')

    def _answers(self):
        if not self._process.is_running:
            raise RuntimeError(self._process.read_log().decode())
        try:
            socket.create_connection(('127.0.0.1', self._port), 5).close()
        except OSError:
            return False
        return True

    def stop(self):
        """End it; what it knew is gone."""
        self._process.stop()


@testcase.per_database(databases.MYSQL)
class TestTokenCache(testcase.ServiceTests):
    """The section as etc/allocator/allocator.conf.example has it."""

    @classmethod
    def setUpClass(cls):
        cls.keystone = keystone.Keystone()
        cls.keystone.setUp()
        cls.addClassCleanup(cls.keystone.cleanUp)
        cls.memcached = Memcached()
        cls.memcached.setUp()
        cls.addClassCleanup(cls.memcached.cleanUp)
        cls.keystone.add_project('service')
        cls.keystone.add_user('allocator', 'service', project='service')
        cls.keystone.add_user('operator', 'admin', system=True)
        cls.options = {
            'DEFAULT': {'auth_strategy': 'keystone'},
            'keystone_authtoken': cls.keystone.middleware_options(
                'allocator') | {
                    'memcached_servers': cls.memcached.address,
                    'memcache_security_strategy': 'ENCRYPT',
                    'memcache_secret_key': 'secret-key'},
        }
        super().setUpClass()

    def _ask(self, token):
        return self.client.get('/v1/allocations', headers={
            'X-Auth-Token': token}).status_code

    def test_processes_share_what_they_have_asked_keystone(self):
        known = self.keystone.token('operator', system=True)
        unknown = self.keystone.token('operator', system=True)
        self.assertEqual(200, self._ask(known))
        self.keystone.stop()
        # Of what a process keeps itself, nothing is left.
        self.service.api.stop()
        self.service.api.start()
        self.service.wait_ready()
        self.assertEqual([200] * 4, [self._ask(known) for _ in range(4)])
        self.assertEqual(503, self._ask(unknown))
        self.keystone.start()
        self.memcached.stop()
        self.assertEqual([200] * 4, [self._ask(unknown) for _ in range(4)])
