# SPDX-License-Identifier: Apache-2.0
"""allocator-manage, where real servers show nothing more."""

import configparser
import os

import fixtures as base_fixtures
from oslotest import base

from allocator.db import allocations
from allocator.db import purges
from allocator.tests import fixtures
from allocator.tests.functional import processes
from allocator.tests.unit.docs import checkout


class PurgeTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())

    def _add(self):
        uuid = allocations.new_uuid()
        allocations.create({
            'uuid': uuid, 'name': None, 'resource_class': 'metal',
            'traits': [], 'extra': {}, 'owner': None, 'state': 'error'})
        return uuid

    def test_what_was_changed_lately_stays(self):
        uuid = self._add()
        time = purges.before(-1)
        allocations.update(uuid, lambda row: {'extra': {'changed': True}})
        self.assertEqual((1, 1), purges.remove(time, 10))
        uuid = self._add()
        allocations.update(uuid, lambda row: {'extra': {'changed': True}})
        self.assertEqual((0, None), purges.remove(purges.before(1), 10))

    def test_failures_without_a_time_of_change_count_from_creation(self):
        self._add()
        self.assertEqual(0, purges.count(purges.before(1)))
        self.assertEqual(1, purges.count(purges.before(-1)))


class CommandTests(base.BaseTestCase):

    def test_database_that_is_away_is_said_in_a_sentence(self):
        file = os.path.join(self.useFixture(base_fixtures.TempDir()).path,
                            'allocator.conf')
        with open(file, 'w') as configuration:
            configuration.write('[database]\nconnection = '
                                'mysql+pymysql://a:b@127.0.0.1:1/c\n')
        made = processes.run('allocator-manage', '--config-file', file,
                             'purge')
        self.assertEqual(1, made.returncode)
        self.assertIn('The database refused', made.stdout)
        self.assertNotIn('Traceback', made.stdout)


class UnitTests(base.BaseTestCase):

    def test_the_timer_runs_the_command(self):
        folder = checkout.ROOT / 'etc' / 'allocator' / 'systemd'
        unit, timer = (configparser.ConfigParser() for _ in range(2))
        unit.optionxform = timer.optionxform = str
        unit.read(folder / 'allocator-purge.service')
        timer.read(folder / 'allocator-purge.timer')
        command = unit['Service']['ExecStart'].split()
        self.assertEqual(['/opt/allocator/bin/allocator-manage', 'purge'],
                         command[:2])
        self.assertEqual('oneshot', unit['Service']['Type'])
        self.assertIn('OnCalendar', timer['Timer'])
