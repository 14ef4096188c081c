# SPDX-License-Identifier: Apache-2.0
"""The guides to an installation and to policies, and the quickstart."""

import configparser
import os
import pathlib

from testtools import content

from allocator.tests import guides
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import keystone
from allocator.tests.functional import operating
from allocator.tests.functional import testcase
from allocator.tests.functional.clients import preloaded

# Where the guide has the service, as clients and as its machine see it.
PLACES = ('https://allocator.example.com', 'http://127.0.0.1:6385')

EXAMPLE = guides.ROOT / 'etc' / 'allocator' / 'allocator.conf.example'

# Whom the guide leaves the choice of a password.
PASSWORD = 'PASSWORD'

TOOLS = ('oslopolicy-validator', 'oslopolicy-policy-generator',
         'oslopolicy-checker')


class Installed(fixtures.Service):
    """A service that is installed as the guide says.

    :param install: function that is called with this, before it starts
    """

    def __init__(self, kind, install, identity):
        super().__init__(kind, conductors=1, api_workers=1)
        self._install = install
        self._identity = identity

    def _configuration(self):
        found = super()._configuration()
        del found['DEFAULT']['auth_strategy']
        example = configparser.RawConfigParser()
        example.read(EXAMPLE)
        # Other hosts, and no other passwords.
        for name, options in example.items():
            section = found.setdefault(name, {})
            for option, value in options.items():
                section.setdefault(option, value.replace(
                    'https://keystone.example.com/v3',
                    self._identity).replace(PLACES[0], self.endpoint))
        return found

    def _upgrade(self):
        self._install(self)


def client(test, machine):
    """Give a machine the command line client."""
    folder = test.useFixture(preloaded.OpenStack()).folder
    (machine.commands / 'openstack').symlink_to(
        pathlib.Path(folder, 'openstack'))


@testcase.per_database(databases.MYSQL)
class InstallTests:

    def setUp(self):
        super().setUp()
        self.keystone = self.useFixture(keystone.Keystone())
        self.keystone.add_project('service')
        self.machine = self.useFixture(operating.Machine())
        client(self, self.machine)
        self.machine.install('allocator-1.0', 'allocator-dbsync',
                             'allocator-status', *TOOLS)
        self.etc = self.machine.root / 'etc' / 'allocator'
        self.machine.variables = {
            'OS_IDENTITY_API_VERSION': '3',
            'OS_AUTH_URL': self.keystone.url, 'OS_USERNAME': keystone.ADMIN,
            'OS_PASSWORD': self.keystone.passwords[keystone.ADMIN],
            'OS_USER_DOMAIN_ID': keystone.DEFAULT_DOMAIN,
            'OS_PROJECT_NAME': 'admin',
            'OS_PROJECT_DOMAIN_ID': keystone.DEFAULT_DOMAIN,
            'OS_REGION_NAME': keystone.REGION}
        self.guide = operating.Walk('install/install', self.machine, {
            '-g allocator': '-g %d' % os.getgid(),
            '--password-prompt': '--password ' + PASSWORD})

    def install(self, service):
        """Do all that comes before the processes are started."""
        self.guide.places |= dict.fromkeys(PLACES, service.endpoint)
        self.guide.next('install -d', 'ln -sfn allocator-1.0')
        self.guide.next('user create', 'role add', 'service create',
                        'endpoint create')
        self.guide.next('install -m 640', '/etc/allocator/htpasswd')
        self.guide.next('allocator.conf.example')
        configured = self.etc / 'allocator.conf'
        self.assertEqual(EXAMPLE.read_text(), configured.read_text())
        for path in (configured, self.etc / 'htpasswd'):
            self.assertEqual(0o640, path.stat().st_mode & 0o777)
        # "Put in your own hosts and passwords."
        configured.write_text(pathlib.Path(service.config_file).read_text())
        self.machine.configure(configured)
        self.guide.next('allocator-dbsync upgrade')
        self.guide.next('cp', '*.service')
        self.assertLessEqual(
            {'allocator-api.service', 'allocator-conductor.service'},
            set(os.listdir(self.machine.root / 'etc/systemd/system')))

    def test_from_a_database_to_a_service_that_knows_its_clients(self):
        service = self.useFixture(Installed(
            self.kind, self.install, self.keystone.url))
        self.addOnException(lambda _error: self.addDetail(
            'service', content.text_content(service.logs())))
        printed = self.guide.next('upgrade check', 'curl', 'healthcheck')
        self.assertIn('Check: Message bus', printed)
        self.assertIn('HTTP/1.1 200 ', printed)
        printed = self.guide.next('unset OS_PROJECT_ID', 'conductor list',
                                  'allocation list')
        self.assertRegex(printed, r'\| conductor-0 +\|[^\n]* True ')
        self.guide.end()
        self.judge_a_token()

    def judge_a_token(self):
        """Follow the page on policies, with the service as it is."""
        (self.etc / 'policy.yaml').write_text(
            '"baremetal:node:create": "!"\n')
        page = operating.Walk('configuration/policy', self.machine)
        self.assertEqual('', page.next('oslopolicy-validator'))
        page.next('oslopolicy-policy-generator')
        page.next('openstack token issue', 'curl')
        self.assertEqual('passed: baremetal:node:get\n',
                         page.next('oslopolicy-checker'))
        page.end()


@testcase.per_database(databases.SQLITE)
class QuickstartTests(testcase.ServiceTests):

    def test_the_client_enrols_a_node_and_gets_it(self):
        machine = self.useFixture(operating.Machine())
        client(self, machine)
        page = operating.Walk('install/quickstart', machine, {
            PLACES[1]: self.service.endpoint})
        page.next('export OS_AUTH_TYPE')
        page.next('node create', 'node provide')
        self.assertRegex(page.next('allocation create'),
                         r'\| state +\| active ')
        page.end()

    def test_no_authentication_is_warned_of(self):
        warning = operating.other('install/quickstart',
                                  'There is no authentication').strip()
        self.assertIn(
            ' WARNING ', [line for line in self.service.logs().splitlines()
                          if warning.replace(
                              PLACES[1].partition('//')[2],
                              self.service.endpoint.partition('//')[2])
                          in line][0])


@testcase.per_database(databases.SQLITE)
class PlaceTests:

    def test_only_what_is_of_the_machine_is_put_elsewhere(self):
        walk = operating.Walk('install/install', operating.Machine())
        walk.machine.root = '/here'
        self.assertEqual(
            'cp etc/a/* /here/etc/b && /here/opt/c http://d/etc/e /usr/f',
            walk.here('cp etc/a/* /etc/b && /opt/c http://d/etc/e /usr/f'))
