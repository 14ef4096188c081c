# SPDX-License-Identifier: Apache-2.0
"""Many rows changed by one statement, each to values of its own.

The values are one parameter, a JSON document that the database reads like a
table, so the statement is the same for any number of rows: it is compiled
once, and sent at the price of one string. SQLAlchemy knows no such table for
MySQL, nor how to say in which order tables are joined, so this is text.
"""

import json

import sqlalchemy as sa

from allocator.db import types

# The document first, then each row by its primary key: MySQL would lock all
# rows of a small table that it chose to read as a whole.
_MYSQL = ("UPDATE JSON_TABLE(:document, '$[*]' COLUMNS (%(columns)s)) AS news "
          'STRAIGHT_JOIN %(table)s FORCE INDEX (PRIMARY) ON id = new_id '
          'SET %(changes)s')
_COLUMN_MYSQL = "new_%(name)s %(type)s PATH '$.%(name)s' ERROR ON ERROR"

_STATEMENTS = {
    'mysql': (_MYSQL, _COLUMN_MYSQL),
    'mariadb': (_MYSQL, _COLUMN_MYSQL),
    'postgresql': (
        'UPDATE %(table)s SET %(changes)s FROM json_to_recordset('
        'CAST(:document AS json)) AS news (%(columns)s) '
        # An equality would have it read the whole index of a thousand rows:
        # it believes that every document has a hundred.
        'WHERE id = ANY (ARRAY[new_id])',
        'new_%(name)s %(type)s'),
    'sqlite': (
        'UPDATE %(table)s SET %(changes)s FROM (SELECT %(columns)s '
        'FROM json_each(:document)) AS news WHERE id = new_id',
        "json_extract(value, '$.%(name)s') AS new_%(name)s"),
}


class Update:
    """A change of many rows of a table.

    Its statements are written once for each kind of database.

    :param table: the table, whose primary key is its column ``id``
    :param names: names of the columns that each row gets values of its own
        for, ``id`` among them
    :param common: SQL expressions that all rows get, by name of the column
    """

    def __init__(self, table, names, **common):
        self._table = table
        self._names = tuple(names)
        self._common = common
        self._texts = [name for name in names
                       if isinstance(table.c[name].type, types.JSON)]
        self._statements: dict[str, sa.TextClause] = {}

    def execute(self, connection, rows):
        """Change rows.

        :param connection: a database connection
        :param rows: list of dicts of values by the names of their columns
        """
        if not rows:
            return
        dialect = connection.dialect
        if dialect.name not in self._statements:
            self._statements[dialect.name] = self._write(dialect)
        connection.execute(self._statements[dialect.name],
                           {'document': self._document(dialect, rows)})

    def _write(self, dialect):
        statement, column = _STATEMENTS[dialect.name]
        changes = ['%s = new_%s' % (name, name) for name in self._names
                   if name != 'id']
        changes += ['%s = %s' % (name, expression.compile(
            dialect=dialect, compile_kwargs={'literal_binds': True}))
            for name, expression in self._common.items()]
        return sa.text(statement % {
            'table': self._table.name, 'changes': ', '.join(changes),
            'columns': ', '.join(column % {
                'name': name,
                'type': self._table.c[name].type.compile(dialect)}
                for name in self._names)})

    def _document(self, dialect, rows):
        """Write the values down as the database is to store them."""
        prefix = 'new_' if dialect.name == 'postgresql' else ''
        stored = [row | {
            name: self._table.c[name].type.process_bind_param(row[name],
                                                              dialect)
            for name in self._texts} for row in rows]
        return json.dumps([
            {prefix + name: value for name, value in row.items()}
            for row in stored], separators=(',', ':'), ensure_ascii=False)
