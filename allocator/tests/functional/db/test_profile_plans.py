# SPDX-License-Identifier: Apache-2.0
"""With very many profiles, too, a claim reads a few rows by an index."""

import sqlalchemy as sa

from allocator.db import candidates
from allocator.db import claims
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

_node = models.Node.__table__

NODES = 6000
ACTIVE = 2000
MANY = 2 * candidates.MANY_PROFILES
BATCH = 8

# Rows that one statement may read: what a look reads, or one list of profiles
# finds, and what the sources that share an index have besides.
FEW = 4 * candidates.MANY_PROFILES


class Plans:
    """Six kinds of nodes, each of some profiles.

    :cvar kinds: how many profiles each has
    """

    kinds = MANY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        opened = schema.Open(cls.kind)
        opened.setUp()
        cls.addClassCleanup(opened.cleanUp)
        cls.engine = opened.database.engine
        for values in ({}, {'owner': 'p'}, {'lessee': 'p'}):
            # Those with the trait that few have come last in each index.
            for traits in (['CUSTOM_A', 'CUSTOM_B'],
                           ['CUSTOM_A', 'CUSTOM_RARE']):
                seeds.add_kinds(cls.engine, NODES // 6,
                                min(cls.kinds, NODES // 6), traits, **values)
        seeds.add_allocations(cls.engine, ACTIVE, state='active')
        plans.analyze(cls.engine)
        with session.reader() as connection:
            known_profiles.get().refresh(connection)

    def check(self, index, **values):
        """Claim a batch; each statement must read a few rows by an index."""
        seeds.add_allocations(self.engine, BATCH, **values)
        with schema.statements() as seen:
            batch = claims.claim_pending(BATCH)
        self.assertEqual(BATCH, len(batch.claims))
        for statement, parameters in seen:
            for table, access, rows in plans.explain(
                    session.get_engine(), statement, parameters):
                self.assertNotEqual(plans.COMPILED, access, statement)
                self.assertNotEqual('profiles', table, statement)
                if table in ('nodes', 'allocations'):
                    self.assertNotIn(access, plans.WHOLE + ('index',),
                                     statement)
                    self.assertLessEqual(rows, FEW, statement)
        if self.kind == databases.MYSQL:
            self.assertTrue([statement for statement, _ in seen
                             if 'FORCE INDEX (%s)' % index in statement])
        # A look, and a few lists of profiles.
        self.assertLessEqual(len(seen), 10)

    def test_plain(self):
        self.check('nodes_claim_owner_idx')

    def test_traits(self):
        self.check('nodes_claim_owner_idx', traits=['CUSTOM_A'])

    def test_traits_that_few_have(self):
        self.check('nodes_claim_owner_idx', traits=['CUSTOM_RARE'])

    def test_owner(self):
        self.check('nodes_claim_lessee_idx', owner='p')

    def test_owner_and_traits(self):
        self.check('nodes_claim_lessee_idx', owner='p',
                   traits=['CUSTOM_A', 'CUSTOM_RARE'])

    def test_a_loser(self):
        """What nobody has is told without reading all profiles."""
        seeds.add_allocations(self.engine, BATCH, traits=['CUSTOM_NO'])
        with schema.statements() as seen:
            batch = claims.claim_pending(BATCH)
        self.assertEqual(BATCH, len(batch.unserved))
        for statement, parameters in seen:
            for table, access, rows in plans.explain(
                    session.get_engine(), statement, parameters):
                self.assertNotIn(access, plans.WHOLE, (table, statement))
                self.assertLessEqual(rows, FEW, statement)
        with self.engine.begin() as connection:
            connection.execute(sa.delete(models.Allocation).where(
                models.Allocation.state == 'allocating'))


@testcase.per_database(*databases.SERVERS)
class ManyProfilesTests(Plans):
    """More profiles suit than one query lists."""


@testcase.per_database(*databases.SERVERS)
class EachItsOwnTests(Plans):
    """Every node has a profile of its own."""

    kinds = NODES
