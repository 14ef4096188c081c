# SPDX-License-Identifier: Apache-2.0
"""A real Bare Metal service: Ironic with fake hardware, on loopback.

It is installed in a virtual environment of its own (tools/test-setup ironic).
``ALLOCATOR_TEST_IRONIC_VENV`` names another.
"""

import configparser
import os
import signal

import bcrypt
import fixtures
from keystoneauth1 import http_basic
from keystoneauth1 import noauth
from keystoneauth1 import session
import requests

import allocator
from allocator.tests.backends import cpu
from allocator.tests.backends import ironic_database
from allocator.tests.backends import operator
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import waiting

_ROOT = os.path.dirname(os.path.dirname(allocator.__file__))

# Seconds that its processes may take to start on a busy machine.
START = 120

NOAUTH = 'noauth'
HTTP_BASIC = 'http_basic'
KEYSTONE = 'keystone'

# Who this service is at it, and who administrates it.
USER = 'allocator'
ADMINISTRATOR = 'operator'

# What its log says once a conductor takes work.
_LISTENS = b'Created RPC server'

_INTERFACES = {
    'bios': 'no-bios', 'boot': 'fake', 'console': 'no-console',
    'deploy': 'fake', 'firmware': 'no-firmware', 'inspect': 'no-inspect',
    'management': 'fake', 'network': 'noop', 'power': 'fake',
    'raid': 'no-raid', 'rescue': 'no-rescue', 'storage': 'noop',
    'vendor': 'no-vendor'}


def find_venv():
    """Find the virtual environment that Ironic is installed in.

    :returns: its path
    :raises RuntimeError: it is not there
    """
    venv = (os.environ.get('ALLOCATOR_TEST_IRONIC_VENV')
            or os.path.join(_ROOT, '.venv-ironic'))
    if not os.path.exists(os.path.join(venv, 'bin', 'ironic')):
        raise RuntimeError('There is no Ironic in %s: run tools/test-setup '
                           'ironic' % venv)
    return venv


class Ironic(fixtures.Fixture):
    """A Bare Metal service of its own.

    :param auth: NOAUTH, HTTP_BASIC or KEYSTONE
    :param keystone: keystone.Keystone, for that
    :param separate: whether API and conductor are processes of their own,
        with RabbitMQ in between, and not one
    :param options: dict of configuration options by section, beyond those
        that the tests need
    :ivar url: where it is
    :ivar host: name of its conductor
    :ivar database: ironic_database.IronicDatabase
    :ivar operator: operator.Operator, its administrator
    :ivar api: processes.Process of the API
    :ivar conductor: processes.Process of the conductor; the same as the API
        unless they are separate
    """

    def __init__(self, auth=NOAUTH, keystone=None, separate=False,
                 options=None):
        self._auth = auth
        self._keystone = keystone
        self._separate = separate
        self._options = options or {}
        self._venv = find_venv()
        self._passwords = {}

    def _setUp(self):
        self._folder = self.useFixture(fixtures.TempDir()).path
        self.port = service_fixtures.free_port()
        self.url = 'http://127.0.0.1:%d' % self.port
        # All Ironics of a broker have queues of the same names, but for that
        # of a host, which is the one that is used.
        self.host = 'ironic-%d-%d' % (os.getpid(), self.port)
        if self._auth == KEYSTONE:
            self._add_people()
        elif self._auth == HTTP_BASIC:
            self._write_passwords()
        self.database = self.useFixture(ironic_database.IronicDatabase(
            self._venv, self._create_tables))
        self.config_file = self._write(self._configuration(
            self.database.url))
        self._make_processes()
        if self._separate:
            self.addCleanup(self._remove_queues)
        self.addCleanup(self._end)
        self.start()
        self.operator = operator.Operator(self.session(ADMINISTRATOR),
                                          self.url)

    # --- Configuration -----------------------------------------------------

    def _configuration(self, database_url):
        found = {
            'DEFAULT': {
                'auth_strategy': self._auth, 'host': self.host,
                'my_ip': '127.0.0.1', 'state_path': self._folder,
                'rpc_transport': 'oslo' if self._separate else 'none',
                'enabled_hardware_types': 'fake-hardware',
            },
            'api': {'host_ip': '127.0.0.1', 'port': self.port,
                    'api_workers': 1},
            # Fake power does what it is told and nothing else.
            'conductor': {'automated_clean': 'false',
                          'sync_power_state_interval': 0},
            'database': {'connection': database_url},
        }
        for kind, name in _INTERFACES.items():
            found['DEFAULT']['enabled_%s_interfaces' % kind] = name
            if kind not in ('network', 'storage'):
                found['DEFAULT']['default_%s_interface' % kind] = name
        if self._separate:
            found['DEFAULT'] |= {'transport_url': databases.broker_url(),
                                 'control_exchange': self.host}
            found['oslo_messaging_rabbit'] = {
                'rabbit_transient_queues_ttl': 60}
        if self._auth == HTTP_BASIC:
            found['DEFAULT']['http_basic_auth_user_file'] = self._htpasswd()
        elif self._auth == KEYSTONE:
            found['keystone_authtoken'] = self._keystone.middleware_options(
                'ironic')
        for section, options in self._options.items():
            found.setdefault(section, {}).update(options)
        return found

    def _write(self, sections):
        path = os.path.join(self._folder, 'ironic.conf')
        parser = configparser.RawConfigParser()
        parser.read_dict(sections)
        with open(path, 'w') as file:
            parser.write(file)
        return path

    def _create_tables(self, url):
        file = self._write(self._configuration(url))
        done = processes.run(self._command('ironic-dbsync'), '--config-file',
                             file, 'create_schema')
        if done.returncode:
            raise RuntimeError('ironic-dbsync failed: ' + done.stdout)

    # --- People ------------------------------------------------------------

    def _add_people(self):
        """Make the users that are there once in an Identity service."""
        known = self._keystone.passwords
        if 'ironic' in known:
            return
        self._keystone.add_project('service')
        self._keystone.add_user('ironic', 'service', project='service')
        self._keystone.add_user(ADMINISTRATOR, 'admin', system=True)
        self._keystone.add_user(USER, 'member', system=True)

    def _htpasswd(self):
        return os.path.join(self._folder, 'htpasswd')

    def _write_passwords(self):
        with open(self._htpasswd(), 'w') as file:
            for name in (USER, ADMINISTRATOR):
                self._passwords[name] = 'secret-' + os.urandom(8).hex()
                hashed = bcrypt.hashpw(self._passwords[name].encode(),
                                       bcrypt.gensalt(4, prefix=b'2b'))
                file.write('%s:%s\n' % (name, hashed.decode()))

    def session(self, user):
        """Make a session of a user.

        :returns: keystoneauth1.session.Session
        """
        if self._auth == KEYSTONE:
            return self._keystone.session(user, system=True)
        if self._auth == HTTP_BASIC:
            return session.Session(http_basic.HTTPBasicAuth(
                username=user, password=self._passwords[user]))
        return session.Session(noauth.NoAuth())

    def backend_options(self):
        """Make the options of the group of a backend that is this service.

        :returns: dict
        """
        found = {'endpoint_override': self.url}
        if self._auth == NOAUTH:
            return found | {'auth_type': 'none'}
        if self._auth == HTTP_BASIC:
            return found | {'auth_type': 'http_basic', 'username': USER,
                            'password': self._passwords[USER]}
        return found | {
            'auth_type': 'password', 'auth_url': self._keystone.url,
            'username': USER, 'password': self._keystone.passwords[USER],
            'user_domain_id': 'default', 'system_scope': 'all'}

    # --- Processes ---------------------------------------------------------

    def _command(self, name):
        return os.path.join(self._venv, 'bin', name)

    def _process(self, command):
        made = processes.Process(
            command, os.path.join(self._folder, command + '.log'),
            self._command(command), '--config-file', self.config_file)
        # It has libraries of its own.
        made.variables = {'PYTHONPATH': ''}
        return made

    def _make_processes(self):
        if self._separate:
            self.api = self._process('ironic-api')
            self.conductor = self._process('ironic-conductor')
        else:
            self.api = self.conductor = self._process('ironic')

    @property
    def processes(self):
        """All its processes, the conductor first."""
        return ([self.conductor, self.api] if self._separate
                else [self.api])

    def start(self):
        """Start what does not run, and wait until it takes work."""
        offset = len(self.conductor.read_log())
        wait_for_conductor = not self.conductor.is_running
        for process in self.processes:
            if not process.is_running:
                process.start()
        if wait_for_conductor:
            self._wait(self.conductor, lambda: _LISTENS in
                       self.conductor.read_log(offset))
        self._wait(self.api, self._answers)

    def _answers(self):
        try:
            return requests.get(self.url + '/v1', timeout=10).ok
        except requests.RequestException:
            return False

    @staticmethod
    def _wait(process, condition):
        def ready():
            if not process.is_running:
                raise RuntimeError('%s has ended.\n%s' % (
                    process.name, process.read_log().decode()))
            return condition()

        waiting.until(ready, START, process.name + ' is ready', interval=0.2)

    def stop(self):
        """End it gently; what is in its database stays."""
        for process in reversed(self.processes):
            process.stop()

    def pause(self, process):
        """Have a process stand still, its children too."""
        for pid in cpu.family(process.pid):
            os.kill(pid, signal.SIGSTOP)

    def wake(self, process):
        """Let a process go on that was paused."""
        for pid in cpu.family(process.pid):
            os.kill(pid, signal.SIGCONT)

    def kill(self, process):
        """End a process, and its children, without warning."""
        for pid in cpu.family(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()

    def _end(self):
        for process in self.processes:
            if process.is_running:
                self.kill(process)

    def _remove_queues(self):
        with service_fixtures.broker() as connection:
            channel = connection.default_channel
            channel.queue_delete('ironic.conductor_manager.' + self.host)
            channel.exchange_delete(self.host)

    def cpu_seconds(self):
        """Count the seconds of the processor that its processes have taken.

        :returns: dict of numbers by the name of the process
        """
        return {process.name: cpu.seconds(process.pid)
                for process in self.processes}

    def logs(self):
        """Get what its processes have written."""
        return '\n'.join('%s:\n%s' % (process.name,
                                      process.read_log().decode())
                         for process in self.processes)
