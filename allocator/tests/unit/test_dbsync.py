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


class UnknownRevisionTests(base.BaseTestCase):

    def test_the_schema_of_a_newer_release_is_told_in_a_sentence(self):
        """Once, there was a traceback after going back to an old release."""
        folder = self.useFixture(fixtures.TempDir()).path
        database = os.path.join(folder, 'allocator.sqlite')
        connection = sqlite3.connect(database)
        connection.execute('CREATE TABLE alembic_version (version_num TEXT)')
        connection.execute("INSERT INTO alembic_version VALUES ('beyond')")
        connection.commit()
        connection.close()
        path = os.path.join(folder, 'allocator.conf')
        with open(path, 'w') as file:
            file.write('[database]\nconnection = sqlite:///%s\n' % database)
        # The configuration and the database of a process are its own.
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', RUN, '--config-file', path,
             'upgrade'],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(1, done.returncode, done.stderr)
        # As the upgrade guide quotes it; alembic's log goes before.
        self.assertEqual("Can't locate revision identified by 'beyond'",
                         done.stderr.splitlines()[-1])
        self.assertNotIn('Traceback', done.stderr)
