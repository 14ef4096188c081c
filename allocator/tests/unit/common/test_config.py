# SPDX-License-Identifier: Apache-2.0
"""Configuration that cannot be read ends a command with a sentence."""

import os
import subprocess
import sys

import fixtures
from oslotest import base

PREPARE = '''
import sys
from allocator.common import service
service.prepare(['test', *sys.argv[1:]], auth_strategy='keystone')
'''
CHECK = '''
import sys
from allocator.cmd import status
sys.argv = ['allocator-status', *sys.argv[1:], 'upgrade', 'check']
sys.exit(status.main())
'''
SENTENCE = 'The configuration cannot be read: '


class UnreadableTests(base.BaseTestCase):
    """Once, there was a traceback."""

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(self.folder, 'allocator.conf')

    def assert_refused(self, *arguments, code=PREPARE, status=1, named=None):
        # One process has one configuration, and keeps half of a broken one.
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', code, *arguments],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertEqual('', done.stdout)
        self.assertTrue(done.stderr.startswith(SENTENCE), done.stderr)
        self.assertEqual(1, done.stderr.count('\n'), done.stderr)
        self.assertIn(named or self.folder, done.stderr)

    def write(self, text):
        with open(self.path, 'w') as file:
            file.write(text)

    def test_a_file_that_is_missing(self):
        self.assert_refused('--config-file', self.path)

    def test_a_file_that_is_a_folder(self):
        self.assert_refused('--config-file', self.folder)

    def test_a_folder_that_is_missing(self):
        self.assert_refused('--config-dir', self.path)

    def test_a_file_without_the_form(self):
        self.write('[DEFAULT')
        self.assert_refused('--config-file', self.path)

    def test_a_value_that_its_option_cannot_have(self):
        self.write('[conductor]\nworkers = many\n')
        self.assert_refused('--config-file', self.path)
        self.assert_refused('--config-file', self.path, code=CHECK,
                            status=255)

    def test_a_value_that_means_an_option_that_is_none(self):
        self.write('[database]\nconnection = mysql://a:$secret@db/c\n')
        self.assert_refused('--config-file', self.path,
                            named='[database] connection: ')

    def test_the_check_of_an_upgrade_fails_itself(self):
        self.assert_refused('--config-file', self.path, code=CHECK,
                            status=255)
