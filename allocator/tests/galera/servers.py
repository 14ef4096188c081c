# SPDX-License-Identifier: Apache-2.0
"""A Galera cluster of the test's own: MariaDB servers on 127.0.0.1.

They need no privileges; started by root they run as the user ``mysql``.
``ALLOCATOR_TEST_GALERA_PROVIDER`` names the library, if it is nowhere that a
distribution puts it.
"""

import contextlib
import getpass
import glob
import os
import re
import shutil
import subprocess

import fixtures
import sqlalchemy as sa

from allocator.tests.functional import fixtures as service
from allocator.tests.functional import processes
from allocator.tests.functional import waiting

# The user that root starts the servers as.
UNPRIVILEGED = 'mysql'

# The account at the servers, and its password.
ACCOUNT = 'allocator_test'

# Seconds until a server has joined, a whole copy of the data included.
JOIN = 90

# Seconds for a command that ends by itself.
PATIENCE = 60

# Where only root's PATH looks.
_PATH = os.pathsep.join([os.environ.get('PATH', ''), '/usr/local/sbin',
                         '/usr/sbin', '/usr/local/bin', '/usr/libexec'])

_PROVIDERS = ('/usr/lib*/galera*/libgalera_smm.so',
              '/usr/lib*/libgalera_smm.so',
              '/usr/lib/*/galera*/libgalera_smm.so',
              '/usr/local/lib*/galera*/libgalera_smm.so')

# Counters of transactions that failed at COMMIT, and of those before it.
_CONFLICTS = ('wsrep_local_cert_failures', 'wsrep_local_bf_aborts')

_CONFIGURATION = """\
[mysqld]
datadir = {folder}/data
socket = {folder}/socket
pid-file = {folder}/pid
tmpdir = {folder}
bind-address = 127.0.0.1
port = {port}
skip-name-resolve
character-set-server = utf8mb4
max_connections = 400
performance_schema = OFF
innodb_buffer_pool_size = 64M
innodb_log_file_size = 32M
# What a killed process has written is not lost with it.
innodb_flush_log_at_trx_commit = 2
# Galera needs these.
binlog_format = ROW
default_storage_engine = InnoDB
innodb_autoinc_lock_mode = 2
wsrep_on = ON
wsrep_provider = {provider}
wsrep_cluster_name = allocator-test
wsrep_cluster_address = gcomm://{members}
wsrep_node_name = {name}
wsrep_node_address = 127.0.0.1:{group_port}
wsrep_slave_threads = 2
wsrep_sst_method = rsync
wsrep_sst_receive_address = 127.0.0.1:{state_port}
wsrep_provider_options = "gcache.size=64M; \
gmcast.listen_addr=tcp://127.0.0.1:{group_port}; \
ist.recv_addr=127.0.0.1:{increment_port}"
"""


def find_provider():
    """Find the library that makes a MariaDB server a member of a cluster.

    :raises: RuntimeError if there is none
    """
    named = os.environ.get('ALLOCATOR_TEST_GALERA_PROVIDER')
    found = [named] if named else [path for pattern in _PROVIDERS
                                   for path in sorted(glob.glob(pattern))]
    if not found:
        raise RuntimeError('There is no libgalera_smm.so: run '
                           'tools/test-setup galera')
    return found[0]


def find_command(*names):
    """Find the first of some commands that is installed.

    :raises: RuntimeError if none is
    """
    for name in names:
        if path := shutil.which(name, path=_PATH):
            return path
    raise RuntimeError('There is no %s: run tools/test-setup galera'
                       % ' or '.join(names))


def _user_options():
    return ['--user=' + UNPRIVILEGED] if os.geteuid() == 0 else []


def _give(path):
    """Give a file or folder to the user that the servers run as."""
    if os.geteuid() == 0:
        shutil.chown(path, UNPRIVILEGED, UNPRIVILEGED)


def _engine(url):
    """Make an engine that sends what it is given, and nothing else."""
    return sa.create_engine(url, poolclass=sa.NullPool,
                            isolation_level='AUTOCOMMIT',
                            # A server outside of a cluster refuses ROLLBACK.
                            pool_reset_on_return=None,
                            skip_autocommit_rollback=True)


class Server:
    """One MariaDB server, a member of the cluster.

    :param number: which one it is, counted from 0
    :param folder: folder of its own
    :ivar port: port for clients
    :ivar group_port: port for the other members
    """

    def __init__(self, number, folder):
        self.name = 'server-%d' % number
        self.number = number
        self.folder = folder
        self.port = service.free_port()
        self.group_port = service.free_port()
        self._options = [
            '--defaults-file=' + os.path.join(folder, 'my.cnf'),
            *_user_options()]
        self._process = None
        self._engine = None
        self._past_conflicts = 0

    def prepare(self, members):
        """Make its folder and configuration.

        :param members: addresses of all members
        """
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, 'my.cnf'), 'w') as file:
            file.write(_CONFIGURATION.format(
                folder=self.folder, port=self.port, name=self.name,
                group_port=self.group_port, members=','.join(members),
                state_port=service.free_port(),
                increment_port=service.free_port(),
                provider=find_provider()))
        _give(self.folder)
        self.empty()

    @property
    def data(self):
        """Folder of the data."""
        return os.path.join(self.folder, 'data')

    @property
    def socket(self):
        return os.path.join(self.folder, 'socket')

    @property
    def pid(self):
        return self._process.pid

    @property
    def is_running(self):
        return self._process is not None and self._process.is_running

    def empty(self):
        """Throw the data away: the next start copies another member's."""
        shutil.rmtree(self.data, ignore_errors=True)
        os.mkdir(self.data)
        _give(self.data)

    def install(self):
        """Make the system tables, as the first member needs them."""
        made = subprocess.run(
            [find_command('mariadb-install-db', 'mysql_install_db'),
             '--no-defaults', '--datadir=' + self.data, '--skip-test-db',
             '--auth-root-authentication-method=socket',
             '--auth-root-socket-user=' + getpass.getuser(),
             *_user_options()],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=PATIENCE, stdin=subprocess.DEVNULL)
        if made.returncode:
            raise RuntimeError('mariadb-install-db failed: ' + made.stdout)

    def start(self, *options):
        """Start it; does not wait until it has joined."""
        self._process = processes.Process(
            self.name, os.path.join(self.folder, 'log'),
            find_command('mariadbd', 'mysqld'), *self._options, *options)
        self._process.start()

    def restart(self):
        """Start it where it was killed, as the unit of a system does."""
        self.start('--wsrep-start-position=' + self._recovered_position())

    def _recovered_position(self):
        """Read the position of the last transaction from the data."""
        made = subprocess.run(
            [find_command('mariadbd', 'mysqld'), *self._options,
             '--wsrep-recover'],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=PATIENCE, stdin=subprocess.DEVNULL)
        found = re.search(r'Recovered position:\s*(\S+)', made.stdout)
        if not found:
            raise RuntimeError('%s tells no position: %s'
                               % (self.name, made.stdout))
        return found.group(1)

    def kill(self):
        """End it with SIGKILL."""
        self._past_conflicts = self.conflicts()
        self._process.kill()

    def end(self):
        """End it, whatever state it is in."""
        if self.is_running:
            self._process.kill()

    def conflicts(self):
        """Count the transactions that it ended for one at another server."""
        return self._past_conflicts + sum(
            int(self.status(name)) for name in _CONFLICTS)

    def send(self, number):
        """Send a signal to it."""
        self._process.send(number)

    def connect(self, engine):
        """Take the engine by which status() asks.

        :param engine: sqlalchemy.Engine
        """
        self._engine = engine

    def is_running_statement(self, part):
        """Tell whether some client waits for a statement that has this part.

        :param part: text
        """
        with self._engine.connect() as connection:
            return connection.exec_driver_sql(
                'SELECT count(*) FROM information_schema.processlist '
                'WHERE id <> connection_id() AND instr(info, %s) > 0',
                (part,)).scalar() > 0

    @contextlib.contextmanager
    def stalled(self):
        """Have it apply nothing that is committed at other servers."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql('FLUSH TABLES WITH READ LOCK')
            try:
                yield
            finally:
                connection.exec_driver_sql('UNLOCK TABLES')

    def status(self, name):
        """Read a status variable.

        :returns: its value, a string
        """
        with self._engine.connect() as connection:
            return connection.exec_driver_sql(
                'SHOW GLOBAL STATUS LIKE %s', (name,)).one()[1]

    def is_synced(self, size=None):
        """Tell whether it is a member that serves clients.

        :param size: number of members that there must be
        """
        try:
            return (self.status('wsrep_ready') == 'ON'
                    and self.status('wsrep_local_state_comment') == 'Synced'
                    and (size is None
                         or self.status('wsrep_cluster_size') == str(size)))
        except sa.exc.DBAPIError:
            return False

    def wait_synced(self, size=None):
        """Wait until it is a member that serves clients."""
        try:
            waiting.until(lambda: self.is_synced(size), JOIN,
                          '%s has joined' % self.name, interval=0.1)
        except AssertionError as exc:
            raise RuntimeError('%s\n%s' % (exc, self.read_log())) from exc

    def read_log(self):
        """Get the end of what it has written."""
        return self._process.read_log()[-20000:].decode(errors='replace')


class Servers(fixtures.Fixture):
    """Some servers that are one cluster.

    :param count: their number
    :ivar servers: list of Server
    """

    def __init__(self, count=3):
        self._count = count

    def _setUp(self):
        folder = self.useFixture(fixtures.TempDir()).path
        _give(folder)
        self._password = os.urandom(16).hex()
        self.servers = [Server(number, os.path.join(folder, str(number)))
                        for number in range(self._count)]
        members = ['127.0.0.1:%d' % server.group_port
                   for server in self.servers]
        self.addCleanup(self._end)
        for server in self.servers:
            server.prepare(members)
            server.connect(_engine(self.url(server.number)))
        self._bootstrap(self.servers[0])
        # The second copies the first one's data, the third either's.
        for size, server in enumerate(self.servers[1:], 2):
            server.start()
            server.wait_synced(size)

    def _bootstrap(self, server):
        server.install()
        server.start('--wsrep-new-cluster')
        engine = _engine(sa.URL.create(
            'mysql+pymysql', getpass.getuser(),
            query={'unix_socket': server.socket}))
        waiting.until(lambda: self._make_account(engine), JOIN,
                      '%s makes an account' % server.name, interval=0.1)
        server.wait_synced(1)

    def _make_account(self, engine):
        account = "'%s'@'127.0.0.1'" % ACCOUNT
        try:
            with engine.connect() as connection:
                for statement in (
                        "CREATE OR REPLACE USER %s IDENTIFIED BY '%s'"
                        % (account, self._password),
                        'GRANT ALL ON *.* TO ' + account):
                    connection.exec_driver_sql(statement)
        except sa.exc.DBAPIError:
            return False
        return True

    def url(self, number, database=None, **query):
        """Make the URL of a server.

        :param number: which server
        :param database: name of a database
        :param query: options for the driver
        :returns: sqlalchemy.URL
        """
        return sa.URL.create(
            'mysql+pymysql', ACCOUNT, self._password, '127.0.0.1',
            self.servers[number].port, database,
            query={'connect_timeout': '5', 'charset': 'utf8mb4', **query})

    def conflicts(self):
        """Count the transactions that ended for one at another server."""
        return sum(server.conflicts() for server in self.servers)

    def logs(self):
        """Get the ends of what the servers have written."""
        return '\n'.join('%s:\n%s' % (server.name, server.read_log())
                         for server in self.servers)

    def _end(self):
        for server in self.servers:
            server.end()
