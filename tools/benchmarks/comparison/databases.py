# SPDX-License-Identifier: Apache-2.0
"""A database for each side, made for the comparison and dropped after it."""

import contextlib
import os
import uuid

import sqlalchemy as sa

from benchmarks import seeding


@contextlib.contextmanager
def database(url, folder):
    """Have an empty database.

    :param url: SQLAlchemy URL of a database of the same server; the user
        may make others whose names begin with this one's
    :param folder: where one of SQLite goes
    :returns: context of the database's URL and sqlalchemy.Engine
    """
    server = sa.make_url(url)
    name = '%s_%s' % (server.database or 'benchmark', uuid.uuid4().hex[:8])
    if server.get_backend_name() == 'sqlite':
        path = os.path.join(folder, os.path.basename(name) + '.sqlite')
        with _engine('sqlite:///' + path) as engine:
            yield 'sqlite:///' + path, engine
        return
    _administer(server, 'CREATE DATABASE ' + name)
    try:
        own = server.set(database=name).render_as_string(hide_password=False)
        with _engine(own) as engine:
            yield own, engine
    finally:
        # PostgreSQL alone refuses while somebody is connected.
        force = (' WITH (FORCE)'
                 if server.get_backend_name() == 'postgresql' else '')
        _administer(server, 'DROP DATABASE %s%s' % (name, force))


@contextlib.contextmanager
def _engine(url):
    engine = seeding.connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _administer(server, statement):
    engine = sa.create_engine(server, isolation_level='AUTOCOMMIT')
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
