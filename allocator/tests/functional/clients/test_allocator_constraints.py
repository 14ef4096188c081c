# SPDX-License-Identifier: Apache-2.0
"""This project's own client: constraints, in commands and library."""

import json

from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.clients import allocator_command
import allocatorclient

UUID = '5a1d0c50-3a4e-4b14-9b2c-6d35a9a2a001'

@testcase.per_database(databases.SQLITE)
class AllocatorConstraintTests(allocator_command.CommandTests):
    """What came with version 1.2."""

    def setUp(self):
        super().setUp()
        connection = allocatorclient.connect(
            load_yaml_config=False, load_envvars=False, auth_type='none',
            auth={'endpoint': self.service.endpoint})
        self.addCleanup(connection.close)
        self.allocator = connection.allocator
        self.plain = self.service.add_node(
            ['CUSTOM_SSD'], name='plain',
            properties={'memory_mb': 1024, 'cpu_arch': 'x86_64'})
        self.large = self.service.add_node(
            ['CUSTOM_NVME', 'CUSTOM_RACK_1'], name='large',
            properties={'memory_mb': 524288, 'cpu_arch': 'x86_64'})
        self.gpu = self.service.add_node(
            ['CUSTOM_NVME', 'CUSTOM_GPU'], name='gpu',
            properties={'memory_mb': 524288, 'cpu_arch': 'aarch64'})

    def test_every_flag(self):
        made = self.create(
            '--forbid-trait', 'CUSTOM_GPU', '--any-trait',
            'CUSTOM_NVME,CUSTOM_SSD', '--prefer-trait', 'CUSTOM_RACK_1=50',
            '--exclude-node', 'plain', '--property', 'memory_mb>=262144',
            '--property', 'cpu_arch in x86_64,riscv64', '--wait')
        self.assertEqual(self.large, made['node_uuid'])
        self.assertEqual(
            (['CUSTOM_GPU'], [['CUSTOM_NVME', 'CUSTOM_SSD']],
             [{'trait': 'CUSTOM_RACK_1', 'weight': 50}], [self.plain],
             {'memory_mb': {'>=': 262144},
              'cpu_arch': {'in': ['x86_64', 'riscv64']}}),
            tuple(made[name] for name in (
                'forbidden_traits', 'any_traits', 'preferred_traits',
                'excluded_nodes', 'properties')))
        table = self.osc.do('allocation', 'show', made['uuid'])
        for text in ('memory_mb >= 262144', 'cpu_arch in x86_64|riscv64',
                     'CUSTOM_NVME or CUSTOM_SSD', 'CUSTOM_RACK_1=50'):
            self.assertIn(text, table)

    def test_candidates(self):
        flags = ('--resource-class', 'baremetal', '--forbid-trait',
                 'CUSTOM_GPU', '--property', 'memory_mb>=262144')
        done = self.osc.run('candidate', 'list', *flags, '-f', 'json')
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual([{'Node UUID': self.large, 'Name': 'large',
                           'Backend': None}], json.loads(done.stdout))
        self.assertIn('1 node suits, allocations that wait before it: 0',
                      done.stderr)
        listed = self.osc.get('candidate', 'list', *flags, '--eliminated')
        self.assertIn({'condition': 'with forbidden trait CUSTOM_GPU',
                       'nodes': 1}, listed)
        self.assertEqual(1, len(self.osc.get(
            'candidate', 'list', '--resource-class', 'baremetal', '--limit',
            '1')))

    def test_candidates_of_the_library(self):
        found = self.allocator.candidates(
            resource_class='baremetal', properties={
                'memory_mb': {'>=': 262144}},
            preferred_traits=[{'trait': 'CUSTOM_GPU', 'weight': 1}])
        self.assertEqual([self.gpu, self.large], [
            node['node_uuid'] for node in found.candidates])
        self.assertEqual((2, 0), (found.total, found.waiting))
        self.assertEqual([1], list(found.eliminated.values()))

    def test_contradictions_are_the_services_sentence(self):
        self.assertIn('contradict', self.osc.refuse(
            'candidate', 'list', '--resource-class', 'baremetal',
            '--property', 'cpus>=16', '--property', 'cpus<=8'))

    def test_before_there_were_constraints(self):
        complaint = self.osc.refuse(
            'allocation', 'create', '--resource-class', 'baremetal',
            '--forbid-trait', 'CUSTOM_GPU', version='1.1')
        self.assertIn('forbidden_traits needs version 1.2', complaint)
        self.assertIn('dry run needs version 1.2', self.osc.refuse(
            'candidate', 'list', '--resource-class', 'baremetal',
            version='1.1'))
