# SPDX-License-Identifier: Apache-2.0
"""Each statement to the database is a span of the trace it is a part of.

OpenTelemetry's own instrumentation does not know the SQLAlchemy of today.
"""

import re

import sqlalchemy as sa

from allocator.telemetry import tracing

# What SQLAlchemy keeps for the time of a statement has a place for it.
_SPAN = '_allocator_span'

# The table that a statement is about, or the first of them.
_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+[`"]?(\w+)', re.IGNORECASE)


def follow(engine):
    """Have the statements of an engine be traced, unless traces are off.

    :param engine: sqlalchemy.Engine
    """
    if tracing.is_on():
        sa.event.listen(engine, 'before_cursor_execute', _begin)
        sa.event.listen(engine, 'after_cursor_execute', _end)
        sa.event.listen(engine, 'handle_error', _fail)


def _begin(connection, _cursor, statement, _parameters, context, _many):
    table = _TABLE.search(statement)
    setattr(context, _SPAN, tracing.statement(
        statement.split(None, 1)[0].upper(), table[1] if table else '',
        connection.dialect.name, statement))


def _end(_connection, _cursor, _statement, _parameters, context, _many):
    getattr(context, _SPAN).end()


def _fail(error):
    span = getattr(error.execution_context, _SPAN, None)
    if span is not None:
        # Not its message: there may be values in it.
        span.set_attribute('error.type',
                           type(error.original_exception).__name__)
        span.end()
