# SPDX-License-Identifier: Apache-2.0
"""Which errors of a database are outages: worth another try, or a 503.

oslo.db knows most of them by their text. Here are those it does not know: a
connection to PostgreSQL that could not be made at all, and the ways in which
a server that stops, fails over or loses patience ends a transaction.
Importing this module teaches them to oslo.db.
"""

from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import exc_filters
import sqlalchemy as sa

#: No answer is to be had.
AWAY = (db_exc.DBConnectionError, db_exc.DBNonExistentDatabase,
        # MySQL turns the service's user away.
        sa.exc.OperationalError)

#: Somebody else was in the way: locks, or all connections in use.
BUSY = (db_exc.DBDeadlock, sa.exc.TimeoutError)

#: Whatever a database, or what is in between, may complain of.
ANY = (db_exc.DBError, sa.exc.SQLAlchemyError)

# Error numbers of MySQL and MariaDB.
MYSQL = {
    1040,  # too many connections
    1053,  # the server is shutting down
    1180,  # COMMIT failed: the server has lost its Galera cluster
    1290,  # the server has become read-only
    1317,  # the statement was interrupted
    1836,  # read-only mode
    1927,  # the connection was killed
    4031,  # the server ended an idle connection
}

# SQLSTATEs of PostgreSQL.
POSTGRESQL = {
    '25006',  # the server has become read-only
    '25P03',  # the transaction stood still for too long
    '53300',  # too many connections
    '57P01', '57P02', '57P03',  # stopped, crashed, starting
}
POSTGRESQL_CONFLICTS = {'40001', '40P01'}


@exc_filters.filters('mysql', sa.exc.DBAPIError, '')
def _mysql(error, _match, _engine, _is_disconnect):
    if error.orig.args and error.orig.args[0] in MYSQL:
        raise db_exc.DBConnectionError(error)


@exc_filters.filters('postgresql', sa.exc.DBAPIError, '')
def _postgresql(error, _match, _engine, _is_disconnect):
    state = getattr(error.orig, 'sqlstate', None)
    if state in POSTGRESQL_CONFLICTS:
        raise db_exc.DBDeadlock(error)
    # No state at all: the driver itself could not reach the server.
    lost = isinstance(error, sa.exc.OperationalError) and state is None
    if lost or state in POSTGRESQL:
        raise db_exc.DBConnectionError(error)
