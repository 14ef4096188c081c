# SPDX-License-Identifier: Apache-2.0
"""Many rows are changed by one statement, the same for any number."""

import sqlalchemy as sa

from allocator.db import many_rows
from allocator.db import models
from allocator.db import session
from allocator.db import types
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

_node = models.Node.__table__

# What JSON, SQL and drivers treat in ways of their own.
STRANGE = 'é😀"\'\\%s%(x)s:y\n'


class ManyRows:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine

    def nodes(self, count):
        """Add nodes.

        :returns: list of their ids
        """
        seeds.add_nodes(self.engine, count)
        return [row.id for row in self.read()]

    def read(self):
        with session.reader() as connection:
            return connection.execute(
                sa.select(_node).order_by(_node.c.id)).all()

    def update(self, rows, **common):
        """Change nodes.

        :returns: what was sent
        """
        with schema.statements() as sent, session.writer() as connection:
            many_rows.Update(_node, rows[0] if rows else ['id'],
                             **common).execute(connection, rows)
        return sent


@testcase.per_database()
class ManyRowsTests(ManyRows):

    def test_each_row_gets_values_of_its_own(self):
        ids = self.nodes(3)
        self.update([{'id': ids[0], 'name': 'a', 'shard': None},
                     {'id': ids[2], 'name': 'c', 'shard': 's'}],
                    generation=_node.c.generation + 1, description=sa.null())
        self.assertEqual([('a', None, 1), (None, None, 0), ('c', 's', 1)],
                         [(row.name, row.shard, row.generation)
                          for row in self.read()])

    def test_values_arrive_as_they_are(self):
        [id_] = self.nodes(1)
        info = {'\0': [STRANGE], 'deep': {'a': {}}}
        self.update([{'id': id_, 'description': STRANGE,
                      'instance_info': info}])
        [row] = self.read()
        self.assertEqual((STRANGE, info),
                         (row.description, row.instance_info))

    def test_a_big_integer_arrives_as_it_is(self):
        [id_] = self.nodes(1)
        self.update([{'id': id_, 'generation': 2 ** 62 + 1}])
        self.assertEqual(2 ** 62 + 1, self.read()[0].generation)

    def test_the_time_is_the_databases(self):
        [id_] = self.nodes(1)
        self.update([{'id': id_, 'name': 'a'}], updated_at=types.utcnow())
        with session.reader() as connection:
            now = connection.execute(sa.select(types.utcnow())).scalar()
        age = now - self.read()[0].updated_at
        self.assertLess(abs(age.total_seconds()), 60)

    def test_the_statement_is_the_same_for_any_number(self):
        ids = self.nodes(100)
        [one] = self.update([{'id': ids[0], 'name': 'a'}])
        [many] = self.update([{'id': id_, 'name': 'n%d' % id_}
                              for id_ in ids])
        self.assertEqual(one[0], many[0])

    def test_no_row_takes_no_statement(self):
        self.assertEqual([], self.update([]))


@testcase.per_database(*databases.SERVERS)
class ManyRowsPlanTests(ManyRows):

    def check(self, count):
        ids = self.nodes(count)
        plans.analyze(self.engine)
        [(statement, parameters)] = self.update(
            [{'id': id_, 'name': 'n%d' % id_} for id_ in ids[:2]])
        return plans.explain(session.get_engine(), statement, parameters)

    def test_rows_are_found_by_the_primary_key(self):
        for table, access, rows in self.check(1000):
            self.assertEqual('nodes', table)
            self.assertNotIn(access, plans.WHOLE)
            self.assertLessEqual(rows, 2)

    def test_a_small_table_is_not_read_as_a_whole_either(self):
        for _table, access, _rows in self.check(3):
            self.assertNotIn(access, plans.WHOLE)
