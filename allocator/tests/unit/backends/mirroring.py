# SPDX-License-Identifier: Apache-2.0
"""A simulated backend, its mirror and its writers, moved by hand."""

import fixtures as base_fixtures
import testtools

from allocator.backends import mirror
from allocator.backends import registry
from allocator.backends import writer
from allocator.conductor import deciding
from allocator.conductor import matching
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import releases
from allocator.tests import fixtures
from allocator.tests.backends import configured
from allocator.tests.backends import simulator

PENDING = {'name': None, 'resource_class': 'metal', 'traits': [],
           'extra': {}, 'owner': None, 'state': 'allocating'}


class MirrorTestCase(testtools.TestCase):
    """A service with the backends that a test names.

    :cvar names: their names
    """

    names: tuple[str, ...] = ('east',)

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())
        server = simulator.Simulator(*self.names)
        server.start()
        self.addCleanup(server.stop)
        self.options = {}
        self.services = server.services
        for name in self.names:
            server.services[name].store.decision = 0
            self.options[name] = self.useFixture(configured.Backend(
                name, server.services[name].url, poll_interval=0.1))
        CONF.set_override('enabled_backends', list(self.names))
        self.addCleanup(CONF.clear_override, 'enabled_backends')
        self.addCleanup(registry.forget)
        self.addCleanup(backends.forget)
        backends.forget()
        # A row that waits for a look is looked at again at once.
        self.useFixture(base_fixtures.MockPatchObject(deciding, 'LOOK', 0))
        self.mirrors = {name: mirror.Mirror(name) for name in self.names}
        self.writers = {name: writer.Writers(name) for name in self.names}
        self.loop = matching.MatchingLoop()

    def store(self, name='east'):
        """Get the nodes and allocations of a backend."""
        return self.services[name].store

    def look(self, name=None, full=False):
        """Look at a backend, or at all of them."""
        for found in (name,) if name else self.names:
            looking = self.mirrors[found]
            looking._next_look = 0
            if full:
                looking._next_sweep = 0
            looking._step()
        backends.forget()

    def write(self, name='east'):
        """Carry out what is wanted at a backend now.

        :returns: number of writes
        """
        row = backends.get_row(name)
        leased = backend_writes.lease(row, 8)
        for write in leased:
            self.writers[name]._carry_out(write)
        backends.forget()
        return len(leased)

    def allocate(self, **values):
        """Put an allocation into the queue.

        :returns: its UUID
        """
        uuid = allocations.new_uuid()
        allocations.create(PENDING | {'uuid': uuid} | values)
        return uuid

    def settle(self, uuid, rounds=5):
        """Match, write and look until an allocation is decided.

        :returns: its row
        """
        for _ in range(rounds):
            self.loop.walk()
            for name in self.names:
                self.write(name)
            row = allocations.get(uuid)
            if row.state in ('active', 'error'):
                return row
            self.look()
        return row

    def release(self, uuid):
        """Delete an allocation here.

        :returns: releases.Release
        """
        return releases.delete_allocation(uuid)

    def node(self, uuid):
        """Read a node's row."""
        return fixtures.get_node(uuid)
