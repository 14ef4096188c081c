# SPDX-License-Identifier: Apache-2.0
"""tools/quickstart and tools/test: what they show, and side by side."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

import fixtures
import testtools
from testtools import content

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]

# What a run of the tests, or of the service, leaves in a checkout.
LEFT_BEHIND = shutil.ignore_patterns(
    '.git', '.tox', '.venv*', '.quickstart', '.stestr', '.*_cache',
    '.coverage*', '.hypothesis', '__pycache__', '*.egg-info', 'build', 'dist',
    'cover', 'test-results', '*.sample', '*.log', '*.sqlite*')

# A suite that needs no server and little time.
SUITE = 'codespell'

# Seconds that a command may take, most of them for downloads.
PATIENCE = 900

# A request as it is shown, with its answer: method, path, body, status, body.
_SHOWN = re.compile(r'''
    ^(GET|POST|PUT|DELETE)\ (/\S+)\n ({\n(?:.*\n)*?}\n)?
    ->\ (\d+)\ .*\n ({\n(?:.*\n)*?}\n)?''', re.MULTILINE | re.VERBOSE)


def free_port():
    """Ask the kernel for a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def shown(output):
    """Read the requests that a run has shown.

    :returns: list of (line before, method, path, body, status, answer)
    """
    return [(output[:found.start()].splitlines()[-2:], found[1], found[2],
             json.loads(found[3] or 'null'), int(found[4]),
             json.loads(found[5] or 'null'))
            for found in _SHOWN.finditer(output)]


def environment():
    """Make the environment of somebody who has just logged in.

    tox tells its commands where its environments are, and another tox would
    believe it.
    """
    return {name: value for name, value in os.environ.items()
            if name == 'TOX_CONSTRAINTS_FILE'
            or not name.startswith(('TOX_', 'VIRTUAL_ENV', 'PYTHONPATH'))}


class Copy(fixtures.Fixture):
    """A copy of the checkout in which nothing was run yet.

    :ivar path: its folder
    """

    def _setUp(self):
        self.path = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path, 'allocator')
        shutil.copytree(CHECKOUT, self.path, ignore=LEFT_BEHIND)

    def run(self, command, *arguments, variables=()):
        """Run one of its commands to the end.

        :param variables: dict of environment variables besides
        :returns: subprocess.CompletedProcess, with its output as text
        """
        return subprocess.run(
            [self.path / command, *arguments], cwd=self.path,
            env=environment() | dict(variables), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=PATIENCE)


class CommandTests(testtools.TestCase):

    def run_in(self, copy, command, *arguments, **options):
        """Run a command; a failed test shows what it said.

        :returns: its exit status, and its output
        """
        made = copy.run(command, *arguments, **options)
        self.addDetail(command, content.text_content(made.stdout))
        return made.returncode, made.stdout

    def start(self, copy, *arguments, **options):
        return self.run_in(copy, 'tools/quickstart', '--once', '--port',
                           str(free_port()), *arguments, **options)


class InstalledTests(CommandTests):
    """With one copy, since each installation takes a minute."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.copy = Copy()
        cls.copy.setUp()
        cls.addClassCleanup(cls.copy.cleanUp)

    def assert_starts(self):
        status, output = self.start(self.copy)
        self.assertEqual(0, status)
        self.assertIn('==> The allocation is active: node example-2 was '
                      'claimed', output.splitlines()[-1])

    def assert_tests_pass(self):
        status, output = self.run_in(self.copy, 'tools/test', SUITE)
        self.assertEqual((0, '1 passed, 0 failed'),
                         (status, output.splitlines()[-1]))

    def test_the_commands_of_the_readme_run_in_either_order(self):
        """Once, tox's file .venv kept tools/quickstart from its place."""
        self.assert_tests_pass()
        pointer = self.copy.path / '.venv'
        if not pointer.exists():
            # Not every release of tox writes it.
            pointer.write_text('.tox/%s\n' % SUITE)
        self.assertTrue(pointer.is_file())
        self.assert_starts()
        self.assertTrue(pointer.is_file())
        # And the other way round.
        pointer.unlink()
        for folder in ('.tox', '.venv-test'):
            shutil.rmtree(self.copy.path / folder)
        self.assert_tests_pass()

    # --- The tour ----------------------------------------------------------

    def take_tour(self):
        """Take the tour.

        :returns: what of the own API was shown, by the comment before
        """
        status, output = self.start(self.copy, '--tour')
        self.assertEqual(0, status)
        _before, _line, tour = output.partition('==> A tour of ')
        requests = shown(tour)
        for lines, *_request in requests:
            self.assertRegex(lines[0], '^# .')
        return [request for _lines, *request in requests]

    def test_the_tour_shows_what_it_says(self):
        (waits, place, given_back, served, constrained, got, candidates,
         fails, explained) = self.take_tour()
        self.assertEqual((201, True), (waits[3], waits[4]['waiting']))
        self.assertEqual(('allocating', 1), tuple(
            place[4][name] for name in ('state', 'queue_position')))
        self.assertIn('1 allocated, 2 not among the candidates',
                      place[4]['reason'])
        self.assertEqual(('DELETE', 204), (given_back[0], given_back[3]))
        node, = waits[4]['candidate_nodes']
        self.assertEqual({'state': 'active', 'node_uuid': node}, served[4])
        self.assertEqual(['CUSTOM_GPU'], constrained[2]['forbidden_traits'])
        self.assertEqual('active', got[4]['state'])
        self.assertEqual((['example-3'], {'allocated': 2}), (
            [found['name'] for found in candidates[4]['candidates']],
            candidates[4]['eliminated']))
        self.assertEqual(201, fails[3])
        self.assertEqual('error', explained[4]['state'])
        self.assertIn('2 allocated, 1 without trait CUSTOM_SSD',
                      explained[4]['last_error'])

    # --- A Bare Metal service ----------------------------------------------

    def simulate(self):
        """Start a Bare Metal service in memory, with four free nodes.

        :returns: its URL
        """
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, '-m', 'allocator.tests.backends.simulator',
             '--port', str(port), '--nodes', '4', 'east'], cwd=CHECKOUT,
            stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return 'http://127.0.0.1:%d/east' % port

    def test_nodes_of_a_bare_metal_service_are_shown(self):
        status, output = self.start(
            self.copy, '--ironic', self.simulate(), variables={
                'OS_USERNAME': 'me', 'OS_PASSWORD': 'pa$$word'})
        self.assertEqual(0, status)
        backend, nodes, candidates = [answer for *_request, answer
                                      in shown(output)]
        self.assertEqual(('up', 4, 4), tuple(
            backend[name] for name in ('status', 'nodes', 'free')))
        self.assertEqual(3, len(nodes['nodes']))
        self.assertEqual(4, candidates['total'])
        self.assertEqual({'ironic'}, {
            found['backend'] for found in candidates['candidates']})
        self.assert_private(self.copy)

    def assert_private(self, copy):
        """Check the credentials in the file that was written last."""
        written = max(copy.path.glob('.quickstart/*/allocator.conf'),
                      key=lambda path: path.stat().st_mtime)
        self.assertEqual(0o600, written.stat().st_mode & 0o777)
        for line in ('auth_type = http_basic\n', 'username = me\n',
                     'password = pa$$$$word\n'):
            self.assertIn(line, written.read_text())

    def test_a_bare_metal_service_that_is_away_is_told(self):
        status, output = self.start(
            self.copy, '--ironic', 'http://127.0.0.1:%d' % free_port())
        self.assertEqual(1, status)
        self.assertIn('quickstart: The Bare Metal service cannot be used: '
                      'Backend ironic: Unable to establish connection', output)

    def test_a_service_that_ends_at_once_says_why(self):
        module = self.copy.path / 'allocator' / 'cmd' / 'single.py'
        before = module.read_text()
        self.addCleanup(module.write_text, before)
        module.write_text(before + '\nraise RuntimeError("out of paper")\n')
        status, output = self.start(self.copy)
        self.assertEqual(1, status)
        self.assertIn('RuntimeError: out of paper', output)
        self.assertIn('quickstart: The service did not start', output)


class FailingStepTests(CommandTests):
    """Each step that can fail shows the words of the command behind it."""

    def setUp(self):
        super().setUp()
        self.copy = self.useFixture(Copy())

    def break_constraints(self):
        with (self.copy.path / 'upper-constraints.txt').open('a') as file:
            file.write('no requirement at all\n')

    def test_venv_that_cannot_be_made(self):
        """Once, the message blamed python3-venv for whatever happened."""
        (self.copy.path / '.venv-quickstart').write_text('in the way')
        status, output = self.start(self.copy)
        self.assertEqual(1, status)
        # How it says so depends on the release of Python.
        self.assertRegex(output, 'Error: .*(Not a directory|Unable to create '
                                 'directory|File exists)')
        self.assertIn('quickstart: Python could not make a virtual '
                      'environment', output)
        self.assertNotIn('python3-venv', output)

    def test_installation_that_fails(self):
        self.break_constraints()
        status, output = self.start(self.copy)
        self.assertEqual(1, status)
        self.assertIn('no requirement at all', output)
        self.assertIn('quickstart: pip could not install', output)

    def test_port_that_is_taken(self):
        with socket.socket() as other:
            other.bind(('127.0.0.1', 0))
            other.listen()
            port = other.getsockname()[1]
            status, output = self.run_in(
                self.copy, 'tools/quickstart', '--once', '--port', str(port))
        self.assertEqual(1, status)
        self.assertIn('Address already in use', output)

    def test_a_bare_metal_service_of_which_nothing_is_said(self):
        status, output = self.start(self.copy, '--ironic')
        self.assertEqual(1, status)
        self.assertIn('quickstart: Where is the Bare Metal service?', output)

    def test_tools_test_without_tox(self):
        self.break_constraints()
        status, output = self.run_in(self.copy, 'tools/test', SUITE)
        self.assertEqual((1, '0 passed, 1 failed'),
                         (status, output.splitlines()[-1]))
        self.assertIn('no requirement at all', output)
        self.assertIn('pip could not install tox', output)
