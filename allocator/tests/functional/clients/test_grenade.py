# SPDX-License-Identifier: Apache-2.0
"""What grenade makes before an upgrade and looks for afterwards."""

import os
import pathlib
import subprocess
import sys

import fixtures

from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.clients import public

RESOURCES = (pathlib.Path(__file__).parents[4]
             / 'devstack' / 'upgrade' / 'resources.sh')

# Of grenade's functions, those that the script calls.
FUNCTIONS = '''
resource_save() {
    echo "$3" > "$GRENADE_DIR/$1.$2"
}
resource_get() {
    cat "$GRENADE_DIR/$1.$2"
}
die() {
    echo "${@:2}"
    exit 1
}
'''


@testcase.per_database(databases.SQLITE)
class ResourceTests(testcase.ServiceTests):

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name, text in (('functions', FUNCTIONS), ('grenaderc', ''),
                           ('openrc', '')):
            (self.folder / name).write_text(text)
        osc = self.useFixture(public.OpenStackCommand(self.service.endpoint))
        folder = str(self.folder)
        self.environment = osc.environment | {
            'GRENADE_DIR': folder, 'TOP_DIR': folder, 'PATH': os.pathsep.join(
                [os.path.dirname(sys.executable), os.environ['PATH']])}

    def run_phase(self, phase, expected=0):
        ran = subprocess.run(
            ['bash', RESOURCES, phase], env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=200)
        self.assertEqual(expected, ran.returncode, ran.stdout)
        return ran.stdout

    def test_an_allocation_outlasts_the_upgrade(self):
        for phase in ('early_create', 'create', 'verify', 'verify_noapi',
                      'verify'):
            self.run_phase(phase)
        kept, = self.client.allocations()
        self.assertEqual(
            kept['node_uuid'] + '\n',
            (self.folder / 'allocator.node').read_text())
        self.run_phase('destroy')
        self.assertEqual({}, self.service.nodes())

    def test_another_node_is_noticed(self):
        self.run_phase('create')
        (self.folder / 'allocator.node').write_text('another\n')
        self.assertIn('has the node', self.run_phase('verify', expected=1))
