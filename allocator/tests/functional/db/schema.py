# SPDX-License-Identifier: Apache-2.0
"""A database with tables, opened by the process of the test itself."""

import contextlib

import fixtures
import sqlalchemy as sa

from allocator.conf import CONF
from allocator.db import backends
from allocator.db import installation
from allocator.db import known_conductors
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures as unit_fixtures
from allocator.tests.functional import databases
from allocator.tests.functional import round_trips

_PORTS = {databases.MYSQL: 3306, databases.POSTGRESQL: 5432}


class Open(fixtures.Fixture):
    """Has allocator.db use a database of its own.

    :param kind: one of databases.ALL
    :param tables: whether it gets tables
    :param database: databases.Database to use instead of one of its own
    :ivar configuration: fixture that sets options
    :ivar database: databases.Database, whose engine is not allocator.db's
    """

    def __init__(self, kind, tables=True, database=None):
        self._kind = kind
        self._tables = tables
        self.database = database

    def _setUp(self):
        self.configuration = self.useFixture(unit_fixtures.Configuration())
        if self.database is None:
            self.database = self.useFixture(databases.Database(self._kind))
        CONF.set_override('connection', self.database.url, group='database')
        self.addCleanup(CONF.clear_override, 'connection', group='database')
        session.dispose()
        self.addCleanup(session.dispose)
        known_profiles.forget()
        backends.forget()
        installation.forget()
        known_conductors.forget()
        if self._tables:
            models.Base.metadata.create_all(session.get_engine())


def relayed(test, opened):
    """Have allocator.db reach its database through a relay from here on.

    :param test: the test case
    :param opened: Open, of a database that has a server
    :returns: round_trips.Relay
    """
    url = sa.make_url(opened.database.url)
    relay = test.useFixture(round_trips.Relay(
        url.host, url.port or _PORTS[opened.database.kind]))
    CONF.set_override('connection', url.set(
        host='127.0.0.1', port=relay.port).render_as_string(
            hide_password=False), group='database')
    session.dispose()
    return relay


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
