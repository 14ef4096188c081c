# SPDX-License-Identifier: Apache-2.0
"""oslo.policy's tools find the policies by the entry points."""

import json
import os
import subprocess
import sys

import fixtures
from oslotest import base
import yaml

from allocator import policies

TOKEN = {'token': {
    'roles': [{'name': 'reader'}], 'project': {'id': 'p'},
    'user': {'id': 'u', 'domain': {'id': 'default'}}}}

REDUNDANT = 'baremetal:allocation:create_restricted'


class TestTools(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path

    def _run(self, tool, *arguments):
        done = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), tool), *arguments],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w') as file:
            file.write(text)
        return path

    def _configured(self, rules):
        """Write a policy file, and options that lead to it."""
        policy = self._write('policy.yaml', yaml.safe_dump(rules))
        path = self._write('allocator.conf',
                           '[oslo_policy]\npolicy_file = %s\n' % policy)
        return ['--namespace', 'allocator', '--config-file', path]

    def test_sample_generator_writes_every_rule(self):
        sample = self._run('oslopolicy-sample-generator', '--namespace',
                           'allocator')
        for rule in policies.list_rules():
            self.assertIn('#"%s": ' % rule.name, sample)

    def test_policy_generator_merges_a_file(self):
        merged = yaml.safe_load(self._run(
            'oslopolicy-policy-generator',
            *self._configured({REDUNDANT: 'role:renter'})))
        self.assertEqual('role:renter', merged[REDUNDANT])
        self.assertEqual({rule.name for rule in policies.list_rules()},
                         set(merged))

    def test_list_redundant_finds_a_rule_that_says_the_default(self):
        (default,) = (rule.check_str for rule in policies.list_rules()
                      if rule.name == REDUNDANT)
        found = self._run('oslopolicy-list-redundant', *self._configured(
            {REDUNDANT: default, 'baremetal:allocation:list': '!'}))
        self.assertIn(REDUNDANT, found)
        self.assertNotIn('allocation:list', found)

    def test_validator_takes_a_good_file(self):
        self._run('oslopolicy-validator', *self._configured(
            {REDUNDANT: 'role:renter'}))

    def test_checker_judges_a_token_by_all_rules(self):
        sample = self._run('oslopolicy-policy-generator', '--namespace',
                           'allocator')
        rules = self._write('all.yaml', sample)
        token = self._write('token.json', json.dumps(TOKEN))
        judged = self._run('oslopolicy-checker', '--policy', rules,
                           '--access', token)
        self.assertIn('passed: baremetal:allocation:list\n', judged)
        self.assertIn('failed: baremetal:allocation:list_all\n', judged)
        self.assertIn('failed: baremetal:allocation:create\n', judged)
        self.assertNotIn('exception', judged)
