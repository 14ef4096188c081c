# SPDX-License-Identifier: Apache-2.0
"""Transactions: ``reader()`` and ``writer()``, each on its own connection.

All run in READ COMMITTED: a statement sees what was committed before it
began, and a lock covers just the rows that a statement returned. The default
of MySQL and MariaDB, REPEATABLE READ, locks gaps too and deadlocks under
concurrent claims.
"""

import contextlib
import functools
import random
import threading
import time

from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import enginefacade
from oslo_db.sqlalchemy import utils
from oslo_log import log
import sqlalchemy as sa

from allocator.conf import CONF
from allocator.db import connections
from allocator.db import outages  # noqa: F401 (teaches oslo.db)
from allocator.db import statement_spans
from allocator.telemetry import metrics

# Lists have hundreds of shapes by filter, sort key and marker. A statement
# that is compiled anew costs a millisecond, a cached one up to 150 KiB.
STATEMENTS_CACHED = 160

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

# Seconds for which a transaction that loses to others is begun anew, and
# times that one is whose connection is lost: by then, within two seconds, a
# server that refuses connections shall have made an answer of 503.
CONFLICT_PATIENCE = 20
# One for many allocations is halved then, which may help it at once.
BATCH_PATIENCE = 2
RECONNECTS = 5

# Seconds before a transaction is begun anew, doubled from time to time.
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1

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


def wait(tried=lambda: None):
    """Wait until the database answers, and say so meanwhile.

    :param tried: function called at each attempt
    """
    while True:
        tried()
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
    connections.prepare(engine, lambda: getattr(_mode, 'purpose', None))
    statement_spans.follow(engine)
    engine.update_execution_options(
        compiled_cache=sa.util.LRUCache(STATEMENTS_CACHED))


@contextlib.contextmanager
def reader():
    """Open a connection that reads.

    Each statement sees what was committed before it; no transaction spans
    them. It may be opened while one that writes is open, and sees nothing of
    that.

    :returns: context manager that gives a sqlalchemy.Connection
    """
    with _opened_for(connections.READS):
        with get_engine().connect() as connection:
            yield connection


@contextlib.contextmanager
def writer(is_single=False):
    """Open a transaction that writes, committed when the block ends.

    :param is_single: whether the block has but one statement: that is a
        transaction by itself then, committed when it returns, so that neither
        BEGIN nor COMMIT is sent
    :returns: context manager that gives a sqlalchemy.Connection
    """
    purpose = connections.ONE_WRITE if is_single else connections.TRANSACTION
    with _opened_for(purpose), get_engine().begin() as connection:
        yield connection


@contextlib.contextmanager
def _opened_for(purpose):
    outer, _mode.purpose = getattr(_mode, 'purpose', None), purpose
    try:
        yield
    finally:
        _mode.purpose = outer


class Attempts:
    """What the attempts of one retried transaction have written so far.

    The COMMIT of an attempt may have been done although its acknowledgement
    was lost. The next attempt, which finds rows changed, tells by this its
    predecessor's traces from somebody else's. To be made by whoever calls a
    retried function, and given to each of its attempts.

    :ivar last: what the last attempt that came as far as COMMIT noted; None
        if there was none
    """

    def __init__(self):
        self.last = None

    def note(self, written):
        """Note what is about to be committed.

        :param written: whatever tells the next attempt that it was
        """
        self.last = written


def retried(function, patience=lambda: CONFLICT_PATIENCE):
    """Repeat a transaction that the database gave up.

    For a function that is one whole transaction: deadlocks, serialization
    failures and lost connections leave nothing behind, so it runs again.
    Galera has a transaction fail as deadlocked, even at its COMMIT, if one at
    another server was faster; where no lock makes them queue, one may lose
    many times.

    :param function: the function to decorate
    :param patience: function that tells for how many seconds it is begun
        anew when it loses to others
    """
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        deadline = time.monotonic() + patience()
        reconnects, pause = RECONNECTS, FIRST_PAUSE
        while True:
            try:
                return function(*args, **kwargs)
            except db_exc.DBDeadlock as exc:
                _count(function, exc)
                if time.monotonic() > deadline:
                    raise
                # Those who met shall not meet again.
                time.sleep(random.uniform(0, pause))  # nosec: no secret
            except db_exc.DBConnectionError as exc:
                _count(function, exc)
                if not reconnects:
                    raise
                reconnects -= 1
                time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
    return wrapper


def retried_briefly(function):
    """Repeat a transaction for many allocations, which can be halved too.

    :param function: the function to decorate
    """
    return retried(function, lambda: BATCH_PATIENCE)


def _count(function, error):
    metrics.count('database_errors_total',
                  transaction=function.__name__.lstrip('_'),
                  error=type(error).__name__)
