# SPDX-License-Identifier: Apache-2.0
"""The service under measurement: the project's own commands as processes."""

import configparser
import os
import socket
import subprocess
import time
import uuid

import kombu

from benchmarks import client
from benchmarks import installation as installations

# Seconds that the processes may take to start, and to stop.
START = 60
STOP = 20


class Service:
    """An API and conductors; with SQLite, the single process.

    :param folder: where configuration and logs are kept
    :param database: SQLAlchemy URL
    :param broker: transport URL
    :param api_workers: worker processes of the API
    :param conductor_workers: worker processes of each conductor
    :param options: list of (section, option, value) to set besides
    :param installation: whose commands they are; those beside this Python
        unless given
    :ivar endpoint: URL of the API
    """

    def __init__(self, folder, database, broker, api_workers=2,
                 conductor_workers=1, options=(), installation=None):
        self._installation = installation or installations.Installation()
        self._folder = folder
        self._broker = broker
        self._port = free_port()
        self._exchange = 'benchmark_' + uuid.uuid4().hex[:8]
        self.is_single = database.startswith('sqlite')
        self.endpoint = 'http://127.0.0.1:%d' % self._port
        self._running = {}
        self._hosts = set()
        sections = {
            'DEFAULT': {'auth_strategy': 'noauth'},
            'api': {'host_ip': '127.0.0.1', 'port': self._port,
                    'api_workers': api_workers},
            'conductor': {'workers': conductor_workers},
            'database': {'connection': database},
        }
        if not self.is_single:
            sections['DEFAULT'] |= {'transport_url': broker,
                                    'control_exchange': self._exchange}
        for section, option, value in options:
            sections.setdefault(section, {})[option] = value
        self._config = self._write('service', sections)

    def _write(self, name, sections):
        path = os.path.join(self._folder, name + '.conf')
        parser = configparser.RawConfigParser()
        parser.read_dict(sections)
        with open(path, 'w') as file:
            parser.write(file)
        return path

    def make_schema(self, installation=None):
        """Bring the database up to the schema of this release.

        :param installation: of another release, whose schema is wanted
        """
        self.run('allocator-dbsync', 'upgrade', installation=installation)

    def run(self, command, *arguments, installation=None):
        """Run a command to its end.

        :param installation: whose command it is, unless this service's
        :returns: what it printed
        :raises: subprocess.CalledProcessError
        """
        whose = installation or self._installation
        return subprocess.run(
            [whose.script(command), '--config-file', self._config,
             *arguments], check=True, stdout=subprocess.PIPE,
            text=True, env=whose.environment()).stdout

    def start(self, conductors=1):
        """Start all processes and wait until they are ready."""
        if self.is_single:
            self._start('allocator', self._script('allocator'))
        else:
            self.start_api()
            for number in range(conductors):
                self.start_conductor('conductor-%d' % number)
        wait_for(self._answers, 'the API answers')

    def start_api(self):
        self._start('api', self._script('allocator-api'))

    def start_beside(self, name, command, sections):
        """Start another server with this service's configuration.

        :param name: what it is called
        :param command: name of one of the service's commands, or the list of
            another's arguments
        :param sections: configuration that is its own, a port at least
        """
        if isinstance(command, str):
            command = self._script(command)
        self._start(name, command, self._write(name, sections))

    def _script(self, name):
        return [self._installation.script(name)]

    def start_conductor(self, host, wait=True):
        """Start a conductor.

        :param wait: wait until it listens to the message bus
        """
        self._hosts.add(host)
        log = self._start(
            host, self._script('allocator-conductor'), self._write(
                host, {'DEFAULT': {'host': host}}))
        if wait:
            wait_for(lambda: b'is ready' in _contents(log),
                      'conductor %s is ready' % host)

    def _start(self, name, command, *files):
        arguments = list(command)
        for file in (self._config, *files):
            arguments += ['--config-file', file]
        log = os.path.join(self._folder, name + '.log')
        with open(log, 'wb') as output:
            self._running[name] = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
                env=self._installation.environment())
        return log

    def _answers(self):
        for name, process in self._running.items():
            if process.poll() is not None:
                raise RuntimeError('%s has ended; see %s' % (
                    name, os.path.join(self._folder, name + '.log')))
        connection = client.Client(self.endpoint)
        try:
            # A POST is refused until a conductor's heartbeat is there.
            status, _body = connection.request('POST', '/v1/allocations', {
                'resource_class': 'benchmark'})
            return status == 201
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self, *names):
        """Stop processes; all of them unless named."""
        chosen = {name: self._running.pop(name)
                  for name in names or list(self._running)}
        for process in chosen.values():
            process.terminate()
        for process in chosen.values():
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                process.kill()

    def close(self):
        """Stop all processes and take the queues from the broker."""
        self.stop()
        if not self.is_single:
            self._remove_queues()

    def _remove_queues(self):
        topic = self._exchange + '.conductor'
        with kombu.Connection(self._broker.replace(
                'rabbit://', 'amqp://', 1)) as connection:
            channel = connection.default_channel
            for queue in [topic, *('%s.%s' % (topic, host)
                                   for host in self._hosts)]:
                channel.queue_delete(queue)
            channel.exchange_delete(self._exchange)

    def processes(self):
        """List the running processes.

        :returns: dict of lists of process ids by name, the master first
        """
        return {name: [process.pid, *_children(process.pid)]
                for name, process in self._running.items()}


def answers(endpoint, path='/'):
    """Tell whether a server answers a GET with 200."""
    connection = client.Client(endpoint)
    try:
        return connection.request('GET', path)[0] == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port():
    """Find a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def _contents(path):
    with open(path, 'rb') as file:
        return file.read()


def _children(pid):
    found = []
    for task in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/children' % (pid, task)) as file:
            found += [int(child) for child in file.read().split()]
    return found


def wait_for(condition, what):
    """Wait until something has come about.

    :param condition: function that tells whether it has
    :param what: what it is, for the error
    :raises: RuntimeError after START seconds
    """
    deadline = time.monotonic() + START
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError('Waited %d seconds in vain: %s'
                               % (START, what))
        time.sleep(0.05)
