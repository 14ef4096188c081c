# SPDX-License-Identifier: Apache-2.0
"""The command "openstack allocator", and a service to send it to."""

import signal
import subprocess

from allocator.tests.functional import processes
from allocator.tests.functional import testcase
from allocator.tests.functional.clients import public


class Command(public.OpenStackCommand):
    """The command "openstack allocator"."""

    def command_line(self, *arguments, version=None):
        pinned = ['--os-allocator-api-version', version] if version else []
        return [processes.script('openstack'), *pinned, 'allocator',
                *map(str, arguments)]

    def run(self, *arguments, version=None):
        return subprocess.run(
            self.command_line(*arguments, version=version),
            env=self.environment, text=True, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=public.TIMEOUT)

    def begin(self, *arguments):
        """Start a command.

        :returns: subprocess.Popen, whose errors go where its output goes
        """
        return subprocess.Popen(
            self.command_line(*arguments), env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=_hear_interrupts)


def _hear_interrupts():
    # Whatever runs in the background of a script ignores them, and so do all
    # that it starts.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class CommandTests(testcase.ServiceTests):

    def setUp(self):
        super().setUp()
        self.osc = self.useFixture(Command(self.service.endpoint))

    def create(self, *arguments):
        return self.osc.get('allocation', 'create', '--resource-class',
                            'baremetal', *arguments)

    def hold(self):
        """Have one node, which is taken.

        :returns: UUID of its allocation
        """
        self.service.add_node()
        held = self.client.allocate(resource_class='baremetal')
        return self.client.settled(held['uuid'])['uuid']
