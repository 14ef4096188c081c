# SPDX-License-Identifier: Apache-2.0
"""How the databases find nodes: by index, a few rows, however many exist."""

import sqlalchemy as sa

from allocator.db import candidates
from allocator.db import claims
from allocator.db import conductors
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

NODES = 4000
ACTIVE = 2000
BATCH = 8

# Tables that grow with the fleet.
LARGE = ('nodes', 'allocations')

# Rows that one statement for a small batch may read of a large table.
FEW = candidates.LOOK


@testcase.per_database(*databases.SERVERS)
class PlanTests:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine

    def fill(self):
        """Make a fleet half of which is free, of several kinds."""
        for name in ('a', 'b'):
            for traits in ([], ['CUSTOM_A'], ['CUSTOM_A', 'CUSTOM_B']):
                for values in ({}, {'owner': 'p'}, {'lessee': 'p'}):
                    for state in ('available', 'active'):
                        seeds.add_nodes(
                            self.engine, NODES // 36, traits,
                            resource_class=name, provision_state=state,
                            **values)
        seeds.add_allocations(self.engine, ACTIVE, state='active')
        plans.analyze(self.engine)

    def check(self, **values):
        """Claim a batch; each of its statements must have a good plan."""
        self.fill()
        seeds.add_allocations(self.engine, BATCH,
                              **{'resource_class': 'a'} | values)
        with schema.statements() as seen:
            batch = claims.claim_pending(BATCH)
        self.assertEqual(BATCH, len(batch.claims))
        self.check_plans(seen)

    def check_plans(self, seen):
        for statement, parameters in seen:
            for table, access, rows in plans.explain(
                    session.get_engine(), statement, parameters):
                self.assertNotEqual(plans.COMPILED, access, statement)
                if table in LARGE:
                    self.assertNotIn(access, plans.WHOLE + ('index',),
                                     statement)
                    self.assertLessEqual(rows, FEW, statement)

    def test_plain(self):
        self.check()

    def test_traits(self):
        self.check(traits=['CUSTOM_A'])

    def test_owner(self):
        self.check(owner='p')

    def test_owner_and_traits(self):
        self.check(owner='p', traits=['CUSTOM_A', 'CUSTOM_B'])

    def test_candidates(self):
        candidates = seeds.add_nodes(self.engine, 10, resource_class='a')
        self.check(candidate_nodes=candidates)

    def test_heartbeats(self):
        """Each POST asks for them, in a table without an index on them."""
        conductors.beat('host')
        with schema.statements() as seen, session.reader() as connection:
            self.assertTrue(conductors.is_any_alive(connection))
        self.assertEqual(1, len(seen))
        self.check_plans(seen)

    def test_a_loser(self):
        """Without a free node, the search reads no more."""
        self.fill()
        with self.engine.begin() as connection:
            connection.execute(sa.text(
                "UPDATE nodes SET maintenance = true "
                "WHERE resource_class = 'a'"))
        seeds.add_allocations(self.engine, BATCH, resource_class='a')
        with schema.statements() as seen:
            batch = claims.claim_pending(BATCH)
        self.assertEqual(BATCH, len(batch.unserved))
        self.check_plans(seen)
