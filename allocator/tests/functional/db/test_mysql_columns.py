# SPDX-License-Identifier: Apache-2.0
"""What this service does for PyMySQL: known columns, and times."""

import datetime

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

    def test_times_are_read_with_and_without_a_fraction(self):
        [row] = self.look(
            "SELECT CAST('2026-01-02 03:04:05.000006' AS DATETIME(6)), "
            "CAST('2026-01-02 03:04:05' AS DATETIME), "
            "CAST('2026-01-02 03:04:05.5' AS DATETIME(1)), "
            'CAST(NULL AS DATETIME), UTC_TIMESTAMP(6)')
        whole = datetime.datetime(2026, 1, 2, 3, 4, 5)
        self.assertEqual((
            whole.replace(microsecond=6), whole,
            whole.replace(microsecond=500000), None), tuple(row)[:4])
        self.assertIsInstance(row[4], datetime.datetime)
