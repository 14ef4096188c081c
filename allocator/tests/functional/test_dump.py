# SPDX-License-Identifier: Apache-2.0
"""Allocations during a long dump, from which nothing can be purged.

A dump sees the database of its begin: mysqldump with --single-transaction,
pg_dump.
"""

import contextlib
import statistics
import time

import sqlalchemy as sa

from allocator.db import models
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Allocations that are made and decided while the dump is under way, and how
# many of the first and of the last of them are measured.
DUMPED = 10000
MEASURED = 100

# How many times longer the last ones may take until they are active.
SLOWER = 1.5

# Seconds between two looks of a client.
LOOK = 0.002


@testcase.per_database(*databases.SERVERS)
class DumpTests(testcase.ServiceTests):

    @contextlib.contextmanager
    def dump(self):
        begin = {databases.MYSQL: 'START TRANSACTION WITH CONSISTENT SNAPSHOT',
                 databases.POSTGRESQL: 'SELECT 1'}[self.kind]
        with self.service.engine.connect().execution_options(
                isolation_level='REPEATABLE READ') as connection:
            connection.exec_driver_sql(begin)
            connection.execute(sa.select(sa.func.count()).select_from(_node))
            yield
            connection.rollback()

    def measure(self):
        """Make allocations one by one.

        :returns: median of the seconds until one is active
        """
        return statistics.median(self.allocate() for _ in range(MEASURED))

    def allocate(self):
        started = time.monotonic()
        uuid = self.client.allocate(resource_class='baremetal')['uuid']
        waiting.until(
            lambda: self.client.allocation(uuid)['state'] == 'active', 30,
            'the allocation is active', LOOK)
        return time.monotonic() - started

    def count_pending(self):
        with self.service.engine.connect() as connection:
            return connection.execute(
                sa.select(sa.func.count()).select_from(_allocation).where(
                    _allocation.c.state == 'allocating')).scalar()

    def test_the_last_ones_are_active_as_soon_as_the_first(self):
        """Each look read again what was decided since the dump began."""
        self.service.add_nodes(DUMPED + 5 * MEASURED)
        self.measure()  # opens connections, compiles statements
        with self.dump():
            first = self.measure()
            seeds.add_allocations(self.service.engine,
                                  DUMPED - 2 * MEASURED)
            self.allocate()
            waiting.until(lambda: not self.count_pending(), 120,
                          'all are decided')
            # What else a busy machine does may spoil one of them.
            last = min(self.measure(), self.measure())
        self.assertLess(last, SLOWER * first)
