# SPDX-License-Identifier: Apache-2.0
"""The examples of the user guide, each as it stands there.

A page shows the same with the command line client, with curl and with Python.
Each of these is carried out from its first example to its last, on an
inventory of its own, and each step has to succeed.
"""

import pathlib
import re

import fixtures
import openstack
import testtools

from allocator.tests import guides
from allocator.tests.functional import databases
from allocator.tests.functional import shell
from allocator.tests.functional import testcase
from allocator.tests.functional.clients import preloaded

# Seconds that one step may take.
PATIENCE = 60

WITH_COMMANDS, WITH_CURL, WITH_PYTHON = 'openstack', 'curl', 'python'

# Where the service is, in the guide.
THERE = 'http://127.0.0.1:6385'

PROJECT = '0c4f1f2e9b5d4b0e8a2c7d6e5f4a3b21'

# What is not carried out: how it begins, and why.
LEFT_OUT = {
    '# auth_strategy = http_basic': 'the service is asked without a password',
    'TOKEN=': 'there is no Keystone',
    'unset OS_PROJECT_ID': 'there is no Keystone, whose scopes it chooses',
    'openstack allocator allocation wait': 'it waits for up to two hours',
    'from keystoneauth1 import adapter': 'its session is one with a catalog',
}

# What is carried out in another way, and why.
CHANGED = {
    # It would wait for up to two hours.
    '--wait-timeout 2h --wait': '--wait-timeout 2h',
}

# Nodes that a page takes for granted: name, traits and columns.
NODES = {
    'allocations': [('rack1-01', ['CUSTOM_SSD'], {}),
                    ('rack1-02', ['CUSTOM_SSD'], {})],
    'constraints': [
        ('rack1-07', [], {}),
        ('rack1-08', [], {'uuid': '5344a3e2-978a-444e-990a-cbf47c62ef88'})],
    'own-api': [('rack1-01', ['CUSTOM_SSD'], {})],
    'ownership': [('rack1-01', [], {})],
}


def blocks(page):
    """Read the examples of a page.

    :returns: list of (language, text)
    """
    return guides.blocks('user/' + page, 'shell', 'python', 'yaml')


def steps(page):
    """Read what is to be typed, without what is left out.

    A block of the shell is several of them, with an empty line between.

    :returns: list of (language, text); the language of a step of the shell
        that is for all clients is None
    """
    found = []
    for kind, text in blocks(page):
        parts = text.split('\n\n') if kind == 'shell' else [text]
        for part in parts:
            part = part.rstrip() + '\n'
            part = ''.join(command for command in _commands(part)
                           if not command.startswith(tuple(LEFT_OUT)))
            if part and not part.startswith(tuple(LEFT_OUT)):
                found.append((_client(part) if kind == 'shell' else kind,
                              part))
    return found


def _commands(text):
    """Split a step where a command of the client begins a line."""
    return re.split(r'(?m)^(?=openstack )', text)


def _client(text):
    for client in (WITH_COMMANDS, WITH_CURL):
        if re.search(r'^ *%s ' % client, text, re.MULTILINE):
            return client
    return None


class GuideTests(testcase.ServiceTests):

    def setUp(self):
        super().setUp()
        self.shell = self.useFixture(shell.Shell(PATIENCE))
        (self.shell.commands / 'openstack').symlink_to(self.openstack)
        self.shell.exported = (
            'curl() { command curl -sS --fail-with-body "$@"; }\n'
            'PROJECT_ID=%s\n' % PROJECT)
        # The variables of all pages.
        for client, text in steps('clients'):
            if client is None:
                self.shell.exported += self.here(text)

    def here(self, text):
        for there, here in [(THERE, self.service.endpoint), *CHANGED.items()]:
            text = text.replace(there, here)
        return text

    def add_nodes(self, page):
        self.service.wipe()
        for name, traits, columns in NODES.get(page, ()):
            self.service.add_node(traits, name=name,
                                  resource_class='baremetal', **columns)

    def walk(self, page, client):
        """Carry out what a page shows for one client.

        :returns: what it printed
        """
        self.add_nodes(page)
        printed = []
        for kind, text in steps(page):
            text = self.here(text)
            if kind is None:
                self.shell.exported += text
            elif kind == 'yaml':
                self.write(text)
            elif kind == client:
                printed.append(self.shell.run(text))
                # Variables stay for what follows.
                self.shell.exported += ''.join(
                    re.findall(r'(?m)^[A-Z_]+=.*\n', text))
        self.assertNotEqual([], printed)
        return '\n'.join(printed)

    def write(self, text):
        """Write a file whose name its first line says."""
        name = re.match(r'# (\S+)\n', text)
        if name:
            (self.shell.home / name[1]).write_text(text)


@testcase.per_database(databases.SQLITE)
class UserGuideTests(GuideTests):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        command = preloaded.OpenStack()
        command.setUp()
        cls.addClassCleanup(command.cleanUp)
        cls.openstack = pathlib.Path(command.folder, 'openstack')

    # --- nodes -------------------------------------------------------------

    def assert_free(self, *names):
        found = self.client.get('/v1/nodes?detail=true').json()['nodes']
        self.assertEqual({name: ('available', 'power off') for name in names},
                         {node['name']: (node['provision_state'],
                                         node['power_state'])
                          for node in found})

    def test_nodes_with_commands(self):
        self.walk('nodes', WITH_COMMANDS)
        self.assert_free('rack1-01', 'rack1-02', 'rack1-03')

    def test_nodes_with_curl(self):
        self.walk('nodes', WITH_CURL)
        self.assert_free('rack1-01')

    # --- allocations -------------------------------------------------------

    def test_allocations_with_commands(self):
        printed = self.walk('allocations', WITH_COMMANDS)
        self.assertRegex(printed, r'\| name +\| web-1 ')
        self.assertIn('Deleted allocation web-1', printed)

    def test_allocations_with_curl(self):
        self.walk('allocations', WITH_CURL)
        self.assertEqual(404, self.client.get(
            '/v1/allocations/web-1').status_code)

    # --- backfill ----------------------------------------------------------

    def assert_backfilled(self):
        found = self.client.get('/v1/allocations/old-1').json()
        self.assertEqual('active', found['state'])

    def test_backfill_with_commands(self):
        self.walk('backfill', WITH_COMMANDS)
        self.assert_backfilled()

    # --- own API, waiting, constraints ------------------------------------

    def test_own_api_with_commands(self):
        self.assertIn('web-1', self.walk('own-api', WITH_COMMANDS))

    def test_own_api_with_curl(self):
        self.assertIn('"backend"', self.walk('own-api', WITH_CURL))

    def test_waiting_with_commands(self):
        self.assertIn('there is no node of',
                      self.walk('waiting', WITH_COMMANDS))

    def test_waiting_with_curl(self):
        self.assertRegex(self.walk('waiting', WITH_CURL),
                         '"queue_position": ?1')

    def test_constraints_with_commands(self):
        self.walk('constraints', WITH_COMMANDS)
        self.assertEqual(4, len(self.client.get(
            '/v1/allocations').json()['allocations']))

    def test_constraints_with_curl(self):
        self.assertIn('"candidates"', self.walk('constraints', WITH_CURL))

    # --- ownership ---------------------------------------------------------

    def test_ownership_with_commands(self):
        self.assertIn(PROJECT, self.walk('ownership', WITH_COMMANDS))

    def test_ownership_with_curl(self):
        self.assertIn(PROJECT, self.walk('ownership', WITH_CURL))

    # --- Python ------------------------------------------------------------

    def test_pages_with_python(self):
        clouds, = [text for kind, text in blocks('clients')
                   if kind == 'yaml']
        path = self.shell.home / 'clouds.yaml'
        path.write_text(self.here(clouds))
        self.useFixture(fixtures.EnvironmentVariable(
            'OS_CLIENT_CONFIG_FILE', str(path)))
        for page in ('allocations', 'backfill', 'nodes', 'own-api',
                     'ownership'):
            self.add_nodes(page)
            known = {'conn': openstack.connect(cloud='nodes'),
                     'project_id': PROJECT}
            for kind, text in steps(page):
                if kind == WITH_PYTHON:
                    exec(compile(text, page, 'exec'), known)  # noqa: S102

    def test_python_connects_as_the_guide_says(self):
        self.assertIn("openstack.connect(cloud='nodes')", ''.join(
            text for kind, text in blocks('clients') if kind == 'python'))


class CompletenessTests(testtools.TestCase):

    def test_what_is_left_out_or_changed_is_in_the_guide(self):
        texts = ''.join(text for page in guides.pages('user')
                        for _kind, text in guides.blocks(
                            page, 'shell', 'python', 'yaml'))
        for beginning in [*LEFT_OUT, *CHANGED]:
            self.assertIn(beginning, texts)
