# SPDX-License-Identifier: Apache-2.0
"""Ends connections to a database, as its administrator would."""

import contextlib

import sqlalchemy as sa

_OTHERS = {
    'mysql': 'SELECT id FROM information_schema.processlist WHERE '
             'db = database() AND id <> connection_id()',
    'postgresql': 'SELECT pid FROM pg_stat_activity WHERE datname = '
                  'current_database() AND pid <> pg_backend_pid()',
}


def kill_all(engine):
    """Kill all connections to a database but the one that does it.

    :param engine: sqlalchemy.Engine of a database that no others use
    :returns: number of the connections
    """
    kind = engine.dialect.name
    kill = {'mysql': 'KILL %d',
            'postgresql': 'SELECT pg_terminate_backend(%d)'}[kind]
    with engine.connect() as connection:
        ids = connection.exec_driver_sql(_OTHERS[kind]).scalars().all()
        for id_ in ids:
            # It may have ended by itself.
            with contextlib.suppress(sa.exc.OperationalError):
                connection.exec_driver_sql(kill % id_)
        connection.rollback()
    return len(ids)
