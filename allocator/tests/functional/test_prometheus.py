# SPDX-License-Identifier: Apache-2.0
"""The rules of etc/prometheus, judged by Prometheus' own tool."""

import pathlib
import re
import subprocess

import fixtures

from allocator.tests.functional import databases
from allocator.tests.functional import operating
from allocator.tests.functional import prometheus
from allocator.tests.functional import testcase

RULES = prometheus.RULES

# Seconds that promtool may take.
PATIENCE = 120


# They need no database, but run in one suite only.
@testcase.per_database(databases.MYSQL)
class RuleTests:

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.promtool = prometheus.find('promtool')

    def run_tool(self, command, files):
        """Run promtool, which must find no mistake."""
        self.assertTrue(files)
        made = subprocess.run(
            [self.promtool, command, 'rules',
             *(file.name for file in sorted(files))],
            cwd=RULES, timeout=PATIENCE, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.assertEqual(0, made.returncode, made.stdout)

    def test_the_rules_are_well_formed(self):
        self.run_tool('check', set(RULES.glob('*.yaml'))
                      - set(RULES.glob('*_test.yaml')))

    def test_the_rules_do_what_their_tests_say(self):
        self.run_tool('test', RULES.glob('*_test.yaml'))

    def test_the_configuration_of_the_page_is_understood(self):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (folder / 'prometheus.yml').write_text(re.sub(
            '/etc/prometheus/allocator/', '%s/' % RULES,
            operating.other('admin/metrics', 'rule_files:')))
        made = subprocess.run(
            [self.promtool, 'check', 'config', 'prometheus.yml'], cwd=folder,
            timeout=PATIENCE, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.assertEqual(0, made.returncode, made.stdout)
        # Both files of rules were found, and read.
        self.assertEqual(2, made.stdout.count('rules found'), made.stdout)
