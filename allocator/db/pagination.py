# SPDX-License-Identifier: Apache-2.0
"""Pages of a list by keyset: the last page costs what the first one costs."""

import dataclasses
from typing import NamedTuple

import sqlalchemy as sa

from allocator.db import types
from allocator.db import ways

# Where a database puts NULL in rising order.
NULLS_LAST = ('postgresql',)

# Bytes of long columns after which a page takes no further row. Decoded,
# shown and written as JSON they are in memory several times, and each thread
# of a process may have a page at hand.
MAX_BYTES = 4 * 1024 * 1024


class Page(NamedTuple):
    """Part of a list.

    :ivar rows: list of rows; none only if there is nothing to show
    :ivar more: whether more may follow
    """

    rows: list
    more: bool


class Range(NamedTuple):
    """A range of an index.

    :ivar conditions: conditions on its rows
    :ivar order: columns to sort them by
    :ivar is_null: whether these are the rows without a value
    """

    conditions: list
    order: list
    is_null: bool = False


def page(connection, columns, joined, conditions, *, key, descending, limit,
         marker=None, either=(), groups=()):
    """Select one page of a table.

    The page is found in an index first; whole rows are read only for what is
    on it, and only as many as fit into MAX_BYTES, but one at least.

    :param connection: a database connection
    :param columns: what to select
    :param joined: the FROM clause, which begins with the paged table
    :param conditions: conditions on the paged table
    :param key: column to sort by; ties are sorted by id
    :param descending: whether to sort in falling order
    :param limit: number of rows
    :param marker: row with id and the sorted column after which the page
        begins, or None for the first page
    :param either: conditions of which one at least must hold besides, each
        a column's equality with a value
    :param groups: tuples of values of the sort key, in rising order, where
        those of a tuple sort as one; no row may have another value, nor the
        marker. Not together with either
    :returns: Page
    :raises ValueError: for groups together with either
    """
    if groups and either:
        raise ValueError('Groups of values go with no other alternatives')
    table = key.table
    if any(ways.is_fixed(key, condition) for condition in conditions):
        key, groups = table.c.id, ()
    if groups:
        parts, overlap = _parts_of_groups(
            connection, conditions, groups, key, descending, marker), False
    else:
        chosen = ways.find(connection, conditions, either, key)
        nulls_last = connection.dialect.name in NULLS_LAST
        parts = [part for way in chosen for part in _parts(
            way, key, descending, marker, nulls_last)]
        overlap = len(chosen) > 1
    ids = _together([part.limit(limit) for part in parts], overlap,
                    descending, limit)
    long = [column for column in columns if types.is_long(column)]
    if long:
        ids = _fitting(ids, long, descending)
    query = sa.select(*columns).select_from(
        ids.join(joined, table.c.id == ids.c.id)).order_by(
        *_directed([ids.c.key, ids.c.id], descending))
    if not long:
        rows = connection.execute(query).all()
        return Page(rows, len(rows) == limit)
    rows = connection.execute(query.add_columns(ids.c.page_length).where(
        ids.c.bytes_before < MAX_BYTES)).all()
    return Page(rows, bool(rows) and (
        len(rows) == limit or len(rows) < rows[0].page_length))


def _directed(columns, descending):
    return [column.desc() if descending else column.asc()
            for column in columns]


def _parts(way, key, descending, marker, nulls_last):
    """Build the queries for what comes after the marker by one way.

    :returns: list of queries for id and key, each sorted
    """
    rows, id_, value = way.query(key)
    ranges = _ranges(key, id_, value, descending, marker, nulls_last,
                     way.has_id_order)
    if way.is_read_whole:
        # The few rows are read anyway, and sorted: once is enough.
        ranges = [Range([sa.or_(*(sa.and_(True, *part.conditions)
                                  for part in ranges))], [value, id_])]
    return [(way.null_query(rows, key) if part.is_null else rows)
            .where(*part.conditions)
            .order_by(*_directed(part.order, descending)) for part in ranges]


def _parts_of_groups(connection, conditions, groups, key, descending,
                     marker):
    """Build the queries for what comes after the marker, group by group.

    :returns: list of queries for id and the number of the group, each sorted
    """
    place = None if marker is None else next(
        number for number, group in enumerate(groups)
        if marker._mapping[key.name] in group)
    found: list = []
    for number, group in enumerate(groups):
        if place is not None and (
                number > place if descending else number < place):
            continue
        # No row has two values, so these do not overlap.
        for way in ways.find(connection, conditions,
                             [key == value for value in group],
                             key.table.c.id, is_walked=True):
            # All of them are in one statement.
            way = dataclasses.replace(way, number=len(found))
            rows = _part_of_group(way, key, descending,
                                  marker if number == place else None)
            found.append(rows.with_only_columns(
                rows.selected_columns.id,
                sa.literal_column(str(number)).label('key')))
    return found


def _part_of_group(way, key, descending, marker):
    """Build the query for what a way has after the marker, by its ids.

    :param way: ways.Way; one that is not read whole has one value of the key,
        in its last condition
    """
    if marker is None and not way.is_read_whole:
        # Of one value PostgreSQL knows that the order is that of the ids, and
        # reads the table by these until enough rows have it.
        *others, fixed = way.conditions
        rows, id_, value = dataclasses.replace(way, conditions=[
            *others, key.between(fixed.right, fixed.right)]).query(key)
        return rows.order_by(*_directed([value, id_], descending))
    rows, id_, _value = way.query(key)
    if marker is not None:
        rows = rows.where(id_ < marker.id if descending else id_ > marker.id)
    return rows.order_by(*_directed([id_], descending))


def _together(parts, overlap, descending, limit):
    """Build the query for the ids on the page.

    One condition with OR between the ranges would have the same meaning,
    and make the databases read the whole index of the sort key.

    :param parts: queries for id and key, each sorted and limited
    :param overlap: whether a row may come by more than one of them
    """
    if len(parts) == 1:
        return parts[0].subquery('page')
    unite = sa.union if overlap else sa.union_all
    together = unite(
        *(sa.select(part.subquery()) for part in parts)).subquery()
    return sa.select(together).order_by(
        *_directed([together.c.key, together.c.id], descending)).limit(
        limit).subquery('page')


def _fitting(ids, long, descending):
    """Add to each row of a page how much comes before it.

    :param ids: query for id and key
    :param long: the columns that count
    :returns: query for id, key, bytes_before and page_length
    """
    table = long[0].table
    size = sum(sa.func.coalesce(types.octets(column), 0) for column in long)
    before = sa.func.sum(size).over(
        order_by=_directed([ids.c.key, ids.c.id], descending), rows=(None, -1))
    return sa.select(
        ids, sa.func.coalesce(before, 0).label('bytes_before'),
        sa.func.count().over().label('page_length')).select_from(
        ids.join(table, table.c.id == ids.c.id)).subquery('fitting')


def _ranges(key, id_, value, descending, marker, nulls_last, has_id_order):
    """List what comes after the marker: ranges of an index, one each.

    A range is sorted by what it leaves open and no more, else MySQL sorts
    what the index has in order already.

    :param key: column of the table to sort by
    :param id_: the rows' id in the query
    :param value: the rows' value of that column in the query
    :param has_id_order: whether the index has rows of one value by their ids
    :returns: list of Range
    """
    beyond_id = []
    if marker is not None:
        beyond_id = [id_ < marker.id if descending else id_ > marker.id]
    if key.primary_key:
        return [Range(beyond_id, [id_])]
    unique = ways.is_unique(key)
    order = [value] if unique else [value, id_]
    nulls = Range([value.is_(None)], [id_], is_null=True)
    if marker is None:
        # NULL may repeat, in a unique key as well.
        if key.nullable and (unique or not has_id_order):
            return [nulls, Range([value.is_not(None)], order)]
        return [Range([], order)]
    nulls_follow = nulls_last != descending
    after = marker._mapping[key.name]
    if after is None:
        rest = Range([value.is_(None), *beyond_id], [id_], is_null=True)
        return [rest] if nulls_follow else [
            rest, Range([value.is_not(None)], order)]
    # Python's own True and False are nothing to be greater than.
    after = sa.literal(after, key.type)
    found = [Range([value < after if descending else value > after], order)]
    if not unique:
        found.append(Range([value == after, *beyond_id], [id_]))
    if nulls_follow and key.nullable:
        found.append(nulls)
    return found
