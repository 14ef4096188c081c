# SPDX-License-Identifier: Apache-2.0
"""How the databases find what a backend is handed back."""

import sqlalchemy as sa

from allocator.db import hand_backs
from allocator.db import models
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Nodes of the backend, and of others.
NODES = 3000
OTHERS = 6000


@testcase.per_database(*databases.SERVERS)
class HandBackPlanTests:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine

    def test_pages_are_found_by_an_index(self):
        seeds.add_nodes(self.engine, OTHERS)
        seeds.add_nodes(self.engine, NODES, backend_id=7)
        seeds.add_allocations(self.engine, NODES, state='active')
        with self.engine.begin() as connection:
            mine = connection.execute(sa.select(_node.c.id).where(
                _node.c.backend_id == 7)).scalars().all()
            theirs = connection.execute(
                sa.select(_allocation.c.id)).scalars().all()
            connection.execute(
                sa.update(_node).where(_node.c.id == sa.bindparam('node'))
                .values(allocation_id=sa.bindparam('allocation')),
                [{'node': node, 'allocation': allocation}
                 for node, allocation in zip(mine, theirs, strict=True)])
        plans.analyze(self.engine)
        with schema.statements() as seen:
            self.assertEqual(NODES, len(list(hand_backs.list_all(7))))
        total = 0
        for statement, parameters in seen:
            for _table, access, read in plans.explain(
                    session.get_engine(), statement, parameters):
                self.assertNotEqual(plans.COMPILED, access, statement)
                self.assertNotIn(access, (*plans.WHOLE, 'index'), statement)
                total += read
        if self.kind == databases.MYSQL:
            # PostgreSQL reads so few by whichever index it likes.
            self.assertLessEqual(total, 3 * NODES)
