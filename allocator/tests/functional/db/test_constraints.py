# SPDX-License-Identifier: Apache-2.0
"""Constraints on each database: who is chosen, and at what cost."""

import fixtures
import sqlalchemy as sa

from allocator.db import candidates
from allocator.db import census
from allocator.db import claims
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import session
from allocator.db import starts
from allocator.db import suitability
from allocator.db import taking
from allocator.tests import pools
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# More profiles than PostgreSQL or MySQL take parameters.
KINDS = 70000

# Ranks, each of one profile.
RANKS = 64


@testcase.per_database(*databases.SERVERS)
class SelectionTests(pools.SelectionTests):

    examples = 40

    def setUp(self):
        super().setUp()
        self.useFixture(schema.Open(self.kind))


class Claims:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine

    def requirement(self, **values):
        """Put an allocation into the queue.

        :returns: its Requirement
        """
        [uuid] = seeds.add_allocations(self.engine, 1, **values)
        with session.reader() as connection:
            known_profiles.get().refresh(connection)
            return suitability.requirement_of(connection.execute(
                sa.select(_allocation).where(
                    _allocation.c.uuid == uuid)).one())


@testcase.per_database(*databases.SERVERS)
class ManyRanksTests(Claims):
    """Who prefers many traits has nearly as many ranks as profiles."""

    def test_ranks_without_free_nodes_cost_no_step_each(self):
        names = ['CUSTOM_%d' % number for number in range(6)]
        for number in range(RANKS):
            seeds.add_nodes(
                self.engine, 100, [name for bit, name in enumerate(names)
                                   if number >> bit & 1],
                # All but the last rank are taken.
                maintenance=number > 0)
        plans.analyze(self.engine)
        self.requirement(constraints={'preferred_traits': [
            {'trait': name, 'weight': 1 << bit}
            for bit, name in enumerate(names)]})
        # However busy the machine is: see there.
        self.useFixture(fixtures.MockPatchObject(
            starts, 'is_needed', return_value=False))
        with schema.statements() as seen:
            batch = claims.claim_pending(8)
        self.assertEqual(1, len(batch.claims))
        # Queue, whether somebody waits, new profiles, which ranks have free
        # nodes, node, and an update of each table.
        self.assertEqual(7, len(seen), seen)
        for statement, parameters in seen:
            for table, access, rows in plans.explain(
                    session.get_engine(), statement, parameters):
                if table == 'nodes':
                    self.assertNotIn(access, plans.WHOLE, statement)
                    self.assertLessEqual(rows, candidates.MANY_PROFILES,
                                         statement)


@testcase.per_database(*databases.SERVERS)
class ManyProfilesTests(Claims):

    def test_more_profiles_suit_than_a_statement_has_parameters(self):
        seeds.add_kinds(self.engine, KINDS, KINDS, ['CUSTOM_A'])
        asked = {'properties': {'cpus': {'>=': 10, '!=': 12},
                                'memory_mb': {'!=': 1}}}
        [uuid] = seeds.add_nodes(self.engine, 1, ['CUSTOM_A'],
                                 name='namesake', properties={'cpus': 11})
        requirement = self.requirement(name='namesake', constraints=asked)
        counted, _sentence = census.take(requirement)
        self.assertEqual(KINDS - 10, counted)
        with session.reader() as connection:
            [first] = taking.preview(connection, requirement, 'namesake', 1)
        self.assertEqual(uuid, first.uuid)
        batch = claims.claim_pending(8)
        self.assertEqual([uuid], [claim.node.uuid for claim in batch.claims])
