# SPDX-License-Identifier: Apache-2.0
"""Leases of several backends at the same time, by each database's locks."""

import threading
import types

from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema

ROUNDS = 150


@testcase.per_database(*databases.SERVERS)
class LeaseTests:

    def setUp(self):
        super().setUp()
        self.useFixture(schema.Open(self.kind))
        self.rows = {}
        for name in ('east', 'north', 'south', 'west'):
            backends.ensure(name)
            self.rows[name] = backends.get_row(name)

    def want(self, name, uuid):
        node = types.SimpleNamespace(id=1, uuid=uuid,
                                     backend_id=self.rows[name].id)
        with session.writer() as connection:
            backend_writes.want(connection, backend_writes.CLAIM, node,
                                {'id': 1, 'uuid': uuid}, {})

    def test_no_backend_is_passed_over_while_others_are_leased(self):
        """MySQL locks for an instant what it reads on its way."""
        over = threading.Event()

        def lease_others(name):
            while not over.is_set():
                backend_writes.lease(self.rows[name], 8)

        others = [threading.Thread(target=lease_others, args=(name,))
                  for name in ('east', 'north', 'west')]
        for other in others:
            other.start()
            self.addCleanup(other.join, 30)
        self.addCleanup(over.set)
        for number in range(ROUNDS):
            uuid = '00000000-0000-0000-0000-%012d' % number
            self.want('south', uuid)
            found = backend_writes.lease(self.rows['south'], 8)
            self.assertEqual([uuid], [write.row.uuid for write in found])
            # Tombstones are many, and what is open is not.
            with session.writer() as connection:
                backend_writes.finish(connection, found[0],
                                      backend_writes.CONFIRMED)
