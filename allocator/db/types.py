# SPDX-License-Identifier: Apache-2.0
"""Column types and functions that mean the same on every database."""

import json

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.ext import compiler
from sqlalchemy.sql import functions

# SQLite numbers rows by itself only in INTEGER columns.
BigInteger = sa.BigInteger().with_variant(sa.Integer, 'sqlite')

# Without a precision MySQL and MariaDB cut the microseconds off.
DateTime = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql',
                                      'mariadb')

# 4 GiB instead of the 64 KiB of TEXT.
LongText = sa.Text().with_variant(mysql.LONGTEXT, 'mysql', 'mariadb')


class JSON(sa.types.TypeDecorator):
    """A JSON document, stored as ASCII text.

    The databases' own JSON types differ in what they refuse: NUL in
    PostgreSQL's jsonb, more than 32 levels in MariaDB. As text, escaped, a
    client gets back exactly what it sent.
    """

    impl = LongText
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        return json.dumps(value, separators=(',', ':'), allow_nan=False)

    def process_result_value(self, value, dialect):
        if value is None:
            return None
        # Nearly every document is empty.
        if value == '{}':
            return {}
        if value == '[]':
            return []
        return json.loads(value)


class utcnow(functions.GenericFunction):
    """The current time in UTC by the database's clock.

    The clocks of the machines that share a database differ, and may jump;
    what is compared across machines uses this one.
    """

    type = DateTime
    inherit_cache = True


@compiler.compiles(utcnow)
def _utcnow_default(element, comp, **kw):
    return 'CURRENT_TIMESTAMP'


@compiler.compiles(utcnow, 'postgresql')
def _utcnow_postgresql(element, comp, **kw):
    return "(clock_timestamp() AT TIME ZONE 'UTC')"


@compiler.compiles(utcnow, 'mysql', 'mariadb')
def _utcnow_mysql(element, comp, **kw):
    return 'UTC_TIMESTAMP(6)'


@compiler.compiles(utcnow, 'sqlite')
def _utcnow_sqlite(element, comp, **kw):
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
