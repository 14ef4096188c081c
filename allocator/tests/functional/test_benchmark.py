# SPDX-License-Identifier: Apache-2.0
"""tools/benchmark, at a size that only shows that it works."""

import json
import os
import pathlib
import subprocess
import sys

import fixtures

from allocator.tests.functional import databases
from allocator.tests.functional import testcase

TOOL = pathlib.Path(__file__).parents[3] / 'tools' / 'benchmark'

# Seconds that it may take.
PATIENCE = 200


class Runs:

    def measure(self, *arguments):
        """Run the benchmark.

        :returns: what it printed, and what it wrote as JSON
        """
        folder = self.useFixture(fixtures.TempDir()).path
        made = subprocess.run(
            [sys.executable, str(TOOL), '--tiny', '--output', folder,
             *arguments], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(0, made.returncode, made.stdout + made.stderr)
        with open(os.path.join(folder, 'result.json')) as file:
            return made.stdout, json.load(file)


@testcase.per_database()
class BenchmarkTests(Runs):

    def test_it_measures_the_service_on_a_database(self):
        database = self.useFixture(databases.Database(self.kind))
        printed, found = self.measure('--database', database.url,
                                      '--broker', databases.broker_url())
        wanted = {'time_to_active', 'throughput', 'requests', 'variants',
                  'overload', 'pages', 'memory', 'idle'}
        if self.kind != databases.SQLITE:
            wanted |= {'two_conductors', 'backlog'}
        self.assertEqual(wanted, set(found['results']))
        for size in ('10', '20'):
            run = found['results']['time_to_active'][size]['active']
            self.assertEqual(5, run['count'])
            self.assertGreater(run['p99_ms'], 0)
        self.assertEqual({'active': 15, 'error': 15},
                         found['results']['overload']['states'])
        self.assertIn('time to active, idle, 20 nodes', printed)
        self.assertIn(self.kind, found['circumstances']['database'])


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
