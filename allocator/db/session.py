# SPDX-License-Identifier: Apache-2.0
"""Transactions: ``reader()`` and ``writer()``, each on its own connection.

All run in READ COMMITTED: a statement sees what was committed before it
began, and a lock covers just the rows that a statement returned. The default
of MySQL and MariaDB, REPEATABLE READ, locks gaps too and deadlocks under
concurrent claims.
"""

import contextlib
import functools
import threading
import time

from oslo_db import api as oslo_db_api
from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import enginefacade
from oslo_db.sqlalchemy import utils
from oslo_log import log
import sqlalchemy as sa

from allocator import metrics
from allocator.conf import CONF
from allocator.db import outages  # noqa: F401 (teaches oslo.db)

# Lists have hundreds of shapes by filter, sort key and marker. A statement
# that is compiled anew costs a millisecond, a cached one up to 150 KiB.
STATEMENTS_CACHED = 160

# Seconds that a transaction may stand still before the database ends it, so
# that the locks of a paused or unreachable process do not stay.
IDLE_IN_TRANSACTION_TIMEOUT = 10

# What the drivers are told unless the URL of the database says otherwise.
# Without these, a thread would wait for minutes or for ever for a server
# that has gone silently.
URL_DEFAULTS = {
    'pymysql': {
        'connect_timeout': '5', 'read_timeout': '60', 'write_timeout': '60',
        # oslo.db's default, utf8, has no characters of four bytes.
        'charset': 'utf8mb4'},
    'psycopg': {
        'connect_timeout': '5', 'tcp_user_timeout': '30000',
        'keepalives_idle': '10', 'keepalives_interval': '5',
        'keepalives_count': '4'},
}

# Seconds between two attempts to reach the database at the start.
WAIT_INTERVAL = 2

# Milliseconds that SQLite waits for the one writer it admits.
SQLITE_BUSY_TIMEOUT = 30000

LOG = log.getLogger(__name__)

_lock = threading.Lock()
_manager = None
_mode = threading.local()


def _connection_url():
    url = utils.make_url(CONF.database.connection)
    defaults = URL_DEFAULTS.get(url.get_driver_name(), {})
    url = url.update_query_dict(defaults | dict(url.query))
    return url.render_as_string(hide_password=False)


def _get_manager():
    """Get the engines of this process, made at the first call."""
    global _manager
    with _lock:
        if _manager is None:
            manager = enginefacade.transaction_context()
            manager.configure(connection=_connection_url(), sqlite_fk=True,
                              thread_checkin=False)
            manager.append_on_engine_create(_prepare_engine)
            _manager = manager
        return _manager


def dispose():
    """Close all connections, so that the next use makes new ones."""
    global _manager
    with _lock:
        if _manager is not None and _manager._factory._started:
            _manager.dispose_pool()
        _manager = None


def wait():
    """Wait until the database answers, and say so meanwhile."""
    while True:
        try:
            with get_engine().connect():
                return
        except (db_exc.DBError, sa.exc.DBAPIError) as exc:
            LOG.warning('Waiting for the database: %s', exc)
            time.sleep(WAIT_INTERVAL)


def ping():
    """Ask the database for an answer, once."""
    with reader() as connection:
        connection.execute(sa.select(1))


def get_engine():
    """Get the engine of the configured database.

    :returns: sqlalchemy.Engine
    """
    return _get_manager().writer.get_engine()


def _prepare_engine(engine):
    prepare = {'sqlite': _prepare_sqlite, 'postgresql': _prepare_postgresql,
               'mysql': _prepare_mysql, 'mariadb': _prepare_mysql}
    sa.event.listen(engine, 'connect', prepare[engine.dialect.name])
    # oslo.db has tried a connection already, which is not prepared.
    engine.dispose()
    engine.update_execution_options(
        compiled_cache=sa.util.LRUCache(STATEMENTS_CACHED))
    if engine.dialect.name == 'sqlite':
        sa.event.listen(engine, 'begin', _begin_sqlite)


def _prepare_mysql(connection, _record):
    with connection.cursor() as cursor:
        cursor.execute(
            'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
        cursor.execute("SHOW VARIABLES LIKE 'idle_transaction_timeout'")
        if cursor.fetchone():  # MariaDB has it, MySQL has not
            cursor.execute('SET SESSION idle_transaction_timeout = %d'
                           % IDLE_IN_TRANSACTION_TIMEOUT)


def _prepare_postgresql(connection, _record):
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


def _prepare_sqlite(connection, _record):
    connection.execute('PRAGMA busy_timeout = %d' % SQLITE_BUSY_TIMEOUT)
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute('PRAGMA synchronous = NORMAL')


def _begin_sqlite(connection):
    # A writer takes the lock at once: SQLite has no row locks, and a reader
    # that turns writer may find that it must not. oslo.db's own listener ran
    # before this one and began a transaction that does not lock.
    if getattr(_mode, 'writing', False):
        connection.exec_driver_sql('ROLLBACK')
        connection.exec_driver_sql('BEGIN IMMEDIATE')


def reader():
    """Open a transaction that reads.

    :returns: context manager that gives a sqlalchemy.Connection
    """
    return get_engine().connect()


@contextlib.contextmanager
def writer():
    """Open a transaction that writes, committed when the block ends.

    :returns: context manager that gives a sqlalchemy.Connection
    """
    outer, _mode.writing = getattr(_mode, 'writing', False), True
    try:
        with get_engine().begin() as connection:
            yield connection
    finally:
        _mode.writing = outer


def retried(function):
    """Repeat a transaction that the database gave up.

    For a function that is one whole transaction: deadlocks, serialization
    failures and lost connections leave nothing behind, so it runs again.

    :param function: the function to decorate
    """
    @functools.wraps(function)
    @oslo_db_api.wrap_db_retry(
        max_retries=5, retry_interval=0.05, inc_retry_interval=True,
        max_retry_interval=1, retry_on_deadlock=True,
        retry_on_disconnect=True)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (db_exc.DBDeadlock, db_exc.DBConnectionError) as exc:
            metrics.count('database_errors_total',
                          transaction=function.__name__.lstrip('_'),
                          error=type(exc).__name__)
            raise
    return wrapper
