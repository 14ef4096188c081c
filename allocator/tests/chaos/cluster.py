# SPDX-License-Identifier: Apache-2.0
"""The service under chaos: two APIs and three conductors behind proxies."""

import configparser
import os
import urllib.parse

import fixtures
import requests
import sqlalchemy as sa

from allocator.db import models
from allocator.db import types
from allocator.tests.chaos import proxy
from allocator.tests.functional import client
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures as service
from allocator.tests.functional import processes
from allocator.tests.functional import waiting

# Seconds, as configured for the service.
SWEEP_INTERVAL = 2
HEARTBEAT_TIMEOUT = 10
GRACEFUL_SHUTDOWN_TIMEOUT = 10

# Seconds beyond the sweep interval that a busy machine may need.
SLACK = 8

# Age in seconds of a heartbeat that a killed process has not left behind.
FRESH = 2.5

# Seconds until a process that was started does its work.
START = 60

_PORTS = {databases.MYSQL: 3306, databases.POSTGRESQL: 5432}

_conductor = models.Conductor.__table__


class Cluster(fixtures.Fixture):
    """Processes, and the proxies through which they reach their servers.

    :param kind: one of databases.SERVERS
    :param apis: number of API processes, with two workers each
    :param conductors: number of conductors, with two workers each
    :param starts: whether to start them and wait until they are ready
    :param options: dict of configuration options by section
    :ivar engine: sqlalchemy.Engine of the test, past the proxy
    :ivar own_sessions: ids of its sessions at the server
    :ivar database_proxy: proxy.Proxy
    :ivar broker_proxy: proxy.Proxy
    :ivar apis: list of processes.Process
    :ivar conductors: list of processes.Process
    :ivar clients: list of client.Client, one for each API
    :cvar client_class: class of the clients
    :cvar settle: seconds in which what is pending is decided, once all parts
        are back
    """

    client_class = client.Client
    settle = SWEEP_INTERVAL + SLACK

    def __init__(self, kind, apis=2, conductors=3, starts=True,
                 options=None):
        self.kind = kind
        self._api_count = apis
        self._conductor_count = conductors
        self._starts = starts
        self._options = options or {}

    def _setUp(self):
        self._folder = self.useFixture(fixtures.TempDir()).path
        self._proxies = []
        self._make_database()
        self.engine = self.database.engine
        self.own_sessions = set()
        sa.event.listen(self.engine, 'connect', self._note_session)
        broker = urllib.parse.urlsplit(databases.broker_url())
        self.broker_proxy = self._proxy(broker.hostname, broker.port or 5672)
        self._transport_url = 'rabbit://%s:%s@127.0.0.1:%d%s' % (
            broker.username, broker.password, self.broker_proxy.port,
            broker.path)
        self.topic = self.database.name + '.conductor'
        self._upgrade()
        self._make_processes()
        self.addCleanup(self._remove_queues)
        self.addCleanup(self._end)
        if self._starts:
            for process in self.processes:
                process.start()
            self.wait_ready()

    def _make_database(self):
        """Make the database, and the proxy that stands before it."""
        self.database = self.useFixture(databases.Database(self.kind))
        url = sa.make_url(self.database.url)
        self.database_proxy = self._proxy(url.host,
                                          url.port or _PORTS[self.kind])
        self._database_url = url.set(
            host='127.0.0.1', port=self.database_proxy.port
        ).render_as_string(hide_password=False)

    def _connection(self, _number):
        """Get the URL at which a process finds the database.

        :param _number: which of the APIs, or of the conductors, it is
        """
        return self._database_url

    def _note_session(self, connection, _record):
        self.own_sessions.add(
            connection.thread_id() if self.kind == databases.MYSQL
            else connection.info.backend_pid)

    def _proxy(self, host, port):
        made = proxy.Proxy(host, port)
        self.addCleanup(made.close)
        self._proxies.append(made)
        return made

    def _upgrade(self):
        file = self._write('dbsync', {
            'database': {'connection': self.database.url}})
        made = processes.run('allocator-dbsync', '--config-file', file,
                             'upgrade')
        if made.returncode:
            raise RuntimeError('allocator-dbsync failed: ' + made.stdout)

    def _make_processes(self):
        self.apis, self.clients = [], []
        for number in range(self._api_count):
            process, made = self.make_api(number)
            self.apis.append(process)
            self.clients.append(made)
        self.conductors = [
            self._process('conductor', number, 'allocator-conductor')
            for number in range(self._conductor_count)]

    def make_api(self, number, options=None):
        """Make an API, which is not started.

        :param number: which one it is
        :param options: dict of configuration options by section
        :returns: its processes.Process, and a client of it
        """
        port = service.free_port()
        made = self.client_class('http://127.0.0.1:%d' % port)
        self.addCleanup(made.close)
        process = self._process('api', number, 'allocator-api',
                                {'api': {'port': port}}, options or {})
        return process, made

    @property
    def processes(self):
        """All processes of the service."""
        return [*self.apis, *self.conductors]

    def _process(self, kind, number, command, *options):
        name = '%s-%d' % (kind, number)
        sections = {
            'DEFAULT': {
                'auth_strategy': 'noauth', 'host': name,
                'transport_url': self._transport_url,
                'control_exchange': self.database.name,
                'graceful_shutdown_timeout': GRACEFUL_SHUTDOWN_TIMEOUT},
            'api': {'host_ip': '127.0.0.1', 'api_workers': 2},
            'conductor': {
                'workers': 2, 'sweep_interval': SWEEP_INTERVAL,
                'heartbeat_interval': 1,
                'heartbeat_timeout': HEARTBEAT_TIMEOUT},
            'database': {'connection': self._connection(number)},
            # What cannot be removed by name goes soon.
            'oslo_messaging_rabbit': {'rabbit_transient_queues_ttl': 60},
        }
        for extra in (self._options, *options):
            for section, values in extra.items():
                sections.setdefault(section, {}).update(values)
        return processes.Process(
            name, os.path.join(self._folder, name + '.log'), command,
            '--config-file', self._write(name, sections))

    def _write(self, name, sections):
        path = self.config_file(name)
        parser = configparser.RawConfigParser()
        parser.read_dict(sections)
        with open(path, 'w') as file:
            parser.write(file)
        return path

    def config_file(self, name):
        """Get the path of a process's configuration file."""
        return os.path.join(self._folder, name + '.conf')

    def wait_ready(self, seconds=START):
        """Wait until all APIs answer and all conductors have a heartbeat."""
        try:
            waiting.until(self.is_ready, seconds, 'the service is ready')
        except AssertionError as exc:
            raise RuntimeError('%s\n%s' % (exc, self.logs())) from exc

    def is_ready(self):
        """Tell whether all APIs answer and all conductors' hearts beat."""
        return (all(answers(made) for made in self.clients)
                and self.heartbeats(FRESH) >= {process.name for process
                                               in self.conductors})

    def heartbeats(self, seconds=None):
        """Read the names of the conductors that have a heartbeat row.

        :param seconds: how old it may be; any age unless given
        """
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(
                _conductor.c.hostname, _conductor.c.updated_at,
                types.utcnow().label('now'))).all()
        return {row.hostname for row in rows if seconds is None
                or (row.now - row.updated_at).total_seconds() < seconds}

    def purge(self):
        """Drop the casts that wait at the broker.

        :returns: their number
        """
        with service.broker() as connection:
            try:
                return connection.default_channel.queue_purge(self.topic)
            except connection.channel_errors:
                return 0

    def logs(self):
        """Get what the processes have written."""
        return '\n'.join('%s:\n%s' % (process.name,
                                      process.read_log().decode())
                         for process in self.processes)

    def _remove_queues(self):
        with service.broker() as connection:
            channel = connection.default_channel
            for queue in [self.topic, *('%s.%s' % (self.topic, process.name)
                                        for process in self.conductors)]:
                channel.queue_delete(queue)
            channel.exchange_delete(self.database.name)

    def _end(self):
        for made in self._proxies:
            made.accept()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            if process.is_running:
                process.wait()


def answers(made):
    """Tell whether an API answers at all."""
    try:
        return made.get('/', timeout=5).ok
    except requests.RequestException:
        return False
