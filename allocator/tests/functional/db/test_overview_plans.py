# SPDX-License-Identifier: Apache-2.0
"""What "allocator-status show" and the gauges count, they count in indexes."""

import uuid

import sqlalchemy as sa

from allocator.db import demands
from allocator.db import models
from allocator.db import pending
from allocator.db import pools
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

_node = models.Node.__table__

FREE, HELD, BROKEN = 3000, 1500, 500
DECIDED, WAITING = 5000, 3000

# What may be read of the allocations that nobody is to decide on: nothing.
DUE = 20


@testcase.per_database(*databases.SERVERS)
class OverviewPlanTests:

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        opened = schema.Open(cls.kind)
        opened.setUp()
        cls.addClassCleanup(opened.cleanUp)
        cls.engine = opened.database.engine
        seeds.add_nodes(cls.engine, FREE)
        held = seeds.add_nodes(cls.engine, HELD)
        with cls.engine.begin() as connection:
            connection.execute(
                sa.update(_node).where(
                    _node.c.uuid == sa.bindparam('ident')).values(
                    instance_uuid=sa.bindparam('instance')),
                [{'ident': ident, 'instance': str(uuid.uuid4())}
                 for ident in held])
        seeds.add_nodes(cls.engine, BROKEN, maintenance=True)
        seeds.add_allocations(cls.engine, DECIDED, state='error')
        seeds.add_waiters(cls.engine, WAITING, [['CUSTOM_A'], ['CUSTOM_B']])
        seeds.add_allocations(cls.engine, DUE)
        plans.analyze(cls.engine)
        if cls.kind == databases.POSTGRESQL:
            # As its autovacuum does: then it need not look into the nodes to
            # tell which entries of the index are there.
            with cls.engine.connect().execution_options(
                    isolation_level='AUTOCOMMIT') as connection:
                connection.exec_driver_sql('VACUUM nodes')

    def accesses(self, function, *args):
        """Run a function and explain its statements.

        :returns: what it returns, list of (table, access, rows)
        """
        with schema.statements() as seen:
            found = function(*args)
        return found, [
            read for statement, parameters in seen
            if statement.startswith('SELECT')
            for read in plans.explain(session.get_engine(), statement,
                                      parameters)]

    def assert_few(self, reads, table, most):
        for name, access, rows in reads:
            if name == table:
                self.assertNotIn(access, plans.WHOLE)
                self.assertLessEqual(rows, most)

    def test_the_pool_is_counted_in_its_index_alone(self):
        [pool], reads = self.accesses(pools.count_by_class)
        self.assertEqual(
            (FREE + HELD + BROKEN, FREE, HELD, BROKEN),
            (pool.nodes, pool.free, pool.held, pool.out_of_order))
        self.assertIn('nodes', [name for name, _access, _rows in reads])
        for name, access, _rows in reads:
            if name == 'nodes':
                self.assertIn(access, ('index', 'Index Only Scan'))

    def test_what_is_due_is_found_among_all_that_is_decided(self):
        found, reads = self.accesses(pending.count_by_class)
        self.assertEqual({'baremetal': DUE}, found)
        self.assert_few(reads, 'allocations', DUE)

    def test_the_oldest_due_is_one_row(self):
        found, reads = self.accesses(pending.oldest_seconds)
        self.assertGreaterEqual(found, 0)
        self.assert_few(reads, 'allocations', 1)

    def test_what_is_to_be_confirmed_is_found_among_all_others(self):
        found, reads = self.accesses(pending.count_confirming)
        self.assertEqual(0, found)
        self.assert_few(reads, 'allocations', 1)

    def test_the_demands_are_counted_in_their_index(self):
        found, reads = self.accesses(demands.commonest, 5)
        self.assertEqual([WAITING // 2] * 2, [row.count for row in found])
        self.assert_few(reads, 'waiters', WAITING)
        self.assert_few(reads, 'allocations', 1)
