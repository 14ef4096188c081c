# SPDX-License-Identifier: Apache-2.0
"""What systemd is told: ready, alive for as long as loops are, stopping."""

import os
import signal
import socket
import time

import testtools

from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Seconds after which systemd would end a service that says nothing.
WATCHDOG = 4

# Seconds until a state is told, on a busy machine.
TOLD = 60


class Notified:
    """The end of systemd: a socket of datagrams.

    :param path: path of the socket
    """

    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.setblocking(False)
        self.states = []

    def close(self):
        self._socket.close()

    def read(self):
        """Read what was told since the last look.

        :returns: list of states
        """
        found = []
        while True:
            try:
                found += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                self.states += found
                return found

    def wait(self, state):
        """Wait until a state is told anew."""
        waiting.until(lambda: state in self.read(), TOLD, state,
                      interval=0.1)

    def wait_silence(self):
        """Wait until nothing is told for as long as systemd would wait."""
        last = time.monotonic()

        def is_silent():
            nonlocal last
            if 'WATCHDOG=1' in self.read():
                last = time.monotonic()
            return time.monotonic() - last > WATCHDOG

        waiting.until(is_silent, TOLD, 'nothing is told', interval=0.1)


class NotifyingService(fixtures.Service):
    """A service each of whose processes has a socket to tell its states.

    :ivar notified: dict of Notified by name of the process
    """

    def __init__(self, kind):
        super().__init__(kind, conductors=1,
                         options={'conductor': {'sweep_interval': 1}})
        self.notified = {}

    def _process(self, name, command, *files):
        made = super()._process(name, command, *files)
        notified = Notified(os.path.join(self._folder, name + '.notify'))
        self.addCleanup(notified.close)
        self.notified[name] = notified
        made.variables = made.variables | {
            'NOTIFY_SOCKET': notified.path,
            'WATCHDOG_USEC': str(WATCHDOG * 1000000)}
        return made


class Notifying:

    def setUp(self):
        super().setUp()
        self.service = self.useFixture(NotifyingService(self.kind))
        self.addOnException(lambda _exc_info: self.addDetail(
            'logs', testtools.content.text_content(self.service.logs())))

    def follow(self, process, stopped):
        """Follow a process from its start to its end.

        :param stopped: function that chooses the workers that hang for a
            time, out of the list of them
        """
        notified = self.service.notified[process.name]
        notified.wait('WATCHDOG=1')
        self.assertEqual('READY=1', notified.states[0])
        self.assertEqual(1, notified.states.count('READY=1'))
        workers = stopped(sorted(process.children()))
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            notified.wait_silence()
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        notified.wait('WATCHDOG=1')
        process.terminate()
        notified.wait('STOPPING=1')
        process.wait()
        self.assertNotIn('WATCHDOG=1', notified.read()[1:])


@testcase.per_database(databases.MYSQL)
class ServiceTests(Notifying):

    def test_a_conductor_lives_while_each_worker_comes_round(self):
        self.follow(self.service.conductors[0], lambda workers: workers[:1])

    def test_an_api_lives_while_any_worker_does(self):
        self.follow(self.service.api, lambda workers: workers)

    def test_a_conductor_is_alive_while_the_database_is_away(self):
        """Otherwise it would be ended again and again for nothing."""
        conductor, = self.service.conductors
        conductor.stop()
        notified = self.service.notified[conductor.name]
        notified.read()
        with open(self.service.config_file) as file:
            text = file.read()
        with open(self.service.config_file, 'w') as file:
            # Nobody listens at that port.
            file.write(text.replace('127.0.0.1/', '127.0.0.1:1/'))
        conductor.start()
        notified.wait('READY=1')
        for _ in range(3):
            notified.wait('WATCHDOG=1')


@testcase.per_database(databases.SQLITE)
class SingleTests(Notifying):

    def test_the_single_process_lives_while_its_worker_does(self):
        self.follow(self.service.api, lambda workers: workers)
