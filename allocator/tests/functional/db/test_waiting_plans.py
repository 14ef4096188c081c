# SPDX-License-Identifier: Apache-2.0
"""The cost of those that wait does not grow with their number."""

import time

import sqlalchemy as sa

from allocator.db import allocations
from allocator.db import claims
from allocator.db import deadlines
from allocator.db import models
from allocator.db import session
from allocator.db import waiters
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

_allocation = models.Allocation.__table__

# How many wait, and for how many different things.
WAITING = 20000
KINDS = 20

# Rows that one statement may read.
FEW = 1500

TABLES = ('nodes', 'allocations', 'waiters', 'waiter_candidates')


@testcase.per_database(*databases.SERVERS)
class WaitingPlanTests:

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        opened = schema.Open(cls.kind)
        opened.setUp()
        cls.addClassCleanup(opened.cleanUp)
        cls.engine = opened.database.engine
        seeds.add_nodes(cls.engine, 1000, maintenance=True)
        cls.uuids = seeds.add_waiters(
            cls.engine, WAITING,
            [['CUSTOM_%d' % number] for number in range(KINDS)])
        plans.analyze(cls.engine)

    def watch(self, function, *args):
        """Check that no statement of a function reads many rows.

        :returns: what it returns
        """
        with schema.statements() as seen:
            found = function(*args)
        for statement, parameters in seen:
            if not statement.startswith('SELECT'):
                continue
            for table, access, rows in plans.explain(
                    session.get_engine(), statement, parameters):
                if table in TABLES:
                    what = '%s of %d rows: %s %s' % (access, rows, statement,
                                                     parameters)
                    self.assertNotIn(access, plans.WHOLE, what)
                    self.assertLessEqual(rows, FEW, what)
        return found

    def row(self, uuid):
        with self.engine.connect() as connection:
            return connection.execute(sa.select(_allocation).where(
                _allocation.c.uuid == uuid)).one()

    def add_unwanted(self, trait):
        """Add a node that suits nobody, until the test ends."""
        node = seeds.add_node(self.engine, [trait])

        def remove():
            with self.engine.begin() as connection:
                seeds.set_node(connection, node, maintenance=True)

        self.addCleanup(remove)
        return node

    def test_a_look_without_a_free_node(self):
        self.assertEqual([], self.watch(
            claims.serve, 'baremetal', 64).claims)

    def test_a_node_for_one_of_the_demands(self):
        begun = time.monotonic()
        for number in (3, 17):
            node = seeds.add_node(self.engine, ['CUSTOM_%d' % number])
            [claim] = self.watch(claims.serve, 'baremetal', 64).claims
            self.assertEqual(
                (node, self.uuids[number * WAITING // KINDS]),
                (claim.node.uuid, claim.allocation.uuid))
        self.assertLess(time.monotonic() - begun, 30)

    def test_a_node_that_suits_nobody(self):
        self.add_unwanted('CUSTOM_OTHER')
        self.assertEqual([], self.watch(
            claims.serve, 'baremetal', 64).claims)

    def test_a_request_of_another_class(self):
        seeds.add_node(self.engine, resource_class='other')
        seeds.add_allocations(self.engine, resource_class='other')
        [claim] = self.watch(claims.claim_pending, 64).claims
        self.assertEqual('other', claim.allocation.resource_class)

    def test_a_request_of_the_class(self):
        [uuid] = seeds.add_allocations(self.engine)
        batch = self.watch(claims.claim_pending, 64)
        self.assertEqual([uuid], [row.uuid for row in batch.unserved])
        claims.claim_or_fail({batch.unserved[0].id: 'why'}, True)
        self.assertEqual('error', self.row(uuid).state)

    def test_the_place_of_the_last(self):
        self.assertEqual(waiters.MAX_POSITION, self.watch(
            waiters.position, self.row(self.uuids[-1]).id))

    def test_deadlines(self):
        self.assertEqual([], self.watch(deadlines.list_over, 500))
        self.watch(deadlines.next_in)

    def test_the_classes(self):
        self.assertEqual(['baremetal'], self.watch(waiters.list_classes))

    def test_a_free_node_and_who_waits_for_it(self):
        node = self.add_unwanted('CUSTOM_NONE')
        self.assertEqual('baremetal', self.watch(
            waiters.class_of_free, node))

    def test_a_page_of_those_that_wait(self):
        page = self.watch(lambda: allocations.get_page(
            {'waiting': True}, ['uuid', 'state'], sort_key='id',
            descending=False, limit=100))
        self.assertEqual(100, len(page.rows))
