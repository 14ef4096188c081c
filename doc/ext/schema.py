# SPDX-License-Identifier: Apache-2.0
"""Draws the tables of the database, from the models."""

import sqlalchemy as sa

from allocator.db import models

_HEADER = """digraph schema {
    graph [rankdir=LR, ranksep=1.2, nodesep=0.3];
    node [shape=plain, fontname="sans-serif", fontsize=10];
    edge [color="#555555"];
"""
_ROW = ('<tr><td port="%s" align="left">%s</td>'
        '<td align="left">%s</td>'
        '<td port="%s_out" align="left">%s</td></tr>')


def draw():
    """Draw every table and foreign key.

    :returns: source for Graphviz's dot
    """
    tables = models.Base.metadata.sorted_tables
    parts = [_HEADER]
    parts += [_table(table) for table in tables]
    parts += [_edge(table, key) for table in tables
              for key in sorted(table.foreign_keys,
                                key=lambda key: key.parent.name)]
    return ''.join([*parts, '}\n'])


def _table(table):
    unique = {constraint.columns.keys()[0]
              for constraint in table.constraints
              if isinstance(constraint, sa.UniqueConstraint)
              and len(constraint.columns) == 1}
    rows = ''.join(_ROW % (column.name, column.name, _type(column),
                           column.name, _marks(column, unique))
                   for column in table.columns)
    return ('    %s [label=<<table border="0" cellborder="1" '
            'cellspacing="0" cellpadding="3"><tr><td colspan="3" '
            'bgcolor="#dde7f0"><b>%s</b></td></tr>%s</table>>];\n'
            % (table.name, table.name, rows))


def _type(column):
    kind = column.type
    name = type(kind).__name__
    length = getattr(kind, 'length', None)
    return '%s(%d)' % (name, length) if length else name


def _marks(column, unique):
    marks = []
    if column.primary_key:
        marks.append('key')
    elif column.name in unique:
        marks.append('unique')
    if column.computed is not None:
        marks.append('computed')
    elif not column.nullable and not column.primary_key:
        marks.append('not null')
    return ', '.join(marks)


def _edge(table, key):
    return '    %s:%s_out:e -> %s:%s:w;\n' % (
        table.name, key.parent.name, key.column.table.name, key.column.name)
