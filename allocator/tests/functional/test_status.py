# SPDX-License-Identifier: Apache-2.0
"""allocator-status upgrade check, run against real servers."""

import datetime
import json
import os

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
            'Old pending allocations': SUCCESS}), self.check())

    def test_a_table_for_people(self):
        made = processes.run('allocator-status', '--config-file',
                             self.service.config_file, 'upgrade', 'check')
        self.assertIn('Check: Old pending allocations', made.stdout)


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
