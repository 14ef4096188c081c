# SPDX-License-Identifier: Apache-2.0
"""The shell of somebody who does what a page says."""

import os
import pathlib
import subprocess

import fixtures

from allocator.tests.functional import processes


class Shell(fixtures.Fixture):
    """A home of its own, and what the steps before have set.

    :param patience: seconds that one step may take
    :ivar home: pathlib.Path, where each step begins
    :ivar commands: pathlib.Path of a folder that PATH names first
    :ivar variables: dict of environment variables besides the usual ones
    :ivar exported: text that goes before each step
    """

    def __init__(self, patience):
        self._patience = patience
        self.variables = {}
        self.exported = ''

    def _setUp(self):
        self.home = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.commands = self.home / 'bin'
        self.commands.mkdir()

    def add_command(self, name, folder=None):
        """Add a command of the Python that runs the tests.

        :param folder: pathlib.Path other than the first of PATH
        """
        self.write_command(name, 'exec %s "$@"' % (
            ' '.join(processes.command(name))), folder)

    def write_command(self, name, text, folder=None):
        """Add a command.

        :param text: what the shell is to do
        :param folder: pathlib.Path other than the first of PATH
        """
        path = (folder or self.commands) / name
        path.write_text('#!/bin/sh\n%s\n' % text)
        path.chmod(0o755)

    def configure(self, config_file):
        """Have this project's commands read a file.

        :param config_file: its path
        """
        folder = self.home / '.allocator'
        folder.mkdir(exist_ok=True)
        (folder / 'allocator.conf').symlink_to(config_file)

    def environment(self):
        found = {name: value for name, value
                 in processes.environment().items()
                 if not name.startswith('OS_')}
        return found | {
            'HOME': str(self.home), 'XDG_CACHE_HOME': str(self.home),
            'no_proxy': '127.0.0.1', 'PATH': '%s:%s' % (
                self.commands, os.environ['PATH'])} | self.variables

    def run(self, text, *statuses):
        """Carry a step out.

        :param statuses: those that are right; 0 unless given
        :returns: what it printed
        :raises: AssertionError, with that, if it ends with another status
        """
        made = subprocess.run(
            ['bash', '-euo', 'pipefail', '-c', self.exported + text],
            env=self.environment(), cwd=self.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=self._patience)
        assert made.returncode in (statuses or (0,)), (
            '%s: status %d\n%s' % (text, made.returncode, made.stdout))
        return made.stdout
