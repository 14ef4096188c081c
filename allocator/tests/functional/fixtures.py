# SPDX-License-Identifier: Apache-2.0
"""The service under test: real processes on a real database."""

import configparser
import os
import socket

import fixtures
import kombu
import requests
import sqlalchemy as sa

from allocator.db import models
from allocator.tests.functional import client
from allocator.tests.functional import databases
from allocator.tests.functional import processes
from allocator.tests.functional import seeds
from allocator.tests.functional import waiting

# Seconds that the processes may take until they are ready.
START = 60

# Worker processes of each conductor.
CONDUCTOR_WORKERS = 2

_conductor = models.Conductor.__table__


class Service(fixtures.Fixture):
    """An API and its conductors; with SQLite, the single process.

    :param kind: one of databases.ALL
    :param conductors: number of conductors
    :param api_workers: worker processes of the API
    :param options: dict of configuration options by section, beyond those
        that the tests need
    :param variables: dict of environment variables of its processes
    :ivar database: databases.Database
    :ivar engine: sqlalchemy.Engine of the test
    :ivar endpoint: URL of the API
    :ivar client: client.Client
    :ivar config_file: path of the configuration file of all processes
    :ivar api: processes.Process of the API, or of the single process
    :ivar conductors: list of the conductors' processes
    """

    def __init__(self, kind, conductors=2, api_workers=2, options=None,
                 variables=None):
        self.kind = kind
        self.is_single = kind == databases.SQLITE
        self._conductor_count = 0 if self.is_single else conductors
        self._api_workers = api_workers
        self._options = options or {}
        self._variables = variables or {}

    def _setUp(self):
        self._folder = self.useFixture(fixtures.TempDir()).path
        self.database = self.useFixture(databases.Database(self.kind))
        self.engine = self.database.engine
        self.port = free_port()
        self.endpoint = 'http://127.0.0.1:%d' % self.port
        self.exchange = self.database.name
        self.config_file = self._write('allocator', self._configuration())
        self._make_processes()
        self._upgrade()
        if not self.is_single:
            self.addCleanup(self._remove_queues)
        self.addCleanup(self._end)
        for process in self.processes:
            process.start()
        self.client = client.Client(self.endpoint)
        self.addCleanup(self.client.close)
        self.wait_ready()

    @property
    def processes(self):
        """All processes of the service."""
        return [self.api, *self.conductors]

    def _configuration(self):
        found = {
            'DEFAULT': {'auth_strategy': 'noauth', 'host': 'single'},
            'api': {'host_ip': '127.0.0.1', 'port': self.port,
                    'api_workers': self._api_workers},
            'conductor': {'workers': CONDUCTOR_WORKERS,
                          'heartbeat_interval': 1},
            'database': {'connection': self.database.url},
        }
        if not self.is_single:
            found['DEFAULT'] |= {'transport_url': databases.broker_url(),
                                 'control_exchange': self.exchange}
            # What cannot be removed by name goes soon.
            found['oslo_messaging_rabbit'] = {
                'rabbit_transient_queues_ttl': 60}
        for section, options in self._options.items():
            found.setdefault(section, {}).update(options)
        return found

    def _write(self, name, sections):
        path = os.path.join(self._folder, name + '.conf')
        parser = configparser.RawConfigParser()
        parser.read_dict(sections)
        with open(path, 'w') as file:
            parser.write(file)
        return path

    def _process(self, name, command, *files):
        arguments = []
        for file in (self.config_file, *files):
            arguments += ['--config-file', file]
        process = processes.Process(
            name, os.path.join(self._folder, name + '.log'), command,
            *arguments)
        process.variables = self._variables
        return process

    def _make_processes(self):
        self.hosts = ['conductor-%d' % number
                      for number in range(self._conductor_count)]
        if self.is_single:
            self.api = self._process('allocator', 'allocator')
            self.hosts.append('single')
            self.conductors = []
            return
        self.api = self._process('api', 'allocator-api')
        self.conductors = [
            self._process(host, 'allocator-conductor',
                          self._write(host, {'DEFAULT': {'host': host}}))
            for host in self.hosts]

    def _upgrade(self):
        made = processes.run('allocator-dbsync', '--config-file',
                             self.config_file, 'upgrade')
        if made.returncode:
            raise RuntimeError('allocator-dbsync failed: ' + made.stdout)

    def wait_ready(self, seconds=START):
        """Wait until the API answers and all conductors take work."""
        try:
            # The processes need the processor more than this one does.
            waiting.until(self._is_ready, seconds, 'the service is ready',
                          interval=0.1)
        except AssertionError as exc:
            raise RuntimeError('%s\n%s' % (exc, self.logs())) from exc

    def logs(self):
        """Get what the processes have written."""
        return '\n'.join('%s:\n%s' % (process.name,
                                      process.read_log().decode())
                         for process in self.processes)

    def _is_ready(self):
        for process in self.processes:
            if not process.is_running:
                raise RuntimeError('%s has ended.\n%s'
                                   % (process.name, self.logs()))
        if not set(self.hosts) <= self.heartbeats():
            return False
        try:
            answer = requests.get(self.endpoint, timeout=10)
        except requests.ConnectionError:
            return False
        return answer.ok and self.listeners() == self._workers()

    def _workers(self):
        return CONDUCTOR_WORKERS * sum(
            process.is_running for process in self.conductors)

    def heartbeats(self):
        """Read the names of the conductors that have a heartbeat row."""
        with self.engine.connect() as connection:
            return set(connection.execute(
                sa.select(_conductor.c.hostname)).scalars())

    def listeners(self):
        """Ask the broker how many conductor workers listen to casts."""
        if self.is_single:
            return 0
        with broker() as connection:
            try:
                return connection.default_channel.queue_declare(
                    self.exchange + '.conductor',
                    passive=True).consumer_count
            except connection.channel_errors:
                return 0

    def _remove_queues(self):
        topic = self.exchange + '.conductor'
        with broker() as connection:
            channel = connection.default_channel
            for queue in [topic, *('%s.%s' % (topic, host)
                                   for host in self.hosts)]:
                channel.queue_delete(queue)
            channel.exchange_delete(self.exchange)

    def _end(self):
        # Without mercy: it takes no time, and other tests try the gentle way.
        for process in self.processes:
            if process.is_running:
                process.kill()

    def wipe(self):
        """Remove what a test has left in the tables."""
        seeds.wipe(self.engine)

    def add_nodes(self, count=1, traits=(), **values):
        """Add available nodes; see seeds.add_nodes.

        :returns: list of their UUIDs
        """
        return seeds.add_nodes(self.engine, count, traits, **values)

    def add_node(self, traits=(), **values):
        """Add one available node.

        :returns: its UUID
        """
        return seeds.add_node(self.engine, traits, **values)

    def nodes(self):
        """Read all nodes.

        :returns: dict of rows by UUID
        """
        return seeds.nodes(self.engine)


def broker():
    """Open a connection to the broker, past oslo.messaging.

    :returns: kombu.Connection
    """
    scheme, _, rest = databases.broker_url().partition('://')
    return kombu.Connection('amqp://' + rest)


def free_port():
    """Ask the kernel for a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
