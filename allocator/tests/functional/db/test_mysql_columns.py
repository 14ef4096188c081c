# SPDX-License-Identifier: Apache-2.0
"""What this service does for PyMySQL: known columns, rows, and times."""

import datetime

from pymysql import protocol
import pymysql.connections
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

    def test_columns_of_all_lengths(self):
        lengths = (0, 1, 250, 251, 252, 65535, 65536, 300000)
        [row] = self.look('SELECT %s, NULL, 7' % ', '.join(
            "REPEAT('x', %d)" % length for length in lengths))
        self.assertEqual((*('x' * length for length in lengths), None, 7),
                         tuple(row))

    def test_a_column_longer_than_a_packet_may_be(self):
        """Its length is in eight bytes, and it comes in several packets."""
        length = 17 * 1024 * 1024
        result = mysql_connection.Result(None)
        result.converters = [('ascii', None), ('ascii', int)]
        packet = protocol.MysqlPacket(
            b'\xfe' + length.to_bytes(8, 'little') + b'x' * length + b'\x017',
            'ascii')
        self.assertEqual(('x' * length, 7),
                         result._read_row_from_packet(packet))

    def test_a_row_that_ends_early_is_the_drivers_affair(self):
        result = mysql_connection.Result(None)
        result.converters = [('ascii', None)] * 3
        for data in (b'\x01a\x01b', b'\x01a\xfb'):
            theirs = pymysql.connections.MySQLResult._read_row_from_packet(
                result, protocol.MysqlPacket(data, 'ascii'))
            self.assertEqual(theirs, result._read_row_from_packet(
                protocol.MysqlPacket(data, 'ascii')))

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
