# SPDX-License-Identifier: Apache-2.0
"""What allocator-dbsync says when it cannot go on."""

import os
import sqlite3
import subprocess
import sys

import fixtures
from oslotest import base

RUN = '''
import sys
from allocator.cmd import dbsync
sys.argv = ['allocator-dbsync', *sys.argv[1:]]
dbsync.main()
'''


class RefusalTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path

    def _last_words(self, connection):
        """Run a command that ends with a sentence, and get that."""
        path = os.path.join(self.folder, 'allocator.conf')
        with open(path, 'w') as file:
            file.write('[database]\nmax_retries = 0\n%s\n' % connection)
        # The configuration and the database of a process are its own.
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', RUN, '--config-file', path,
             'upgrade'],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertNotIn('Traceback', done.stderr)
        return done.stderr

    def test_the_schema_of_a_newer_release_is_told_in_a_sentence(self):
        """Once, there was a traceback after going back to an old release."""
        database = os.path.join(self.folder, 'allocator.sqlite')
        connection = sqlite3.connect(database)
        connection.execute('CREATE TABLE alembic_version (version_num TEXT)')
        connection.execute("INSERT INTO alembic_version VALUES ('beyond')")
        connection.commit()
        connection.close()
        # As the upgrade guide quotes it; alembic's log goes before.
        self.assertEqual(
            "Can't locate revision identified by 'beyond'", self._last_words(
                'connection = sqlite:///' + database).splitlines()[-1])

    def test_a_database_that_is_away_is_told_in_a_sentence(self):
        """Once, there was a traceback."""
        found = self._last_words('connection = sqlite:////nowhere/a.sqlite')
        self.assertIn('The database refused: ', found)

    def test_no_database_is_told_in_a_sentence(self):
        """Once, there was a traceback."""
        self.assertIn('[database] connection is not set in the configuration '
                      'files: ', self._last_words(''))
