# SPDX-License-Identifier: Apache-2.0
"""tools/benchmark --backends, at a size that only shows that it works."""

import json
import os
import pathlib
import subprocess
import sys

import fixtures
import testtools

TOOL = pathlib.Path(__file__).parents[3] / 'tools' / 'benchmark'

# Seconds that it may take.
PATIENCE = 280


class BackendsBenchmarkTests(testtools.TestCase):

    def test_it_measures_everything_before_real_and_simulated_services(self):
        folder = self.useFixture(fixtures.TempDir()).path
        made = subprocess.run(
            [sys.executable, str(TOOL), '--backends', '--tiny', '--output',
             folder], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(0, made.returncode, made.stdout + made.stderr)
        with open(os.path.join(folder, 'result.json')) as file:
            found = json.load(file)['results']
        self.assertEqual({'first_look', 'look', 'change', 'time_to_active',
                          'throughput', 'flood', 'fleet', 'load'},
                         set(found))
        self.assertEqual({'20', '60'}, set(found['time_to_active']))
        self.assertEqual(({'201': 20}, {'active': 20}, 20), tuple(
            found['flood'][name] for name in ('statuses', 'states',
                                              'there')))
        self.assertLessEqual(found['flood']['most_open'], 8)
        self.assertIn('throughput against two', made.stdout)
