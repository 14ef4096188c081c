# SPDX-License-Identifier: Apache-2.0
"""tools/benchmark, at a size that only shows that it works."""

import json
import os
import pathlib
import subprocess
import sys

import fixtures
import sqlalchemy as sa

from allocator.tests.functional import databases
from allocator.tests.functional import mixed
from allocator.tests.functional import testcase

TOOL = pathlib.Path(__file__).parents[3] / 'tools' / 'benchmark'

# Seconds that it may take.
PATIENCE = 240


class Runs:

    def measure(self, *arguments):
        """Run the benchmark.

        :returns: what it printed, and what it wrote as JSON
        """
        folder = self.useFixture(fixtures.TempDir()).path
        tool = subprocess.Popen(
            [sys.executable, str(TOOL), '--tiny', '--output', folder,
             *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        try:
            printed, _ = tool.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            # It ends what it has started.
            tool.terminate()
            raise AssertionError(
                'It took too long:\n%s' % tool.communicate()[0]) from None
        self.assertEqual(0, tool.returncode, printed)
        with open(os.path.join(folder, 'result.json')) as file:
            return printed, json.load(file)


@testcase.per_database()
class BenchmarkTests(Runs):

    def test_it_measures_the_service_on_a_database(self):
        database = self.useFixture(databases.Database(self.kind))
        printed, found = self.measure('--database', database.url,
                                      '--broker', databases.broker_url())
        wanted = {'time_to_active', 'throughput', 'requests', 'variants',
                  'overload', 'pages', 'memory', 'idle'}
        if self.kind != databases.SQLITE:
            wanted |= {'two_conductors', 'backlog', 'waiting'}
        self.assertEqual(wanted, set(found['results']))
        for size in ('10', '20'):
            run = found['results']['time_to_active'][size]['active']
            self.assertEqual(5, run['count'])
            self.assertGreater(run['p99_ms'], 0)
        self.assertEqual({'active': 15, 'error': 15},
                         found['results']['overload']['states'])
        self.assertIn('time to active, idle, 20 nodes', printed)
        self.assertIn(self.kind, found['circumstances']['database'])


class Compares(Runs):

    def compare(self, before, pairs, *measures):
        """Measure an installation and this checkout in turns.

        :returns: what it printed, and its results
        """
        self.database = self.useFixture(databases.Database(self.kind))
        arguments = []
        for name in measures:
            arguments += ['--measure', name]
        printed, found = self.measure(
            '--compare', before, '--with', str(TOOL.parents[1]),
            '--database', self.database.url,
            '--broker', databases.broker_url(), '--pairs', str(pairs),
            '--api-workers', '1', *arguments)
        return printed, found['results']


@testcase.per_database()
class ComparisonTests(Compares):

    def test_this_checkout_is_measured_beside_itself(self):
        printed, found = self.compare(str(TOOL.parents[1]), 2,
                                      'busy', 'memory')
        self.assertIn('throughput of that', printed)
        self.assertEqual(2, len(
            found['measures']['cpu']['compared']['pairs']))
        self.assertEqual({'before', 'after'}, set(found['shares']))
        self.assertLess(0, found['shares']['after']['clients'])
        memory = ('rss_service' if self.kind == databases.SQLITE
                  else 'rss_conductor')
        self.assertLess(
            10, found['measures'][memory]['compared']['after'])


@testcase.per_database(databases.MYSQL)
class OldReleaseTests(Compares):

    def test_the_release_before_is_measured_on_its_own_schema(self):
        _printed, found = self.compare(mixed.find_venv(), 1, 'busy', 'nodes')
        for name in ('cpu_api', 'cpu_conductor', 'nodes', 'nodes_detail'):
            self.assertLess(
                0, found['measures'][name]['compared']['before'])
        self.assertEqual([self.database.name], self._databases())

    def _databases(self):
        """List those that there are, whose names begin with this one's."""
        table, column = (
            ('pg_database', 'datname') if self.kind == databases.POSTGRESQL
            else ('information_schema.schemata', 'schema_name'))
        names = sa.table(table.split('.')[-1], sa.column(column),
                         schema=table.rpartition('.')[0] or None)
        with self.database.engine.connect() as connection:
            return connection.execute(sa.select(names.c[column]).where(
                names.c[column].startswith(self.database.name))
            ).scalars().all()


@testcase.per_database(databases.MYSQL)
class SizeTests(Runs):

    def test_a_migrated_table_is_measured_beside_a_small_one(self):
        database = self.useFixture(databases.Database(self.kind))
        _printed, found = self.measure(
            '--measure', 'size', '--old-release', mixed.find_venv(),
            '--database', database.url, '--broker', databases.broker_url(),
            '--pairs', '1')
        found = found['results']
        self.assertEqual({'active', 'post', 'get', 'delete'},
                         set(found['requests']))
        self.assertLess(0, found['large']['migration_s'])
        # Nine in a hundred of the history.
        self.assertAlmostEqual(
            0.09 * (6000 - 750), found['large']['purge']['removed'],
            delta=10)

    def test_a_post_is_a_multiple_of_the_floor(self):
        database = self.useFixture(databases.Database(self.kind))
        _printed, found = self.measure(
            '--measure', 'floor', '--database', database.url,
            '--broker', databases.broker_url(), '--requests', '100')
        for clients in ('1', '4'):
            self.assertLess(
                0, found['results']['floor'][clients]['insert'])


@testcase.per_database()
class EndpointTests(Runs, testcase.ServiceTests):

    conductors = 1

    def test_it_measures_any_endpoint(self):
        self.service.add_nodes(20)
        _printed, found = self.measure(
            '--endpoint', self.service.client.endpoint,
            '--resource-class', 'baremetal')
        self.assertEqual({'time_to_active', 'requests', 'throughput'},
                         set(found['results']))
        # It has given all nodes back.
        self.assertEqual([], self.client.allocations())
