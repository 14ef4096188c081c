# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump: clock.c stands between a process and the system clock."""

import os
import subprocess

import fixtures as base

from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import testcase

HOUR = 3600

# Seconds within which an allocation must be settled.
SOON = 10


def build(folder):
    """Compile clock.c.

    :param folder: path of the folder for it
    :returns: path of the library
    """
    library = os.path.join(folder, 'clock.so')
    source = os.path.join(os.path.dirname(__file__), 'clock.c')
    subprocess.run(['cc', '-shared', '-fPIC', '-O2', '-o', library, source],
                   check=True)
    return library


@testcase.per_database(*databases.SERVERS)
class ClockTests:
    """The clock of all processes jumps; the database's goes on."""

    def setUp(self):
        super().setUp()
        folder = self.useFixture(base.TempDir()).path
        self.offset = os.path.join(folder, 'offset')
        self.jump(0)
        self.service = self.useFixture(fixtures.Service(
            self.kind, variables={'LD_PRELOAD': build(folder),
                                  'CLOCK_OFFSET': self.offset}))
        self.client = self.service.client

    def jump(self, offset):
        """Put the processes' clock off.

        :param offset: seconds
        """
        replacement = self.offset + '.new'
        with open(replacement, 'w') as file:
            file.write(str(offset))
        os.replace(replacement, self.offset)

    def test_a_jump_changes_nothing(self):
        self.service.add_nodes(20)
        seen = []
        for offset in (0, 36 * HOUR, -36 * HOUR, 0):
            self.jump(offset)
            created = self.client.allocate_all(
                [{'resource_class': 'baremetal'}] * 5)
            for allocation in created:
                found = self.client.settled(allocation['uuid'], SOON)
                self.assertEqual('active', found['state'], found)
            seen.append(created[0]['created_at'][:10])
            self.assertEqual(set(self.service.hosts),
                             self.service.heartbeats())
        # The clock has really jumped.
        self.assertEqual(3, len(set(seen)), seen)
        deleted = self.client.allocations()[0]['uuid']
        self.assertEqual(204, self.client.delete(
            '/v1/allocations/' + deleted).status_code)

    def test_conductors_stop_and_start_while_it_is_off(self):
        self.service.add_nodes(1)
        self.jump(-36 * HOUR)
        for process in self.service.conductors:
            process.stop()
        self.assertEqual(set(), self.service.heartbeats())
        for process in self.service.conductors:
            process.start()
        self.service.wait_ready()
        created = self.client.allocate(resource_class='baremetal')
        self.assertEqual(
            'active', self.client.settled(created['uuid'], SOON)['state'])
