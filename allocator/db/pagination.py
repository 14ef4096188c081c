# SPDX-License-Identifier: Apache-2.0
"""Pages of a list by keyset: the last page costs what the first one costs."""

import sqlalchemy as sa
from sqlalchemy.sql import operators

# Where a database puts NULL in rising order.
NULLS_LAST = ('postgresql',)

MYSQL = ('mysql', 'mariadb')
POSTGRESQL = 'postgresql'

# A filter that leaves no more rows than this is the better way in than the
# index of the sort key: as many are read along the latter before a page of
# 1,000 is full if a tenth of 100,000 rows passes the filter. The databases
# guess, and guess wrong when filter and sort key go together: the failed
# allocations are the newest ones.
FEW = 10000


def page(connection, columns, joined, conditions, *, key, descending, limit,
         marker=None):
    """Select one page of a table.

    The page is found in an index first; whole rows are read only for what is
    on it.

    :param connection: a database connection
    :param columns: what to select
    :param joined: the FROM clause, which begins with the paged table
    :param conditions: conditions on the paged table
    :param key: column to sort by; ties are sorted by id
    :param descending: whether to sort in falling order
    :param limit: number of rows
    :param marker: row with id and the sorted column after which the page
        begins, or None for the first page
    :returns: list of rows
    """
    table = key.table
    if any(_is_fixed(key, condition) for condition in conditions):
        key = table.c.id
    dialect = connection.dialect.name
    narrow = _narrowest(connection, conditions, key)
    rows, id_, value = _rows(dialect, conditions, key, narrow)
    ranges = _ranges(key, id_, value, descending, marker,
                     dialect in NULLS_LAST)
    if narrow is not None:
        # The few rows are read anyway, and sorted: once is enough.
        ranges = [([sa.or_(*(sa.and_(True, *part) for part, _ in ranges))],
                   [value, id_])]
    ids = _ids(rows, ranges, descending, limit)
    query = sa.select(*columns).select_from(
        ids.join(joined, table.c.id == ids.c.id)).order_by(
        *_directed([ids.c.key, ids.c.id], descending))
    return connection.execute(query).all()


def _directed(columns, descending):
    return [column.desc() if descending else column.asc()
            for column in columns]


def _rows(dialect, conditions, key, narrow):
    """Build the query for all rows, by the right way in.

    :param narrow: column whose filter leaves few rows, or None
    :returns: the query, and its columns: id and key
    """
    id_ = key.table.c.id
    rows = sa.select(id_, key.label('key')).where(*conditions)
    if dialect in MYSQL:
        index = _index_of(key if narrow is None else narrow)
        if index:
            rows = rows.with_hint(key.table, 'FORCE INDEX (%s)' % index)
    elif dialect == POSTGRESQL and narrow is not None:
        few = rows.cte('few').prefix_with('MATERIALIZED')
        return sa.select(few), few.c.id, few.c.key
    return rows, id_, key


def _ids(rows, ranges, descending, limit):
    """Build the query for the ids on the page.

    One condition with OR between the ranges would have the same meaning,
    and make the databases read the whole index of the sort key.
    """
    parts = [rows.where(*part).order_by(*_directed(order, descending))
             .limit(limit) for part, order in ranges]
    if len(parts) == 1:
        return parts[0].subquery('page')
    together = sa.union_all(
        *(sa.select(part.subquery()) for part in parts)).subquery()
    return sa.select(together).order_by(
        *_directed([together.c.key, together.c.id], descending)).limit(
        limit).subquery('page')


def _ranges(key, id_, value, descending, marker, nulls_last):
    """List what comes after the marker: ranges of an index, one each.

    A range is sorted by what it leaves open and no more, else MySQL sorts
    what the index has in order already.

    :param key: column of the table to sort by
    :param id_: the rows' id in the query
    :param value: the rows' value of that column in the query
    :returns: list of (conditions, columns to sort by)
    """
    beyond_id = []
    if marker is not None:
        beyond_id = [id_ < marker.id if descending else id_ > marker.id]
    if key.primary_key:
        return [(beyond_id, [id_])]
    unique = _is_unique(key)
    order = [value] if unique else [value, id_]
    nulls = ([value.is_(None)], [id_])
    if marker is None:
        # NULL may repeat in a unique key.
        if unique and key.nullable:
            return [nulls, ([value.is_not(None)], order)]
        return [([], order)]
    nulls_follow = nulls_last != descending
    after = marker._mapping[key.name]
    if after is None:
        rest = ([value.is_(None), *beyond_id], [id_])
        return [rest] if nulls_follow else [
            rest, ([value.is_not(None)], order)]
    found = [([value < after if descending else value > after], order)]
    if not unique:
        found.append(([value == after, *beyond_id], [id_]))
    if nulls_follow and key.nullable:
        found.append(nulls)
    return found


def _is_unique(column):
    return any(list(constraint.columns) == [column]
               for constraint in _unique_keys(column.table))


def _is_fixed(column, condition):
    """Tell whether a condition leaves just one value of a column."""
    return (getattr(condition, 'operator', None) is operators.eq
            and condition.left is column)


def _narrowest(connection, conditions, key):
    """Find a filter that is the better way in than the sort key's index.

    :returns: its column, or None
    """
    if connection.dialect.name not in (*MYSQL, POSTGRESQL):
        return None
    columns = [column for condition in conditions for column in key.table.c
               if _is_fixed(column, condition) and _index_of(column)]
    if key.primary_key and len(columns) == len(conditions) == 1:
        # Its index has the ids in order.
        return columns[0] if connection.dialect.name in MYSQL else None
    for column in columns:
        rows = sa.select(sa.literal(1)).select_from(key.table).where(
            *(condition for condition in conditions
              if _is_fixed(column, condition))).limit(FEW + 1).subquery()
        if connection.execute(sa.select(sa.func.count()).select_from(
                rows)).scalar() <= FEW:
            return column
    return None


def _index_of(column):
    """Find the index that begins with a column, the shortest if several do.

    :returns: its name, or None
    """
    if column.primary_key:
        return 'PRIMARY'
    table = column.table
    indexes = [*table.indexes, *_unique_keys(table)]
    found = [index for index in indexes if list(index.columns)[0] is column]
    # A unique key does not tell MySQL the order of the NULLs in it.
    found.sort(key=lambda index: (isinstance(index, sa.UniqueConstraint),
                                  len(index.columns)))
    return found[0].name if found else None


def _unique_keys(table):
    return [constraint for constraint in table.constraints
            if isinstance(constraint, sa.UniqueConstraint)]
