# SPDX-License-Identifier: Apache-2.0
"""Runs the devstack plugin with stand-ins for devstack's functions."""

import os
import pathlib
import subprocess

import fixtures
import testtools

PLUGIN = pathlib.Path(__file__).parents[3] / 'devstack'

SCRIPT = PLUGIN / 'test' / 'stand-ins.sh'

STACK = ('stack pre-install', 'stack install', 'stack post-config',
         'stack extra', 'stack test-config')

CONTROLLER = 'mysql,rabbit,key'


class PluginTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.tree = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.made = self.tree / 'made'

    def run_phases(self, *phases, services=CONTROLLER, expected=0,
                   **variables):
        """Run phases of the plugin.

        :param services: ENABLED_SERVICES before the plugin adds its own
        :param expected: the exit status
        :param variables: of devstack
        :returns: list of the calls, as lines
        """
        return self.run_script(SCRIPT, self.tree, *phases, expected=expected,
                               ENABLED_SERVICES=services, **variables)

    def run_script(self, *command, expected=0, **variables):
        """Run a script that calls the stand-ins.

        :param command: arguments of bash
        :param expected: the exit status
        :param variables: its environment
        :returns: list of the calls, as lines
        """
        calls = self.tree / 'calls'
        calls.write_text('')
        ran = subprocess.run(
            ['bash', *command], env={'PATH': os.environ['PATH'], **variables},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL)
        self.assertEqual(expected, ran.returncode, ran.stdout)
        return [line.replace(str(self.tree), 'TREE')
                for line in calls.read_text().splitlines()]

    def phase(self, phase, **options):
        """Run one phase.

        :returns: its calls, without those of the settings and summaries
        """
        calls = self.run_phases(phase, **options)
        calls = calls[calls.index('# ' + phase) + 1:]
        return [call for call in calls if not call.startswith('echo_')]

    def things(self):
        """List what is on the machine."""
        return {str(path.relative_to(self.made))
                for path in self.made.rglob('*') if path.is_file()}

    def configuration(self, name='allocator.conf'):
        lines = (self.made / 'etc' / name).read_text().splitlines()
        return dict(line.split('=', 1) for line in lines)
