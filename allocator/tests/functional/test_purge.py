# SPDX-License-Identifier: Apache-2.0
"""allocator-manage purge, run against real servers."""

import datetime

from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.db import models
from allocator.db import purges
from allocator.tests.functional import processes
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase

_allocation = models.Allocation.__table__
_node = models.Node.__table__


@testcase.per_database()
class PurgeTests(testcase.ServiceTests):

    conductors = 1

    def add(self, count=1, days=40, **values):
        time = timeutils.utcnow() - datetime.timedelta(days=days)
        return seeds.add_allocations(
            self.service.engine, count,
            **{'state': 'error', 'updated_at': time,
               'last_error': 'No suitable node'} | values)

    def purge(self, *arguments):
        made = processes.run(
            'allocator-manage', '--config-file', self.service.config_file,
            'purge', *arguments)
        self.assertEqual(0, made.returncode, made.stdout)
        return made.stdout.splitlines()

    def left(self):
        with self.service.engine.connect() as connection:
            return set(connection.execute(
                sa.select(_allocation.c.uuid)).scalars())

    def test_only_old_failures_go(self):
        self.service.add_nodes(1)
        self.add(3)
        [young] = self.add(days=20)
        [active] = self.add(state='active', last_error=None)
        self.assertEqual('3 allocations removed.', self.purge()[-1])
        self.assertEqual({young, active}, self.left())
        self.purge('--older-than', '19')
        self.assertEqual({active}, self.left())

    def test_a_dry_run_removes_nothing(self):
        self.add(3)
        self.assertEqual(['3 allocations would be removed.'],
                         self.purge('--dry-run'))
        self.assertEqual(['2 allocations would be removed.'],
                         self.purge('--dry-run', '--limit', '2'))
        self.assertEqual(3, len(self.left()))

    def test_a_limit_takes_the_first(self):
        uuids = self.add(3)
        self.purge('--limit', '2')
        self.assertEqual({uuids[2]}, self.left())
        self.assertEqual(['0 allocations removed.'],
                         self.purge('--limit', '0'))

    def test_many_go_in_small_transactions_and_it_says_so(self):
        self.add(2 * purges.BATCH + 1)
        said = self.purge()
        self.assertEqual(
            ['%d allocations removed so far.' % count for count in (
                purges.BATCH, 2 * purges.BATCH, 2 * purges.BATCH + 1)]
            + ['%d allocations removed.' % (2 * purges.BATCH + 1)], said)
        self.assertEqual(set(), self.left())

    def test_a_failure_that_a_node_still_names_stays(self):
        [kept] = self.add()
        self.add()
        node = self.service.add_node(provision_state='active')
        with self.service.engine.begin() as connection:
            seeds.set_node(connection, node, allocation_id=sa.select(
                _allocation.c.id).where(
                    _allocation.c.uuid == kept).scalar_subquery())
        self.assertEqual('1 allocations removed.', self.purge()[-1])
        self.assertEqual({kept}, self.left())

    def test_its_name_is_free_again(self):
        self.add(name='mine')
        body = {'resource_class': 'none', 'name': 'mine'}
        self.assertEqual(
            409, self.client.post('/v1/allocations', body).status_code)
        self.purge()
        self.assertEqual(
            201, self.client.post('/v1/allocations', body).status_code)

    def test_nonsense_is_refused(self):
        """A million days ended in a traceback."""
        for arguments, fault in (
                (['--older-than', '-1'], 'is no whole number'),
                (['--older-than', '1000000'], 'is more than 36500 days'),
                (['--limit', 'many'], 'is no whole number')):
            made = processes.run('allocator-manage', '--config-file',
                                 self.service.config_file, 'purge',
                                 *arguments)
            self.assertEqual(2, made.returncode)
            self.assertIn(fault, made.stdout)

    def test_the_longest_time_is_one_of_the_calendar(self):
        made = processes.run('allocator-manage', '--config-file',
                             self.service.config_file, 'purge',
                             '--older-than', '36500')
        self.assertEqual((0, '0 allocations removed.'),
                         (made.returncode, made.stdout.strip()))
