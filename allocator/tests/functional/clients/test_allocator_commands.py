# SPDX-License-Identifier: Apache-2.0
"""This project's own client: its commands."""

import json
import os
import pathlib
import signal
import subprocess

import fixtures

from allocator.tests.functional import databases
from allocator.tests.functional import keystone
from allocator.tests.functional import processes
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting
from allocator.tests.functional.clients import allocator_command
from allocator.tests.functional.clients import public
import allocatorclient

UUID = '5a1d0c50-3a4e-4b14-9b2c-6d35a9a2a001'

# Statuses of a command that waited.
FAILED, TIMED_OUT = 3, 4

@testcase.per_database(databases.SQLITE)
class AllocatorCommandTests(allocator_command.CommandTests):

    def test_create_with_every_flag_list_show_set_unset_delete(self):
        node = self.service.add_node(['CUSTOM_A', 'CUSTOM_B'], name='n1',
                                     owner='p1')
        self.service.add_node(['CUSTOM_A', 'CUSTOM_B'])
        made = self.create(
            '--trait', 'CUSTOM_A', '--trait', 'CUSTOM_B', '--candidate-node',
            'n1', '--name', 'a1', '--uuid', UUID, '--owner', 'p1', '--extra',
            'a=1', '--wait-timeout', '2h', '--priority', '-10', '--wait')
        self.assertEqual(
            (UUID, 'a1', 'active', node, 'p1', {'a': 1}, 7200, -10, False),
            tuple(made[name] for name in (
                'uuid', 'name', 'state', 'node_uuid', 'owner', 'extra',
                'wait_timeout', 'priority', 'waiting')))
        for flags in ((), ('--long', '--sort', 'state:desc'), (
                '--node', node, '--owner', 'p1', '--state', 'active',
                '--not-waiting', '--resource-class', 'baremetal')):
            listed = self.osc.get('allocation', 'list', *flags)
            self.assertEqual([UUID], [row['uuid'] for row in listed])
        for flags in (('--waiting',), ('--backend', 'east'),
                      ('--marker', UUID)):
            self.assertEqual([], self.osc.get('allocation', 'list', *flags))
        self.osc.do('allocation', 'set', 'a1', '--name', 'a2', '--extra',
                    'b/c=text')
        self.osc.do('allocation', 'unset', 'a2', '--extra', 'a')
        self.assertEqual({'b/c': 'text'}, self.osc.get(
            'allocation', 'show', 'a2')['extra'])
        self.osc.do('allocation', 'unset', 'a2', '--name')
        self.osc.do('allocation', 'delete', UUID)
        self.assertEqual([], self.osc.get('allocation', 'list'))

    def test_backfill(self):
        node = self.service.add_node(provision_state='active')
        made = self.osc.get('allocation', 'create', '--node', node)
        self.assertEqual(('active', node), (made['state'],
                                            made['node_uuid']))

    def test_each_format(self):
        self.service.add_node()
        self.create('--name', 'a1', '--wait-timeout', '90m', '--wait')
        table = self.osc.do('allocation', 'show', 'a1')
        self.assertRegex(table, r'wait_timeout +\| 1h30m')
        self.assertIn('wait_timeout: 5400\n', self.osc.do(
            'allocation', 'show', 'a1', '-f', 'yaml'))
        self.assertEqual('active\n', self.osc.do(
            'allocation', 'show', 'a1', '-f', 'value', '-c', 'state'))

    def test_limits_follow_pages_and_end_them(self):
        for number in range(5):
            self.client.allocate(resource_class='x', name='a%d' % number)
        for limit in (2, 9):
            listed = self.osc.get('allocation', 'list', '--limit', limit)
            self.assertEqual(min(limit, 5), len(listed))

    def test_set_and_unset_while_it_waits(self):
        self.hold()
        self.create('--name', 'w1', '--wait-timeout', '1h')
        self.osc.do('allocation', 'set', 'w1', '--wait-timeout', '3d',
                    '--priority', '-5')
        found = self.osc.get('allocation', 'show', 'w1')
        self.assertEqual((259200, -5, True, 1), tuple(
            found[name] for name in ('wait_timeout', 'priority', 'waiting',
                                     'queue_position')))
        self.assertIn('1 allocated', found['reason'])
        self.osc.do('allocation', 'unset', 'w1', '--wait-timeout',
                    '--priority')
        done = self.osc.run('allocation', 'wait', 'w1', '-f', 'json')
        self.assertEqual(FAILED, done.returncode, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(('error', 0), (found['state'], found['priority']))

    def test_errors_are_the_services_sentence_and_code(self):
        complaint = self.osc.refuse('allocation', 'show', 'nobody')
        self.assertIn('HTTP 404, allocator.allocation.not_found, request req-',
                      complaint)
        self.assertNotIn('http://', complaint)
        complaint = self.osc.refuse('allocation', 'delete', 'a', 'b')
        self.assertIn('2 of 2 allocations not deleted', complaint)
        self.assertIn('Nothing to change', self.osc.refuse(
            'allocation', 'set', 'a'))
        self.assertIn('is no span of time', self.osc.refuse(
            'allocation', 'create', '--wait-timeout', 'soon'))

    def test_backends(self):
        self.assertEqual([], self.osc.get('backend', 'list'))
        self.assertEqual([], self.osc.get('backend', 'list', '--long'))
        self.assertIn('allocator.backend.not_found', self.osc.refuse(
            'backend', 'show', 'east'))

    def test_each_version(self):
        self.service.add_node()
        made = self.osc.get('allocation', 'create', '--resource-class',
                            'baremetal', '--wait', version='1.0')
        self.assertNotIn('waiting', made)
        self.assertEqual('active', made['state'])
        self.assertIn('wait_timeout needs version 1.1', self.osc.refuse(
            'allocation', 'create', '--resource-class', 'x',
            '--wait-timeout', '1h', version='1.0'))
        for version in ('1', '1.1', 'latest'):
            self.assertFalse(self.osc.get(
                'allocation', 'show', made['uuid'],
                version=version)['waiting'])
        self.assertIn('the cloud only supports', self.osc.refuse(
            'allocation', 'list', version='1.999'))

    def test_completion_knows_the_commands(self):
        done = subprocess.run(
            [processes.script('openstack'), 'complete'],
            env=self.osc.environment, text=True, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=public.TIMEOUT)
        self.assertIn("cmds_allocator_allocation='create delete list set "
                      "show unset wait'", done.stdout)
        self.assertIn('--wait-timeout', done.stdout)


@testcase.per_database(databases.SQLITE)
class AllocatorWaitingTests(allocator_command.CommandTests):
    """What a command that waits shows, and how it ends."""

    def settle(self, process):
        """Await the end of a command.

        :returns: its status, and what it wrote
        """
        output, _ = process.communicate(timeout=public.TIMEOUT)
        return process.returncode, output

    def await_waiting(self, uuid=UUID):
        waiting.until(
            lambda: any(found['uuid'] == uuid
                        for found in self.client.allocations()),
            60, 'the allocation is there')

    def test_changes_are_lines_and_the_end_is_its_state(self):
        held = self.hold()
        process = self.osc.begin(
            'allocation', 'create', '--resource-class', 'baremetal',
            '--uuid', UUID, '--name', 'w1', '--wait-timeout', '1h', '--wait',
            '-f', 'value', '-c', 'state')
        lines = [process.stdout.readline(), process.stdout.readline()]
        while 'number 1 in line' not in lines[-1]:
            lines.append(process.stdout.readline())
        self.client.delete('/v1/allocations/' + held)
        status, rest = self.settle(process)
        self.assertEqual(0, status, rest)
        self.assertIn('w1: waiting', lines[0])
        self.assertIn('1 allocated', lines[-1] + rest)
        self.assertEqual(['active'], rest.splitlines()[-1:])
        self.assertRegex(rest, 'w1: active, node [0-9a-f-]{36}\n')

    def test_a_failure_is_status_3(self):
        done = self.osc.run('allocation', 'create', '--resource-class', 'x',
                            '--wait', '-f', 'json')
        self.assertEqual(FAILED, done.returncode)
        self.assertEqual('error', json.loads(done.stdout)['state'])
        self.assertIn('there is no node of resource class x', done.stderr)

    def test_the_end_of_patience_is_status_4_and_it_is_kept(self):
        self.hold()
        done = self.osc.run('allocation', 'create', '--resource-class',
                            'baremetal', '--wait-timeout', '1h', '--wait',
                            '1s', '-f', 'json')
        self.assertEqual(TIMED_OUT, done.returncode, done.stderr)
        found = json.loads(done.stdout)
        self.assertTrue(found['waiting'])
        self.assertIn('allocation wait ' + found['uuid'], done.stderr)
        done = self.osc.run('allocation', 'wait', found['uuid'], '--timeout',
                            '1')
        self.assertEqual(TIMED_OUT, done.returncode, done.stderr)

    def interrupt(self, number, *flags):
        self.hold()
        process = self.osc.begin(
            'allocation', 'create', '--resource-class', 'baremetal',
            '--uuid', UUID, '--wait-timeout', '1h', '--wait', *flags)
        self.await_waiting()
        process.send_signal(number)
        status, output = self.settle(process)
        self.assertEqual(128 + number, status, output)
        return output

    def test_ctrl_c_keeps_and_says_how_to_go_on(self):
        output = self.interrupt(signal.SIGINT)
        self.assertIn('allocation wait ' + UUID, output)
        self.assertEqual('allocating', self.client.allocation(UUID)['state'])

    def test_ctrl_c_gives_back_if_told_so(self):
        output = self.interrupt(signal.SIGINT, '--on-interrupt', 'delete')
        self.assertIn('is deleted', output)
        self.assertNotIn(UUID, [
            found['uuid'] for found in self.client.allocations()])

    def test_sigterm_is_an_interrupt_too(self):
        self.interrupt(signal.SIGTERM, '--on-interrupt', 'delete')
        self.assertNotIn(UUID, [
            found['uuid'] for found in self.client.allocations()])


@testcase.per_database(databases.SQLITE)
class AllocatorWithKeystoneTests(testcase.ServiceTests):
    """Found in the catalogue, with a clouds.yaml."""

    @classmethod
    def setUpClass(cls):
        identity = keystone.Keystone()
        identity.setUp()
        cls.addClassCleanup(identity.cleanUp)
        identity.add_project('service')
        cls.owner = identity.add_project('owner')
        identity.add_user('allocator', 'service', project='service')
        identity.add_user('operator', 'admin', system=True)
        identity.add_user('tenant', 'member', project='owner')
        cls.options = {
            'DEFAULT': {'auth_strategy': 'keystone'},
            'keystone_authtoken': identity.middleware_options('allocator')}
        super().setUpClass()
        identity.register(cls.service.endpoint + '/allocator', 'allocator',
                          'allocator-own')
        cls.clouds = identity.write_clouds(
            operator={'system': True}, tenant={'project': 'owner'})

    def command(self, user):
        return self.useFixture(allocator_command.Command(variables={
            'OS_CLOUD': user, 'OS_CLIENT_CONFIG_FILE': self.clouds}))

    def test_commands_of_a_member_and_of_the_operator(self):
        node = self.service.add_node(lessee=self.owner)
        self.service.add_node()
        tenant, operator = self.command('tenant'), self.command('operator')
        made = tenant.get('allocation', 'create', '--name', 'a1',
                          '--resource-class', 'baremetal', '--wait')
        self.assertEqual((node, self.owner), (made['node_uuid'],
                                              made['owner']))
        self.assertIn('allocator.forbidden', tenant.refuse('backend', 'list'))
        complaint = tenant.refuse('allocation', 'create', '--resource-class',
                                  'baremetal', '--priority', '10')
        self.assertIn('HTTP 403', complaint)
        self.assertEqual([], operator.get('backend', 'list'))
        self.assertNotIn('waiting', tenant.get('allocation', 'show', 'a1',
                                               version='1.0'))
        listed = operator.get('allocation', 'list')
        self.assertEqual([made['uuid']], [row['uuid'] for row in listed])
        operator.do('allocation', 'delete', 'a1')

    def test_the_library(self):
        self.useFixture(fixtures.EnvironmentVariable(
            'OS_CLIENT_CONFIG_FILE', self.clouds))
        connection = allocatorclient.connect('operator')
        self.addCleanup(connection.close)
        self.service.add_node()
        made = connection.allocator.create_allocation(
            resource_class='baremetal')
        made = connection.allocator.wait_for_allocation(made, timeout=60)
        self.assertEqual('active', made.state)
        self.assertEqual([], list(connection.allocator.backends()))

    def test_a_hook_in_clouds_yaml_makes_it_known(self):
        clouds = pathlib.Path(self.clouds).read_text().replace(
            'operator:\n', 'operator:\n    vendor_hook: '
                           'allocatorclient:register\n', 1)
        path = os.path.join(self.useFixture(fixtures.TempDir()).path,
                            'clouds.yaml')
        pathlib.Path(path).write_text(clouds)
        done = subprocess.run(
            [processes.script('python'), '-c',
             'import openstack; conn = openstack.connect("operator");'
             'print(list(conn.allocator.allocations()))'],
            env=os.environ | {'OS_CLIENT_CONFIG_FILE': path},
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=public.TIMEOUT)
        self.assertEqual('[]\n', done.stdout, done.stderr)
