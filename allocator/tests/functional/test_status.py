# SPDX-License-Identifier: Apache-2.0
"""allocator-status, run against real servers."""

import datetime
import json
import os
import subprocess

import fixtures
from oslo_upgradecheck import upgradecheck
from oslo_utils import timeutils

from allocator.tests.functional import databases
from allocator.tests.functional import processes
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase

SUCCESS, WARNING, FAILURE = (upgradecheck.Code.SUCCESS,
                             upgradecheck.Code.WARNING,
                             upgradecheck.Code.FAILURE)


class Checks(testcase.ServiceTests):

    def check(self, *arguments):
        """Run the checks.

        :returns: exit status, and dict of results by name
        """
        made = processes.run(
            'allocator-status', '--config-file', self.service.config_file,
            *arguments, 'upgrade', 'check', '--json')
        results = json.loads(made.stdout.splitlines()[-1])['checks']
        return made.returncode, {result['check']: result['result']
                                 for result in results}


@testcase.per_database()
class UpgradeCheckTests(Checks):

    conductors = 1

    def test_all_is_well(self):
        # SQLite comes with the warning that it serves one process.
        worst = WARNING if self.kind == databases.SQLITE else SUCCESS
        self.assertEqual((worst, {
            'Database schema': SUCCESS, 'Database version': worst,
            'Message bus': SUCCESS, 'Policy file format': SUCCESS,
            'Policy files': SUCCESS,
            'Old pending allocations': SUCCESS,
            'Backends': SUCCESS}), self.check())

    def test_a_broken_policy_file_is_a_failure(self):
        folder = self.useFixture(fixtures.TempDir()).path
        for name, text in (
                ('policy.yaml', '"baremetal:allocation:get": ['),
                ('extra.conf', '[oslo_policy]\npolicy_file = %s/policy.yaml\n'
                               % folder)):
            with open(os.path.join(folder, name), 'w') as file:
                file.write(text)
        code, results = self.check('--config-file',
                                   os.path.join(folder, 'extra.conf'))
        self.assertEqual((FAILURE, FAILURE), (code, results['Policy files']))

    def test_a_table_for_people(self):
        made = processes.run('allocator-status', '--config-file',
                             self.service.config_file, 'upgrade', 'check')
        self.assertIn('Check: Old pending allocations', made.stdout)


@testcase.per_database()
class ShowTests(testcase.ServiceTests):

    conductors = 1

    def show(self, *arguments):
        return processes.run(
            'allocator-status', '--config-file', self.service.config_file,
            'show', *arguments)

    def test_the_state_of_a_service_that_runs(self):
        self.service.add_nodes(2)
        self.client.allocate_all([{'resource_class': 'baremetal'}])
        self.client.all_settled()
        made = self.show('-f', 'json')
        self.assertEqual(0, made.returncode, made.stdout)
        found = json.loads(made.stdout[made.stdout.index('{'):])
        self.assertEqual([True], [row['alive'] for row in found['conductors']])
        self.assertEqual(
            [{'resource_class': 'baremetal', 'nodes': 2, 'free': 1,
              'held': 1, 'out_of_order': 0}], found['pool'])
        self.assertEqual((0, 0), (found['due']['count'],
                                  found['waiting']['count']))

    def test_a_screen_for_people(self):
        made = self.show()
        self.assertEqual(0, made.returncode, made.stdout)
        self.assertIn('Conductors: 1 of 1 alive', made.stdout)

    def test_who_reads_no_further_ends_it_without_a_traceback(self):
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, 'w') as output:
            made = subprocess.run(
                [*processes.command('allocator-status'), '--config-file',
                 self.service.config_file, 'show'], stdout=output,
                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                env=processes.environment(), text=True, timeout=120,
                check=False)
        self.assertEqual(0, made.returncode, made.stderr)
        self.assertNotIn('BrokenPipe', made.stderr)


@testcase.per_database(databases.MYSQL)
class TroubleTests(Checks):
    """No conductor, a schema of nobody, a broker that is not there."""

    conductors = 0

    def test_an_old_pending_allocation_is_a_warning(self):
        seeds.add_allocations(
            self.service.engine,
            created_at=timeutils.utcnow() - datetime.timedelta(hours=2))
        code, results = self.check()
        self.assertEqual((WARNING, WARNING),
                         (code, results['Old pending allocations']))

    def test_a_broker_that_is_away_is_a_failure(self):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, 'away')
        with open(path, 'w') as file:
            file.write('[DEFAULT]\n'
                       'transport_url = rabbit://a:b@127.0.0.1:1/\n')
        code, results = self.check('--config-file', path)
        self.assertEqual((FAILURE, FAILURE), (code, results['Message bus']))

    def test_an_old_schema_is_a_failure(self):
        self.set_revision('0123456789ab')
        code, results = self.check()
        self.assertEqual((FAILURE, FAILURE),
                         (code, results['Database schema']))

    def set_revision(self, revision):
        with self.service.engine.begin() as connection:
            before = connection.exec_driver_sql(
                'SELECT version_num FROM alembic_version').scalar()
            connection.exec_driver_sql(
                "UPDATE alembic_version SET version_num = '%s'" % revision)
        self.addCleanup(self._restore, before)

    def _restore(self, revision):
        with self.service.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE alembic_version SET version_num = '%s'" % revision)
