# SPDX-License-Identifier: Apache-2.0
"""The commands, in the shell of python-openstackclient."""

import contextlib
import io
import json
import os
import signal
import socket
import threading
import time

import fixtures
from openstackclient import shell
from osc_lib import clientmanager

from allocatorclient.osc.v1 import creation
from allocatorclient.tests.unit import connections
from allocatorclient.tests.unit import service
from allocatorclient.tests.unit import test_proxy

UUID = test_proxy.UUID
allocation = test_proxy.allocation


class ShellTests(connections.ServiceTests):

    def setUp(self):
        super().setUp()
        for name in [name for name in os.environ if name.startswith('OS_')]:
            self.useFixture(fixtures.EnvironmentVariable(name))
        self.useFixture(fixtures.TempHomeDir())
        # In the background of a script it is ignored.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(
            signal.SIGINT, signal.default_int_handler))
        # A process usually has one shell, so its classes keep the client.
        self.patch(vars(clientmanager.ClientManager)['allocator'], '_handle',
                   None)
        # What the shell makes of logging is its own.
        self.useFixture(fixtures.FakeLogger())

    def run_command(self, *words):
        """Run "openstack allocator".

        :returns: status, output and errors
        """
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), \
                contextlib.redirect_stderr(errors):
            try:
                status = shell.main([
                    '--os-auth-type', 'none', '--os-endpoint',
                    self.service.endpoint, 'allocator', *words])
            except SystemExit as exc:  # of argparse, which ends the process
                status = exc.code
        return status, output.getvalue(), errors.getvalue()

    def last_body(self):
        return self.service.requests[-1].body


class CommandTests(ShellTests):

    def test_create(self):
        self.service.answer('POST', '/allocations', (201, allocation()))
        status, output, _ = self.run_command(
            'allocation', 'create', '--resource-class', 'x', '--wait-timeout',
            '3d', '--property', 'memory_mb>=262144', '--extra', 'a=1', '-f',
            'json')
        self.assertEqual((0, UUID), (status, json.loads(output)['uuid']))
        self.assertEqual({
            'resource_class': 'x', 'wait_timeout': 259200, 'extra': {'a': 1},
            'properties': {'memory_mb': {'>=': 262144}}}, self.last_body())

    def test_set_and_unset(self):
        self.service.answer('PATCH', '/allocations/a', allocation())
        self.run_command('allocation', 'set', 'a', '--wait-timeout', '0',
                         '--extra', 'b/c=1')
        self.assertEqual([
            {'op': 'add', 'path': '/wait_timeout', 'value': 0},
            {'op': 'add', 'path': '/extra/b~1c', 'value': 1},
        ], self.last_body())
        self.run_command('allocation', 'unset', 'a', '--priority', '--extra',
                         'b~c')
        self.assertEqual([
            {'op': 'remove', 'path': '/priority'},
            {'op': 'remove', 'path': '/extra/b~0c'}], self.last_body())

    def test_candidates(self):
        self.service.answer('POST', '/allocation_candidates', {
            'candidates': [{'node_uuid': 'n', 'name': 'n1',
                            'backend': 'east'}],
            'total': 2, 'eliminated': {'allocated': 3, 'retired': 5},
            'waiting': 1})
        flags = ('candidate', 'list', '--resource-class', 'x', '-f', 'value')
        status, output, errors = self.run_command(*flags)
        self.assertEqual((0, 'n n1 east\n'), (status, output))
        self.assertIn('2 nodes suit, allocations that wait before it: 1',
                      errors)
        _, output, _ = self.run_command(*flags, '--eliminated')
        self.assertEqual('retired 5\nallocated 3\n', output)
        self.run_command(*flags, '--priority', '-3')
        self.assertEqual({'resource_class': 'x', 'priority': -3},
                         self.last_body())

    def test_backends(self):
        self.service.answer('GET', '/backends', {'backends': [
            {'name': 'east', 'status': 'up', 'nodes': 9, 'free': 3,
             'lag': 61.5, 'open_writes': 0}]})
        self.service.answer('GET', '/backends/east', {
            'name': 'east', 'status': 'up'})
        _, output, _ = self.run_command('backend', 'list')
        self.assertIn('1m1s', output)
        _, output, _ = self.run_command('backend', 'show', 'east', '-f',
                                        'value', '-c', 'status')
        self.assertEqual('up\n', output)


class WaitTests(ShellTests):

    def wait(self, *words):
        return self.run_command('allocation', 'create', '--resource-class',
                                'x', '--uuid', UUID, '-f', 'value', '-c',
                                'state', '--wait', *words)

    def answer(self, *answers):
        self.service.answer('POST', '/allocations', (201, allocation()))
        self.service.answer('GET', '/allocations/' + UUID, *answers)

    def test_the_status_says_how_it_ended(self):
        for answers, expected, state in (
                ([allocation(state='active')], 0, 'active\n'),
                ([allocation(state='error', last_error='No node.')],
                 creation.FAILED, 'error\n'),
                ([(404, service.error('x', 'Gone.'))], 1, '')):
            self.answer(*answers)
            status, output, _ = self.wait()
            self.assertEqual((expected, state), (status, output))

    def test_the_end_of_patience(self):
        self.answer(allocation())
        status, output, _ = self.wait('1')
        self.assertEqual((creation.TIMED_OUT, 'allocating\n'),
                         (status, output))

    def test_wrong_arguments_are_status_2(self):
        for words in (('allocation', 'create', '--wait', 'soon'),
                      ('allocation', 'wait'),
                      ('allocation', 'wait', UUID, '--on-interrupt', 'x')):
            status, output, _ = self.run_command(*words)
            self.assertEqual((2, ''), (status, output))

    def test_the_time_is_over_where_nobody_answers(self):
        """Once, the command waited for as long as the service liked."""
        self.patch(creation, 'GRACE', 0.5)
        self.answer(service.SILENCE)
        self.assert_ends_in_time('')
        self.service.answer('POST', '/allocations', service.SILENCE)
        self.assert_ends_in_time('')

    def test_the_time_is_over_where_nobody_says_what_there_is(self):
        self.patch(creation, 'GRACE', 0.5)
        with socket.create_server(('127.0.0.1', 0)) as silent:
            self.patch(self.service, 'endpoint',
                       'http://127.0.0.1:%d' % silent.getsockname()[1])
            self.assert_ends_in_time('')

    def assert_ends_in_time(self, shown):
        begun = time.monotonic()
        status, output, _ = self.wait('1')
        self.assertEqual((creation.TIMED_OUT, shown), (status, output))
        self.assertLess(time.monotonic() - begun, 10)

    def interrupt(self, *words):
        """Interrupt the command once it has looked at its allocation."""
        def send():
            while not any(request.method == 'GET'
                          for request in self.service.requests):
                if ended.wait(0.01):
                    return
            os.kill(os.getpid(), signal.SIGINT)

        ended = threading.Event()
        thread = threading.Thread(target=send)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(ended.set)
        status, output, _ = self.wait(*words)
        self.assertEqual((130, ''), (status, output))
        return [request.method for request in self.service.requests]

    def test_an_interrupt_keeps_it(self):
        self.answer(allocation())
        self.assertNotIn('DELETE', self.interrupt())

    def test_an_interrupt_gives_it_back_if_told_so(self):
        self.answer(allocation())
        self.service.answer('DELETE', '/allocations/' + UUID, (204, None))
        self.assertEqual('DELETE', self.interrupt(
            '--on-interrupt', 'delete')[-1])

    def test_one_that_may_not_be_given_back_is_kept(self):
        """Once, the status was 1, as if there had been no interrupt."""
        self.answer(allocation())
        self.service.answer('DELETE', '/allocations/' + UUID,
                            (409, service.error('x', 'It is in use.')))
        logged = self.useFixture(fixtures.FakeLogger())
        self.interrupt('--on-interrupt', 'delete')
        self.assertIn('could not be deleted: It is in use.', logged.output)
        self.assertIn('It is kept', logged.output)

    def test_one_that_is_just_being_made_is_given_back_as_well(self):
        """The request is cut off before its answer, and arrives late."""
        self.patch(creation, 'UNDERWAY', 30)
        self.service.answer('DELETE', '/allocations/' + UUID,
                            (404, service.error('x', 'Unknown.')),
                            (204, None))

        ended = threading.Event()
        self.addCleanup(ended.set)
        ordinary = self.service.next_answer

        def answer(method, path):
            if method != 'POST':
                return ordinary(method, path)
            os.kill(os.getpid(), signal.SIGINT)
            ended.wait(30)
            return service.HANG_UP

        self.patch(self.service, 'next_answer', answer)
        status, _, _ = self.wait('--on-interrupt', 'delete')
        self.assertEqual(130, status)
        self.assertEqual(['POST', 'DELETE', 'DELETE'], [
            request.method for request in self.service.requests])
