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


def read_object(text):
    """Read a JSON object.

    :param text: a JSON document, as it is stored
    :returns: dict, or None for what is no object
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class JSONObject(JSON):
    """A JSON object, stored as ASCII text.

    What else something outside of this service may have written there is
    read as an empty one, so that clients can put it right.
    """

    cache_ok = True

    def process_result_value(self, value, dialect):
        if value is None:
            return None
        # Nearly every document is empty.
        if value == '{}':
            return {}
        return read_object(value) or {}


def is_among(connection, column, values):
    """Build the condition that a column has one of some values.

    With PostgreSQL they are one parameter, and with the others numbers are
    written into the statement: a hundred parameters take longer to be sent
    than to be found.

    :param connection: a database connection
    :param column: column of strings or of numbers
    :param values: iterable of such
    """
    values = list(values)
    if connection.dialect.name == 'postgresql':
        return column == sa.any_(sa.literal(
            values, sa.ARRAY(column.type)))
    if isinstance(column.type, sa.Integer):
        return is_written_among(column, values)
    return column.in_(values)


class _Numbers(sa.types.UserDefinedType):
    """A list of numbers, as it is written into a statement."""

    cache_ok = True

    def literal_processor(self, dialect):
        return lambda values: '(%s)' % ', '.join(map(str, values))


def is_written_among(column, values):
    """Build the condition that a column has one of some numbers.

    They are written into the statement, so they may be more than it may have
    parameters; as one piece, for SQLAlchemy takes its time for each.

    :param column: column of numbers
    :param values: iterable of such
    """
    values = [int(value) for value in values]
    if not values:
        return sa.false()
    return column.op('IN', is_comparison=True)(sa.bindparam(
        None, values, type_=_Numbers(), unique=True, literal_execute=True))


def is_long(column):
    """Tell whether a column may hold more than an index does.

    :param column: a column, or its label
    """
    return isinstance(column.type, (JSON, sa.Text))


class octets(functions.GenericFunction):
    """The length of a text in bytes."""

    name = 'octet_length'
    type = sa.BigInteger()
    inherit_cache = True


@compiler.compiles(octets, 'sqlite')
def _octets_sqlite(element, comp, **kw):
    # The other function is as new as SQLite 3.43. This one counts
    # characters, of which JSON documents have one byte each.
    return 'length(%s)' % comp.process(element.clauses, **kw)


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
