# SPDX-License-Identifier: Apache-2.0
"""Connections: how each is made, and how transactions begin and end on it.

A round trip costs more than most statements, so none is made for nothing:

* A connection is in the driver's autocommit mode. A statement alone, which is
  what most that reads is, is a transaction by itself; only one that writes
  with several statements sends BEGIN, and COMMIT or ROLLBACK.
* A connection that comes back to the pool after COMMIT is not rolled back.
* No connection is asked whether it still stands before it is used. One that
  does not fails at its first statement, the pool then drops all that are as
  old, and ``session.retried`` begins anew.
"""

import sqlalchemy as sa

from allocator.conf import CONF

# Seconds that a transaction may stand still before the database ends it, so
# that the locks of a paused or unreachable process do not stay.
IDLE_IN_TRANSACTION_TIMEOUT = 10

# To a Galera cluster: a transaction that begins by reading waits until its
# server has applied what any other one had committed by then. The bit for
# reading, of the variable wsrep_sync_wait.
CAUSAL_READS = 1

# To MySQL and MariaDB: from so many values in a list on, the statistics of the
# index tell how many rows there may be. To look each value up, for up to 200
# profiles, took half the time of locking a node.
LOOKED_UP = 10

# Milliseconds that SQLite waits for the one writer it admits.
SQLITE_BUSY_TIMEOUT = 30000


#: What a thread opens a connection for: statements that read, each by itself;
#: one statement that writes; or a transaction.
READS = 'reads'
ONE_WRITE = 'one write'
TRANSACTION = 'transaction'


def prepare(engine, purpose):
    """Have an engine make and use its connections so.

    :param engine: sqlalchemy.Engine, which has just been made
    :param purpose: function that tells for what the calling thread opens a
        connection: READS, ONE_WRITE, TRANSACTION, or None if that is unknown
    """
    set_up = {'sqlite': _set_up_sqlite, 'postgresql': _set_up_postgresql,
              'mysql': _set_up_mysql, 'mariadb': _set_up_mysql}
    sa.event.listen(engine, 'connect', set_up[engine.dialect.name])
    if engine.dialect.name == 'sqlite':
        _begin_if(engine, lambda: purpose() in (ONE_WRITE, TRANSACTION),
                  _begin_sqlite)
    elif engine.dialect.driver in _CONNECT:
        sa.event.listen(engine, 'do_connect', _CONNECT[engine.dialect.driver])
        _begin_if(engine, lambda: purpose() not in (READS, ONE_WRITE),
                  _begin)
    # Any other driver begins transactions by itself.
    # oslo.db has this set, and no option against it.
    engine.pool._pre_ping = False
    # oslo.db has tried a connection already, which is not prepared.
    engine.dispose()


def _begin_if(engine, is_wanted, begin):
    @sa.event.listens_for(engine, 'begin')
    def _listen(connection):
        if is_wanted():
            begin(connection)


def _connect_pymysql(_dialect, _record, arguments, options):
    from allocator.db import mysql_connection  # the driver may be missing
    return mysql_connection.Connection(
        *arguments, **options | {'autocommit': True,
                                 'conv': mysql_connection.CONVERSIONS})


def _connect_psycopg(_dialect, _record, _arguments, options):
    options['autocommit'] = True


_CONNECT = {'pymysql': _connect_pymysql, 'psycopg': _connect_psycopg}


def _begin(connection):
    connection.exec_driver_sql('BEGIN')


def _begin_sqlite(connection):
    # A writer takes the lock at once: SQLite has no row locks, and a reader
    # that turns writer may find that it must not. oslo.db's own listener ran
    # before this one and began a transaction that does not lock.
    connection.exec_driver_sql('ROLLBACK')
    connection.exec_driver_sql('BEGIN IMMEDIATE')


def _set_up_mysql(connection, _record):
    with connection.cursor() as cursor:
        cursor.execute(
            'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
        cursor.execute('SET SESSION eq_range_index_dive_limit = %d'
                       % LOOKED_UP)
        cursor.execute('SHOW VARIABLES WHERE Variable_name IN '
                       "('idle_transaction_timeout', 'wsrep_on')")
        found = dict(cursor.fetchall())
        # MariaDB has it, MySQL has not.
        if 'idle_transaction_timeout' in found:
            cursor.execute('SET SESSION idle_transaction_timeout = %d'
                           % IDLE_IN_TRANSACTION_TIMEOUT)
        # Otherwise a client that asks another server than it has written to,
        # or a conductor that a message calls, may find nothing there yet.
        if (found.get('wsrep_on') == 'ON'
                and CONF.database.mysql_wsrep_sync_wait is None):
            cursor.execute('SET SESSION wsrep_sync_wait = '
                           '@@SESSION.wsrep_sync_wait | %d' % CAUSAL_READS)


def _set_up_postgresql(connection, _record):
    with connection.cursor() as cursor:
        cursor.execute('SET SESSION CHARACTERISTICS AS TRANSACTION '
                       'ISOLATION LEVEL READ COMMITTED')
        cursor.execute("SET idle_in_transaction_session_timeout = '%ds'"
                       % IDLE_IN_TRANSACTION_TIMEOUT)
        # To find a few of very many rows it would rather begin to read the
        # table, where those wanted may stand last. Every query has an index.
        cursor.execute('SET enable_seqscan = off')
        # Where no index helps, that setting makes the reading of a table look
        # very costly, and compiling the statement, for 30 ms, worth while.
        cursor.execute('SET jit = off')
    connection.commit()


def _set_up_sqlite(connection, _record):
    connection.execute('PRAGMA busy_timeout = %d' % SQLITE_BUSY_TIMEOUT)
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute('PRAGMA synchronous = NORMAL')
