# SPDX-License-Identifier: Apache-2.0
"""Columns that MySQL or MariaDB has described before are not parsed again."""

import sqlalchemy as sa

from allocator.db import mysql_connection
from allocator.db import session
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema


@testcase.per_database('mysql')
class KnownColumnTests:

    def setUp(self):
        super().setUp()
        self.useFixture(schema.Open(self.kind))
        mysql_connection._column.cache_clear()
        self.addCleanup(mysql_connection._column.cache_clear)

    def look(self, statement):
        with session.reader() as connection:
            return connection.execute(sa.text(statement)).all()

    def test_a_statement_describes_its_columns_once(self):
        for _ in range(3):
            self.look('SELECT uuid, name, driver_info FROM nodes')
        found = mysql_connection._column.cache_info()
        self.assertEqual((3, 6), (found.misses, found.hits))

    def test_a_column_of_another_type_is_another(self):
        for type_, expected in (('INT', 7), ('VARCHAR(9)', '7'), ('INT', 7)):
            with session.writer() as connection:
                connection.execute(sa.text(
                    'CREATE TEMPORARY TABLE seven (a %s)' % type_))
                connection.execute(sa.text('INSERT INTO seven VALUES (7)'))
                self.assertEqual(expected, connection.execute(
                    sa.text('SELECT a FROM seven')).scalar())
                connection.execute(sa.text('DROP TEMPORARY TABLE seven'))
