# SPDX-License-Identifier: Apache-2.0
"""The plan of a statement, and how many rows it read, by the database."""

from allocator.tests.functional import holding

# Kinds of access that read a whole table.
WHOLE = ('ALL', 'Seq Scan')

# What is read like a table, but comes with the statement.
DOCUMENT = 'Table function'

# Stands for the compilation of the statement by PostgreSQL, in place of a
# kind of access: it takes longer than everything that the service asks.
COMPILED = 'JIT'


def analyze(engine):
    """Have the database look at what its tables hold."""
    statement = {'mysql': 'ANALYZE TABLE nodes, allocations, profiles, '
                          'trait_sets, trait_set_members, waiters',
                 'postgresql': 'ANALYZE'}
    with engine.connect().execution_options(
            isolation_level='AUTOCOMMIT') as connection:
        connection.exec_driver_sql(statement[
            'mysql' if engine.dialect.name == 'mariadb'
            else engine.dialect.name])


def explain(engine, statement, parameters):
    """Run a statement once more, without effect.

    :param engine: allocator.db's engine, for the way it sets connections up
    :param statement: its SQL
    :param parameters: its parameters
    :returns: list of (table, kind of access, number of rows read)
    """
    with holding.transaction(engine) as connection:
        dialect = connection.dialect
        name = ('mariadb' if getattr(dialect, 'is_mariadb', False)
                else dialect.name)
        return list(_EXPLAIN[name](connection, statement, parameters))


def _mariadb(connection, statement, parameters):
    for row in connection.exec_driver_sql('ANALYZE ' + statement, parameters):
        if DOCUMENT not in (row.Extra or ''):
            yield row.table, row.type, float(row.r_rows or 0)


def _mysql(connection, statement, parameters):
    # It tells the numbers of SELECT statements only.
    for row in connection.exec_driver_sql('EXPLAIN ' + statement, parameters):
        if DOCUMENT not in (row.Extra or ''):
            yield row.table, row.type, 0


def _postgresql(connection, statement, parameters):
    [found] = connection.exec_driver_sql(
        'EXPLAIN (ANALYZE, FORMAT JSON) ' + statement, parameters).scalar()
    if COMPILED in found:
        yield None, COMPILED, 0
    parts = [found['Plan']]
    while parts:
        part = parts.pop()
        parts += part.get('Plans', ())
        if 'Relation Name' in part:
            rows = part['Actual Rows'] + part.get('Rows Removed by Filter', 0)
            yield (part['Relation Name'], part['Node Type'],
                   rows * part['Actual Loops'])


_EXPLAIN = {'mariadb': _mariadb, 'mysql': _mysql, 'postgresql': _postgresql}
