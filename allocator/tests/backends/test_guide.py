# SPDX-License-Identifier: Apache-2.0
"""The guide "In front of Ironic", each command as it stands there."""

import configparser
import re
import signal

import testtools

from allocator.tests import guides
from allocator.tests.backends import ironic
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import keystone
from allocator.tests.functional import shell
from allocator.tests.functional import waiting

# Seconds that one block may take, and that a change takes to be known.
PATIENCE = 240
KNOWN = 60


class GuideTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.keystone = self.useFixture(keystone.Keystone())
        self.keystone.add_project('service')
        # What the install guides have made.
        for name in ('ironic', 'allocator'):
            self.keystone.add_user(name, 'service', project='service')
        self.keystone.add_user(ironic.ADMINISTRATOR, 'admin', system=True)
        self.ironic = self.useFixture(ironic.Ironic(
            ironic.KEYSTONE, keystone=self.keystone))
        self.operator = self.ironic.operator
        self.keystone.register(self.ironic.url, 'baremetal', 'ironic')
        self.service = self.useFixture(fixtures.Service(
            databases.MYSQL, options={
                'DEFAULT': {'auth_strategy': 'keystone'},
                'keystone_authtoken': self.keystone.middleware_options(
                    'allocator')}))
        self.addOnException(lambda _error: self.addDetail(
            'service', testtools.content.text_content(self.service.logs())))
        self.admin = self.keystone.session(keystone.ADMIN, system=True)
        self.shell = self.useFixture(shell.Shell(PATIENCE))
        self.prepare_shell()
        self.blocks = guides.blocks('admin/backends')

    def prepare_shell(self):
        """Give the operator's shell its commands and credentials."""
        self.shell.configure(self.service.config_file)
        for name in ('allocator-dbsync', 'allocator-manage',
                     'allocator-status', 'openstack'):
            self.shell.add_command(name)
        # What it would do is done when its block has ended.
        self.shell.write_command('systemctl', '')
        self.shell.variables = {
            'OS_IDENTITY_API_VERSION': '3',
            'OS_AUTH_URL': self.keystone.url, 'OS_USERNAME': keystone.ADMIN,
            'OS_PASSWORD': self.keystone.passwords[keystone.ADMIN],
            'OS_USER_DOMAIN_ID': keystone.DEFAULT_DOMAIN,
            'OS_SYSTEM_SCOPE': 'all', 'OS_REGION_NAME': keystone.REGION}

    # --- Doing what the guide says -----------------------------------------

    def next(self, *beginning):
        """Do what the next block says.

        :param beginning: words that it has to have
        :returns: what it printed
        """
        kind, text = self.blocks.pop(0)
        for words in beginning:
            self.assertIn(words, text)
        for there, here in (
                ('https://allocator.example.org:6385', self.service.endpoint),
                ('https://keystone.example.org/v3', self.keystone.url),
                ('ALLOCATOR_PASSWORD', self.keystone.passwords['allocator'])):
            text = text.replace(there, here)
        if kind == 'ini':
            return self.configure(text)
        printed = self.shell.run(text)
        self.shell.exported += ''.join(re.findall(r'(?m)^export .*\n', text))
        for verb in re.findall(r'(?m)^systemctl (\w+)', text):
            getattr(self, verb)()
        return printed

    def configure(self, text):
        path = self.service.config_file
        parser = configparser.RawConfigParser()
        parser.read(path)
        parser.read_string(text)
        with open(path, 'w') as file:
            parser.write(file)

    def restart(self):
        for process in self.service.processes:
            process.terminate()
        for process in self.service.processes:
            process.wait()
        for process in self.service.processes:
            process.start()
        self.service.wait_ready()

    def reload(self):
        for process in self.service.conductors:
            process.send(signal.SIGHUP)

    # --- What comes of it --------------------------------------------------

    def ask(self, method, path, **options):
        """Send a request to the service; the commands take seconds each."""
        return self.admin.request(
            self.service.endpoint + path, method, raise_exc=False,
            headers={'X-OpenStack-Ironic-API-Version': '1.107'}, **options)

    def wait_status(self, status):
        def shown():
            answer = self.ask('GET', '/allocator/v1/backends/east')
            return answer.ok and answer.json()['status'] == status

        waiting.until(shown, KNOWN, 'the backend is ' + status)

    def test_from_a_running_ironic_to_a_deployed_node_and_back(self):
        taken, free = self.operator.enrol(2, resource_class='baremetal')
        old = self.operator.allocate('baremetal', name='old',
                                     candidate_nodes=[taken])['uuid']
        self.next('export ALLOCATOR_URL')
        self.next('role add --system')
        self.next('service create')
        self.next('enabled_backends = east')
        self.assertIn('Check: Backends', self.next('upgrade check'))
        self.next('systemctl restart')
        self.wait_status('up')
        printed = self.next('backend list', 'backend show')
        self.assertIn('nodes=2  free=1', printed)
        self.assertIn(self.ironic.url, printed)
        printed = self.next('node list', 'allocation list')
        for uuid in (taken, free, old):
            self.assertIn(uuid, printed)
        self.shell.exported = self.shell.exported.partition(
            'export OS_BARE')[0]
        self.next('endpoint set')
        printed = self.next('allocation create', 'node deploy')
        self.assertIn(free, printed)
        made, = set(self.operator.allocations()) - {old}
        self.assertEqual(('active', made), tuple(
            self.operator.node(free)[name] for name in (
                'provision_state', 'allocation_uuid')))
        self.next('node undeploy')
        waiting.until(
            lambda: self.ask('GET', '/v1/allocations/db1').status_code == 404,
            KNOWN, 'the allocation has ended')
        self.ask('POST', '/v1/allocations', json={
            'name': 'kept', 'extra': {'a': 'b'},
            'resource_class': 'baremetal'})
        waiting.until(
            lambda: self.ask('GET', '/v1/allocations/kept').json()['state']
            == 'active', KNOWN, 'the allocation is active')
        self.drain_and_go_back(free, old)

    def drain_and_go_back(self, free, old):
        self.next('allocate = false')
        self.next('systemctl reload')
        self.wait_status('drained')
        printed = self.next('backend hand-back')
        self.assertIn('1 allocations are handed back, 1 were so already.',
                      printed)
        printed = self.next('endpoint set', 'backend hand-back')
        self.assertIn('0 allocations are handed back, 2 were so already.',
                      printed)
        # Clients are with Ironic now, and find what they left.
        kept = self.operator.node(free)['allocation_uuid']
        found = self.operator.allocation('kept')
        self.assertEqual((kept, free, {'a': 'b'}), tuple(
            found[name] for name in ('uuid', 'node_uuid', 'extra')))
        self.next('enabled_backends =')
        self.next('systemctl restart')
        self.assertEqual(
            '2 nodes and 2 allocations of backend east are forgotten.',
            self.next('backend remove').splitlines()[0])
        self.assertEqual([], self.blocks)
        self.assertEqual({}, self.service.nodes())
        self.assertEqual({old, kept}, set(self.operator.allocations()))
