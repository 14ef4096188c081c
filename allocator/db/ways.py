# SPDX-License-Identifier: Apache-2.0
"""Ways into a table: which index finds the rows of a list, and in what order.

The databases guess, and guess wrong when filter and sort key go together:
the failed allocations are the newest ones. So they are told, or asked to
count first.
"""

import dataclasses

import sqlalchemy as sa
from sqlalchemy.sql import operators

MYSQL = ('mysql', 'mariadb')
POSTGRESQL = 'postgresql'

# A filter that leaves no more rows than this is the better way in than the
# index of the sort key: as many are read along the latter before a page of
# 1,000 is full if a tenth of 100,000 rows passes the filter.
FEW = 10000

# What an index can be entered by, besides equality.
_ENTRIES = (operators.in_op, operators.is_, operators.is_not)


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to some rows of a table.

    :ivar dialect: name of the database's dialect
    :ivar conditions: conditions on the rows
    :ivar index: name of the index to go by; None for the database's choice
    :ivar is_read_whole: whether the rows are few, to be read and sorted;
        otherwise they come in the order of the sort key
    :ivar has_id_order: whether rows with the same value of the sort key come
        in the order of their ids
    :ivar null_index: name of the index for the rows without such a value, if
        it is another one
    :ivar number: which of several ways this is
    """

    dialect: str
    conditions: list
    index: str | None = None
    is_read_whole: bool = False
    has_id_order: bool = True
    null_index: str | None = None
    number: int = 0

    def query(self, key):
        """Build the query for all its rows.

        :param key: column to sort by
        :returns: the query, and its columns: id and key
        """
        id_ = key.table.c.id
        rows = sa.select(id_, key.label('key')).where(*self.conditions)
        rows = self._going_by(self.index, rows, key.table)
        if self.dialect == POSTGRESQL and self.is_read_whole:
            few = rows.cte('few_%d' % self.number).prefix_with('MATERIALIZED')
            return sa.select(few), few.c.id, few.c.key
        return rows, id_, key

    def null_query(self, rows, key):
        """Build the query for the rows without a value of the sort key.

        :param rows: query() for all rows
        :param key: column to sort by
        """
        return self._going_by(self.null_index, rows, key.table)

    def _going_by(self, index, rows, table):
        if index and self.dialect in MYSQL:
            return _forced(rows, table, index)
        return rows


def _forced(query, table, index):
    return query.with_hint(table, 'FORCE INDEX (%s)' % index)


def find(connection, conditions, either, key, is_walked=False):
    """Find the best ways to the rows of a list.

    :param connection: a database connection
    :param conditions: conditions that all must hold
    :param either: conditions of which one at least must hold besides, each
        a column's equality with a value
    :param key: column to sort by
    :param is_walked: whether there is an index of each of these values in
        the order of the key, to go along rather than read all of them
    :returns: list of Way, which together have all the rows, some perhaps
        more than once
    """
    dialect = connection.dialect.name
    branches = [[*conditions, one] for one in either] or [[*conditions]]
    together = [*conditions, sa.or_(*either)] if either else [*conditions]

    def by(indexes, is_read_whole=False):
        return [
            Way(dialect, branch, index, is_read_whole, number=number)
            if is_read_whole or _has_id_order(key.table, index)
            else Way(dialect, branch, index, has_id_order=False,
                     null_index=_in_order(branch, branch, key.table.c.id,
                                          dialect), number=number)
            for number, (branch, index)
            in enumerate(zip(branches, indexes, strict=True))]

    ordered = [_in_order(branch, branch, key, dialect) for branch in branches]
    if all(ordered):
        return [_sortable(connection, way, key) for way in by(ordered)]
    if dialect in (*MYSQL, POSTGRESQL):
        few = _few(connection, conditions, key.table)
        if few:
            return [Way(dialect, together, few, is_read_whole=True)]
        few = [] if is_walked else [_few(connection, [one], key.table)
                                    for one in either]
        if few and all(few):
            return by(few, is_read_whole=True)
    ordered = [next(filter(None, (
        _in_order([condition], branch, key, dialect)
        for condition in reversed(branch))), None) for branch in branches]
    if all(ordered):
        return by(ordered)
    return [Way(dialect, together, index_of(key))]


def _sortable(connection, way, key):
    """Leave an index whose rows must be sorted where they are many.

    :returns: Way
    """
    if way.has_id_order or way.dialect not in MYSQL or _few(
            connection, [*way.conditions, key.is_not(None)], key.table):
        return way
    return dataclasses.replace(way, index=index_of(key))


def _in_order(fixing, conditions, key, dialect):
    """Find an index that has rows of fixed values in the order of the key.

    :param fixing: those of the conditions that fix a column's value each
    :returns: its name; None if there is none, or a condition fixes nothing
    """
    if not conditions:
        return index_of(key)
    table = key.table
    fixed = {column for condition in fixing for column in table.c
             if is_fixed(column, condition)}
    if len(fixed) < len(fixing):
        return None
    id_ = table.c.id
    wanted = [[id_]] if key is id_ else [[key, id_], [key]]
    if key is id_ and dialect in MYSQL:
        wanted.append([])  # InnoDB ends each index by the primary key
    for index in _indexes(table):
        columns = list(index.columns)
        if (set(columns[:len(fixed)]) == fixed
                and columns[len(fixed):] in wanted):
            return index.name
    return None


def _has_id_order(table, name):
    # InnoDB ends each index by the primary key, but MariaDB does not know
    # the order if that makes the index longer than one may be.
    return not any(
        index.name == name and list(index.columns)[-1] is not table.c.id
        for index in table.indexes)


def _few(connection, conditions, table):
    """Find a filter that leaves few rows.

    :returns: name of the index that has them, or None
    """
    for index, entering in _entrances(conditions, table):
        rows = sa.select(sa.literal(1)).select_from(table).where(
            *entering).limit(FEW + 1)
        if connection.dialect.name in MYSQL:
            rows = _forced(rows, table, index)
        if connection.execute(sa.select(sa.func.count()).select_from(
                rows.subquery())).scalar() <= FEW:
            return index
    return None


def _entrances(conditions, table):
    """List the indexes that some conditions lead into.

    :returns: list of (name of the index, conditions), one for each of the
        columns that indexes begin with, the most conditions first
    """
    found: dict[sa.Column, tuple] = {}
    for index in _indexes(table):
        entering = _entering(index, conditions)
        first = list(index.columns)[0]
        if len(entering) > len(found.get(first, (None, ()))[1]):
            found[first] = index.name, entering
    return sorted(found.values(), key=lambda entrance: -len(entrance[1]))


def _entering(index, conditions):
    """List the conditions on the columns that an index begins with."""
    found: list = []
    for column in index.columns:
        fixing = [condition for condition in conditions
                  if is_fixed(column, condition)]
        if not fixing:
            return found + [
                condition for condition in conditions
                if getattr(condition, 'operator', None) in _ENTRIES
                and condition.left is column]
        found += fixing
    return found


def is_fixed(column, condition):
    """Tell whether a condition leaves just one value of a column."""
    return (getattr(condition, 'operator', None) is operators.eq
            and condition.left is column)


def is_unique(column):
    """Tell whether no two rows have the same value of a column."""
    return any(list(constraint.columns) == [column]
               for constraint in _unique_keys(column.table))


def index_of(column):
    """Find the index that begins with a column, the shortest if several do.

    :returns: its name, or None
    """
    if column.primary_key:
        return 'PRIMARY'
    return next((index.name for index in _indexes(column.table)
                 if list(index.columns)[0] is column), None)


def _indexes(table):
    """List the indexes of a table, the shortest first."""
    # A unique key does not tell MySQL the order of the NULLs in it.
    return [*sorted(table.indexes,
                    key=lambda index: (len(index.columns), index.name)),
            *_unique_keys(table)]


def _unique_keys(table):
    return [constraint for constraint in table.constraints
            if isinstance(constraint, sa.UniqueConstraint)]
