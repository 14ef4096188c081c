# SPDX-License-Identifier: Apache-2.0
"""A database with tables, opened by the process of the test itself."""

import contextlib

import fixtures
import sqlalchemy as sa

from allocator.conf import CONF
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures as unit_fixtures
from allocator.tests.functional import databases


class Open(fixtures.Fixture):
    """Has allocator.db use a database of its own.

    :param kind: one of databases.ALL
    :param tables: whether it has tables
    :ivar configuration: fixture that sets options
    :ivar database: databases.Database, whose engine is not allocator.db's
    """

    def __init__(self, kind, tables=True):
        self._kind = kind
        self._tables = tables

    def _setUp(self):
        self.configuration = self.useFixture(unit_fixtures.Configuration())
        self.database = self.useFixture(databases.Database(self._kind))
        CONF.set_override('connection', self.database.url, group='database')
        self.addCleanup(CONF.clear_override, 'connection', group='database')
        session.dispose()
        self.addCleanup(session.dispose)
        if self._tables:
            models.Base.metadata.create_all(session.get_engine())


@contextlib.contextmanager
def statements():
    """Watch what allocator.db sends to the database.

    :returns: context manager that gives a list of (SQL, parameters), which
        grows; transactions' begin and end are not in it
    """
    seen = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        # SQLite's driver is sent BEGIN and ROLLBACK like any other.
        if statement.startswith(('SELECT', 'INSERT', 'UPDATE', 'DELETE')):
            seen.append((statement, parameters))

    engine = session.get_engine()
    sa.event.listen(engine, 'before_cursor_execute', note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, 'before_cursor_execute', note)


@contextlib.contextmanager
def before(part, act):
    """Act just before allocator.db sends a statement, once.

    :param part: function that takes the SQL and tells whether it is the one
    :param act: function without parameters
    """
    done = []

    def look(_connection, _cursor, statement, _parameters, _context, _many):
        if not done and part(statement):
            done.append(True)
            act()

    engine = session.get_engine()
    sa.event.listen(engine, 'before_cursor_execute', look)
    try:
        yield
    finally:
        sa.event.remove(engine, 'before_cursor_execute', look)
    assert done, 'no such statement was sent'
