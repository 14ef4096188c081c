# SPDX-License-Identifier: Apache-2.0
"""Rows of allocations, told from those that nobody can read.

What is broken in a row was written by something outside of this service; it
must not keep others from being served, nor from being told.
"""

import sqlalchemy as sa

from allocator.common import constraints
from allocator.db import models
from allocator.db import suitability

_allocation = models.Allocation.__table__

# What documents raise that are none, or not of the form that is expected.
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def read(connection, query, ids):
    """Read allocations, except for those that cannot be read.

    :param connection: a database connection
    :param query: select of allocations
    :param ids: their ids
    :returns: list of rows, and set of the ids of those that are broken
    """
    try:
        rows = connection.execute(
            query.where(_allocation.c.id.in_(ids))).all()
    except _BROKEN:
        if len(ids) == 1:
            return [], set(ids)
        rows, broken = [], set()
        for id_ in ids:
            found, illegible = read(connection, query, [id_])
            rows += found
            broken |= illegible
        return rows, broken
    broken = {row.id for row in rows if not _makes_sense(row)}
    return [row for row in rows if row.id not in broken], broken


def _makes_sense(row: sa.Row):
    """Tell whether what an allocation asks for can be understood."""
    try:
        requirement = suitability.requirement_of(row)
        constraints.property_demands(requirement.properties)
    except _BROKEN:
        return False
    return True
