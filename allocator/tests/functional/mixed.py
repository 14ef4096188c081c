# SPDX-License-Identifier: Apache-2.0
"""Processes of the old release and of this one, as during an upgrade.

The old release is installed in a virtual environment of its own (tools/
test-setup old-release). ``ALLOCATOR_TEST_OLD_VENV`` names another.
"""

import os
import subprocess
import unittest

import allocator
from allocator.tests.functional import client
from allocator.tests.functional import fixtures
from allocator.tests.functional import processes

_ROOT = os.path.dirname(os.path.dirname(allocator.__file__))

# What has its processes find its own code, not that of the checkout.
_VARIABLES = {'PYTHONPATH': ''}

# What the old release's API speaks.
OLD_VERSION = '1.107'

OLD_HOST = 'old'


def find_venv():
    """Find the virtual environment that the old release is installed in.

    :returns: its path
    :raises unittest.SkipTest: it is not there
    :raises RuntimeError: neither, and everything must run
    """
    venv = (os.environ.get('ALLOCATOR_TEST_OLD_VENV')
            or os.path.join(_ROOT, '.venv-old-release'))
    if os.path.exists(os.path.join(venv, 'bin', 'allocator-conductor')):
        return venv
    reason = ('There is no old release in %s: run tools/test-setup '
              'old-release' % venv)
    if os.environ.get('CI') == 'true':
        raise RuntimeError(reason)
    raise unittest.SkipTest(reason)


class MixedService(fixtures.Service):
    """An API and conductors of either release on one database.

    It begins as the old release: its schema, its API, its conductor.

    :param kind: one of databases.SERVERS
    :param options: see fixtures.Service
    :ivar old_api: processes.Process
    :ivar old_conductor: processes.Process
    :ivar new_api: processes.Process
    :ivar new_conductors: list of processes.Process
    :ivar old_client: client.Client of the old API
    :ivar new_client: client.Client of the new API
    """

    def __init__(self, kind, **options):
        super().__init__(kind, **options)
        self._venv = find_venv()
        self._wanted = []

    @property
    def processes(self):
        """Those that shall be running now."""
        return self._wanted

    def _make_processes(self):
        super()._make_processes()
        self.new_api, self.new_conductors = self.api, self.conductors
        port = fixtures.free_port()
        old_endpoint = 'http://127.0.0.1:%d' % port
        self.old_api = self.old_process(
            'old-api', 'allocator-api', {'api': {'port': port}})
        self.old_conductor = self.old_process(
            'old-conductor', 'allocator-conductor',
            {'DEFAULT': {'host': OLD_HOST}})
        self.conductors = [self.old_conductor, *self.new_conductors]
        self._hosts = dict(zip(self.conductors, [OLD_HOST, *self.hosts],
                               strict=True))
        self._endpoints = {self.old_api: old_endpoint,
                           self.new_api: self.endpoint}
        self.old_client = client.Client(old_endpoint, OLD_VERSION)
        self.new_client = client.Client(self.endpoint)
        for one in (self.old_client, self.new_client):
            self.addCleanup(one.close)
        self._want([self.old_api, self.old_conductor])

    def old_process(self, name, command, options):
        """Make a process of the old release.

        :param name: what it is called
        :param command: its command
        :param options: dict of configuration options by section, of its own
        """
        process = self._process(
            name, os.path.join(self._venv, 'bin', command),
            self._write(name, options))
        process.variables = _VARIABLES
        return process

    def _upgrade(self):
        made = subprocess.run(
            [os.path.join(self._venv, 'bin', 'allocator-dbsync'),
             '--config-file', self.config_file, 'upgrade'],
            env=processes.environment() | _VARIABLES,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=120, stdin=subprocess.DEVNULL)
        if made.returncode:
            raise RuntimeError('allocator-dbsync failed: ' + made.stdout)

    def upgrade(self):
        """Bring the schema up to what this release needs."""
        super()._upgrade()

    def _want(self, wanted):
        self._wanted = wanted
        self.hosts = [self._hosts[process] for process in wanted
                      if process in self._hosts]
        for process in wanted:
            if process in self._endpoints:
                self.endpoint = self._endpoints[process]

    def _is_ready(self):
        # Each API, the one whose endpoint is the service's last.
        for process in self._wanted:
            if process in self._endpoints:
                self.endpoint = self._endpoints[process]
                if not super()._is_ready():
                    return False
        return True

    def run_only(self, *wanted):
        """Have some processes run, and no others; wait until they serve.

        :param wanted: processes, an API among them
        """
        for process in self._wanted:
            if process not in wanted:
                process.terminate()
        for process in self._wanted:
            if process not in wanted:
                process.wait()
        self._want(list(wanted))
        for process in wanted:
            if not process.is_running:
                process.start()
        self.wait_ready()

    def run_all(self):
        """Have all processes of both releases run."""
        self.run_only(self.old_api, self.new_api, *self.conductors)

    def _remove_queues(self):
        self.hosts = list(self._hosts.values())
        super()._remove_queues()
