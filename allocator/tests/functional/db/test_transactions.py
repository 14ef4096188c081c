# SPDX-License-Identifier: Apache-2.0
"""Transactions at the same time: their isolation, and no deadlocks."""

from concurrent import futures
import random
import threading

import sqlalchemy as sa

from allocator.common import exception
from allocator.conductor import matching
from allocator.db import models
from allocator.db import releases
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema

NODES = 60
ALLOCATIONS = 400
SEED = 32

# Share of the releases.
RARELY = 0.01

_allocation = models.Allocation.__table__


@testcase.per_database(*databases.SERVERS)
class TransactionTests:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine

    def test_isolation_is_read_committed(self):
        """MySQL's default locks gaps, over which claims deadlock."""
        question = {'mysql': 'SELECT @@SESSION.tx_isolation',
                    'postgresql': 'SHOW transaction_isolation'}[self.kind]
        for mode in (session.reader, session.writer):
            with mode() as connection:
                found = connection.exec_driver_sql(question).scalar()
            self.assertEqual('read committed',
                             found.lower().replace('-', ' '))

    def test_claims_and_releases_hardly_ever_deadlock(self):
        """With REPEATABLE READ twice as many do.

        MariaDB keeps the index entry locked of a row that SKIP LOCKED passes
        over, so a release may wait for a claim. What is rolled back for it is
        done again.
        """
        seeds.add_nodes(self.engine, NODES)
        errors = []
        sa.event.listen(session.get_engine(), 'handle_error',
                        lambda context: errors.append(
                            context.original_exception))
        loops = [matching.MatchingLoop() for _ in range(4)]
        threads = [threading.Thread(target=loop.run) for loop in loops]
        for thread in threads:
            thread.start()
        try:
            self.churn(loops)
        finally:
            for loop in loops:
                loop.stop()
            for thread in threads:
                thread.join(30)
        self.assertLess(len(errors), RARELY * ALLOCATIONS, errors)
        self.assertEqual({None}, {row.allocation_id for row in
                                  seeds.nodes(self.engine).values()})

    def churn(self, loops):
        """Delete allocations in any order while they are being claimed."""
        uuids = seeds.add_allocations(self.engine, ALLOCATIONS)
        random.Random(SEED).shuffle(uuids)

        def delete(uuid):
            random.choice(loops).ring()
            releases.delete_allocation(uuid)

        with futures.ThreadPoolExecutor(4) as executor:
            list(executor.map(delete, uuids))
        with self.engine.connect() as connection:
            self.assertEqual(0, connection.execute(sa.select(
                sa.func.count()).select_from(_allocation)).scalar())


@testcase.per_database(databases.SQLITE)
class OneWriterTests:
    """SQLite admits one writer at a time."""

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine

    def test_a_claim_waits_for_another_writer(self):
        node = seeds.add_node(self.engine)
        [uuid] = seeds.add_allocations(self.engine)
        walk = threading.Thread(target=matching.MatchingLoop().walk)
        with self.engine.connect() as connection:
            connection.exec_driver_sql('BEGIN IMMEDIATE')
            walk.start()
            seeds.set_node(connection, node, description='changed')
            connection.commit()
        walk.join(10)
        row = seeds.nodes(self.engine)[node]
        self.assertEqual((uuid, 'changed'),
                         (row.instance_uuid, row.description))

    def test_writers_at_once_all_succeed(self):
        seeds.add_nodes(self.engine, 20)
        uuids = seeds.add_allocations(self.engine, 40)
        loop = matching.MatchingLoop()
        thread = threading.Thread(target=loop.run)
        thread.start()
        try:
            with futures.ThreadPoolExecutor(8) as executor:
                list(executor.map(releases.delete_allocation, uuids))
        finally:
            loop.stop()
            thread.join(30)
        self.assertEqual({None}, {row.instance_uuid for row in
                                  seeds.nodes(self.engine).values()})
        self.assertRaises(exception.AllocationNotFound,
                          releases.delete_allocation, uuids[0])
