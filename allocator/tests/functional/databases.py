# SPDX-License-Identifier: Apache-2.0
"""The databases and the broker that the tests run against.

``ALLOCATOR_TEST_DATABASES`` names some of sqlite, mysql and postgresql,
separated by commas. ``ALLOCATOR_TEST_MYSQL_URL`` and
``ALLOCATOR_TEST_POSTGRESQL_URL`` are SQLAlchemy URLs of a database whose
user may make others; ``ALLOCATOR_TEST_RABBITMQ_URL`` is a transport URL.
Their defaults are what tools/test-setup makes.
"""

import os
import uuid

import fixtures
import sqlalchemy as sa

SQLITE = 'sqlite'
MYSQL = 'mysql'
POSTGRESQL = 'postgresql'
ALL = (SQLITE, MYSQL, POSTGRESQL)

# Those that several processes can share.
SERVERS = (MYSQL, POSTGRESQL)

_ADDRESS = 'allocator_test:allocator_test@127.0.0.1/allocator_test'
_DEFAULTS = {MYSQL: 'mysql+pymysql://' + _ADDRESS,
             POSTGRESQL: 'postgresql+psycopg://' + _ADDRESS}


def under_test():
    """List the kinds of databases that this run is about."""
    chosen = os.environ.get('ALLOCATOR_TEST_DATABASES')
    if not chosen:
        return ALL
    kinds = tuple(kind.strip() for kind in chosen.split(','))
    unknown = set(kinds).difference(ALL)
    if unknown:
        raise ValueError('ALLOCATOR_TEST_DATABASES names %s; there are %s'
                         % (', '.join(sorted(unknown)), ', '.join(ALL)))
    return kinds


def broker_url():
    """Get the transport URL of RabbitMQ."""
    return (os.environ.get('ALLOCATOR_TEST_RABBITMQ_URL')
            or 'rabbit://' + _ADDRESS)


def _server_url(kind):
    return sa.make_url(
        os.environ.get('ALLOCATOR_TEST_%s_URL' % kind.upper())
        or _DEFAULTS[kind])


class Database(fixtures.Fixture):
    """An empty database of its own, dropped at the end.

    :param kind: one of ALL
    :param server: sqlalchemy.URL of the server, unless it is the tests' usual
        one of that kind
    :ivar name: its name
    :ivar url: its SQLAlchemy URL, password included
    :ivar engine: sqlalchemy.Engine of the test, READ COMMITTED
    """

    def __init__(self, kind, server=None):
        self.kind = kind
        self._server = server
        self.name = 'allocator_test_' + uuid.uuid4().hex[:12]

    def _setUp(self):
        if self.kind == SQLITE:
            folder = self.useFixture(fixtures.TempDir()).path
            self.url = 'sqlite:///%s/%s.sqlite' % (folder, self.name)
            self._connect({'connect_args': {'timeout': 30}})
            return
        server = self._server or _server_url(self.kind)
        self._administer(server, 'CREATE DATABASE %s' % self.name)
        self.addCleanup(self._administer, server, self._drop())
        url = server.set(database=self.name)
        if self.kind == MYSQL:
            url = url.update_query_dict({'charset': 'utf8mb4'})
        self.url = url.render_as_string(hide_password=False)
        self._connect({'isolation_level': 'READ COMMITTED'})

    def _connect(self, options):
        self.engine = sa.create_engine(self.url, **options)
        self.addCleanup(self.engine.dispose)

    def _drop(self):
        # PostgreSQL alone refuses while somebody is connected.
        force = ' WITH (FORCE)' if self.kind == POSTGRESQL else ''
        return 'DROP DATABASE %s%s' % (self.name, force)

    @staticmethod
    def _administer(server, statement):
        engine = sa.create_engine(server, isolation_level='AUTOCOMMIT')
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()
