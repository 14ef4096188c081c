# SPDX-License-Identifier: Apache-2.0
"""The units of etc/allocator/systemd, and the changes that pages tell of."""

import pathlib
import re
import shutil
import subprocess
import unittest

import fixtures

from allocator.tests import guides
from allocator.tests.functional import databases
from allocator.tests.functional import testcase

UNITS = guides.ROOT / 'etc' / 'allocator' / 'systemd'

# Which unit a page has changed by "systemctl edit".
CHANGED = {'install/http-server': 'allocator-api.service',
           'admin/metrics': 'allocator-api.service'}

PATIENCE = 60


def changes():
    """List the changes of units.

    :returns: list of (page, text)
    """
    return [(page, block.text)
            for page in guides.pages('admin', 'cli', 'install')
            for block in guides.blocks(page, 'ini')
            if re.search(r'(?m)^\[(Unit|Service|Timer)\]', block.text)]


# They need no database, but run in one suite only.
@testcase.per_database(databases.SQLITE)
class UnitTests:

    def setUp(self):
        super().setUp()
        if not shutil.which('systemd-analyze'):
            raise unittest.SkipTest('There is no systemd-analyze')
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for path in UNITS.iterdir():
            # A command that is not there is a mistake.
            (self.folder / path.name).write_text(re.sub(
                r'/opt/allocator/bin/[\w-]+', '/bin/true', path.read_text()))

    def verify(self):
        """Ask systemd.

        :returns: what it finds wrong with the units of the folder
        """
        made = subprocess.run(
            ['systemd-analyze', 'verify', '--man=no', *sorted(
                path.name for path in self.folder.iterdir()
                if path.is_file())],
            cwd=self.folder, timeout=PATIENCE, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # It knows about other units of the machine, too.
        return [line for line in made.stdout.splitlines()
                if 'allocator' in line]

    def change(self, unit, text):
        folder = self.folder / (unit + '.d')
        folder.mkdir()
        (folder / 'override.conf').write_text(re.sub(
            r'/usr/bin/uwsgi\b', '/bin/true', text))

    def test_the_units_are_understood(self):
        self.assertEqual([], self.verify())

    def test_changes_of_the_pages_are_understood(self):
        self.assertEqual(set(CHANGED), {page for page, _text in changes()})
        for page, text in changes():
            self.change(CHANGED[page], text)
            self.assertEqual([], self.verify(), page)
            shutil.rmtree(self.folder / (CHANGED[page] + '.d'))

    def test_a_mistake_would_be_found(self):
        self.change('allocator-api.service', '[Service]\nWatchdogSecs=0\n')
        self.assertIn('WatchdogSecs', ''.join(self.verify()))
