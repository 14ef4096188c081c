# SPDX-License-Identifier: Apache-2.0
"""oslo.policy's tools find the policies by the entry points."""

import json
import os
import re
import subprocess
import sys

import fixtures
from oslotest import base
import yaml

from allocator import policies
from allocator.tests.unit.docs import checkout

TOKEN = {'token': {
    'roles': [{'name': 'reader'}], 'project': {'id': 'p'},
    'user': {'id': 'u', 'domain': {'id': 'default'}}}}

# Where the page has the commands, the configuration and its own files.
TOOLS = '/opt/allocator/bin/'
SCRATCH = '/tmp/'  # nosec: replaced by a folder of the test

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

    def _as_documented(self, tool):
        """Run a tool in the folder of the configuration, as the page says.

        :returns: completed process
        """
        page = (checkout.DOC / 'configuration' / 'policy.rst').read_text()
        [command] = re.findall(r'^    (%s%s (?:.*\\\n)*.*)$' % (TOOLS, tool),
                               page, re.MULTILINE)
        command = command.replace(SCRATCH, self.folder + '/').replace(
            TOOLS, os.path.dirname(sys.executable) + '/')
        return subprocess.run(command, shell=True, cwd=self.folder,
                              capture_output=True, text=True, timeout=120,
                              check=False)

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

    def test_the_documented_validation_tells_good_from_bad(self):
        """Once, the page's command failed whatever the file was."""
        self._write('allocator.conf', '')
        for rules, status in (({REDUNDANT: 'role:renter'}, 0),
                              ({'baremetal:nothing': '!'}, 1)):
            self._write('policy.yaml', yaml.safe_dump(rules))
            done = self._as_documented('oslopolicy-validator')
            self.assertEqual(status, done.returncode, done.stderr)
            self.assertEqual(bool(status),
                             'baremetal:nothing' in done.stdout, done.stdout)

    def test_the_documented_judgement_of_a_token(self):
        """Once, rules that were not in the policy file were a KeyError."""
        self._write('allocator.conf', '')
        self._write('policy.yaml', yaml.safe_dump({REDUNDANT: '!'}))
        self._write('token.json', json.dumps(TOKEN))
        made = self._as_documented('oslopolicy-policy-generator')
        self.assertEqual(0, made.returncode, made.stderr)
        for owner, verdict in (('p', 'passed'), ('q', 'failed')):
            self._write('target.json', json.dumps({'node': {'owner': owner}}))
            judged = self._as_documented('oslopolicy-checker')
            self.assertEqual('%s: baremetal:node:get\n' % verdict,
                             judged.stdout, judged.stderr)

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
