# SPDX-License-Identifier: Apache-2.0
"""The faults: each begins, lasts for some seconds and is undone."""

import collections
import contextlib
import glob
import os
import signal
import time

import sqlalchemy as sa

from allocator.db import models
from allocator.tests.chaos import cluster
from allocator.tests.functional import databases
from allocator.tests.functional import waiting

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Seconds that a process may take beyond [DEFAULT]
# graceful_shutdown_timeout, and that a heartbeat row may take to go.
SLACK = 5

_SESSIONS = {
    databases.MYSQL: 'SELECT id FROM information_schema.processlist '
                     'WHERE db = :name',
    databases.POSTGRESQL: 'SELECT pid FROM pg_stat_activity '
                          'WHERE datname = :name',
}
_KILL = {databases.MYSQL: 'KILL %d',
         databases.POSTGRESQL: 'SELECT pg_terminate_backend(%d)'}


class Faults:
    """Injects faults, chosen by chance.

    :param cluster_: cluster.Cluster
    :param ledger_: ledger.Ledger
    :param random: random.Random
    :param say: function that takes a line for the log
    :ivar counts: Counter of the faults by name
    """

    # Those in one group may not happen at the same time.
    GROUPS = {
        'api': ('api_killed', 'api_worker_killed', 'api_terminated',
                'api_reloaded', 'api_paused'),
        'conductor': ('conductor_killed', 'conductor_worker_killed',
                      'conductor_master_killed', 'conductor_terminated',
                      'conductor_reloaded', 'conductor_paused',
                      'all_conductors_killed'),
        'broker': ('broker_cut', 'broker_stopped', 'broker_silent',
                   'broker_slow', 'queue_purged'),
        'database': ('database_cut', 'database_stopped', 'database_silent',
                     'database_slow', 'connections_killed', 'rows_locked'),
    }

    def __init__(self, cluster_, ledger_, random, say):
        self._cluster = cluster_
        self._ledger = ledger_
        self._random = random
        self._say = say
        self._bag = []
        self.counts = collections.Counter()

    def choose(self, number):
        """Choose some faults, each of another group.

        Before one comes again, all have come.

        :returns: list of functions without arguments
        """
        chosen = {}
        for _ in range(number):
            if not self._bag:
                self._bag = [(group, name)
                             for group, names in self.GROUPS.items()
                             for name in names]
                self._random.shuffle(self._bag)
            group, name = self._bag.pop()
            if group in chosen:
                self._bag.insert(0, (group, name))
            else:
                chosen[group] = name
        alone = len(chosen) == 1
        return [lambda name=name: self._inject(name, alone)
                for name in chosen.values()]

    def _inject(self, name, alone):
        self.counts[name] += 1
        self._say(name)
        try:
            if name.endswith('_terminated'):
                getattr(self, name)(alone)
            else:
                getattr(self, name)()
        except Exception as exc:
            self._ledger.violate('Fault %s failed: %r' % (name, exc))

    def _last(self, least, most):
        """Let a fault last."""
        time.sleep(self._random.uniform(least, most))

    # --- Processes ---------------------------------------------------------

    def _restart(self, process):
        self._last(0, 3)
        process.start()

    def _kill(self, processes):
        process = self._random.choice(processes)
        process.kill()
        self._restart(process)

    def api_killed(self):
        self._kill(self._cluster.apis)

    def conductor_killed(self):
        self._kill(self._cluster.conductors)

    def _kill_worker(self, processes):
        workers = children(self._random.choice(processes).pid)
        if workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._random.choice(workers), signal.SIGKILL)
        self._last(0, 2)

    def api_worker_killed(self):
        self._kill_worker(self._cluster.apis)

    def conductor_worker_killed(self):
        self._kill_worker(self._cluster.conductors)

    def conductor_master_killed(self):
        """Its workers notice, finish and go."""
        process = self._random.choice(self._cluster.conductors)
        workers = children(process.pid)
        process.send(signal.SIGKILL)
        process.wait()
        waiting.until(
            lambda: not any(is_alive(worker) for worker in workers),
            cluster.GRACEFUL_SHUTDOWN_TIMEOUT + SLACK,
            'the workers end after their master')
        self._restart(process)

    def _terminate(self, process):
        """Check that a process ends in time."""
        process.terminate()
        waiting.until(lambda: not process.is_running,
                      cluster.GRACEFUL_SHUTDOWN_TIMEOUT + SLACK,
                      '%s ends' % process.name)

    def api_terminated(self, alone):
        process = self._random.choice(self._cluster.apis)
        self._terminate(process)
        self._restart(process)

    def conductor_terminated(self, alone):
        process = self._random.choice(self._cluster.conductors)
        # One that has just been started may know nothing of signals yet.
        began = process.name in self._cluster.heartbeats(cluster.FRESH)
        self._terminate(process)
        if began and alone and process.name in self._cluster.heartbeats():
            self._ledger.violate('%s ended, and its heartbeat did not'
                                 % process.name)
        self._restart(process)

    def _reload(self, processes):
        self._random.choice(processes).send(signal.SIGHUP)
        self._last(0, 2)

    def api_reloaded(self):
        self._reload(self._cluster.apis)

    def conductor_reloaded(self):
        self._reload(self._cluster.conductors)

    def _pause(self, processes, least, most):
        process = self._random.choice(processes)
        os.killpg(process.pid, signal.SIGSTOP)
        try:
            self._last(least, most)
        finally:
            os.killpg(process.pid, signal.SIGCONT)

    def api_paused(self):
        self._pause(self._cluster.apis, 1, 6)

    def conductor_paused(self):
        # Longer, at times, than the database leaves it its locks.
        self._pause(self._cluster.conductors, 1, 14)

    def all_conductors_killed(self):
        for process in self._cluster.conductors:
            process.kill()
        self._last(0, cluster.HEARTBEAT_TIMEOUT + 4)
        for process in self._cluster.conductors:
            process.start()

    # --- Message bus -------------------------------------------------------

    @contextlib.contextmanager
    def _until_healed(self, proxy, least, most):
        try:
            yield proxy
            self._last(least, most)
        finally:
            proxy.accept()

    def broker_cut(self):
        self._cluster.broker_proxy.cut()

    def broker_stopped(self):
        with self._until_healed(self._cluster.broker_proxy, 1, 12) as proxy:
            proxy.refuse()

    def broker_silent(self):
        with self._until_healed(self._cluster.broker_proxy, 1, 12) as proxy:
            proxy.swallow()
        if self._random.random() < 0.5:
            proxy.cut()

    def broker_slow(self):
        with self._until_healed(self._cluster.broker_proxy, 2, 6) as proxy:
            proxy.slow(self._random.uniform(0.05, 0.3))

    def queue_purged(self):
        for _ in range(10):
            self._cluster.purge()
            self._last(0, 0.3)

    # --- Database ----------------------------------------------------------

    def database_cut(self):
        for _ in range(self._random.randint(1, 3)):
            self._cluster.database_proxy.cut()
            self._last(0, 0.5)

    def database_stopped(self):
        with self._until_healed(self._cluster.database_proxy, 1, 6) as proxy:
            proxy.refuse()

    def database_silent(self):
        with self._until_healed(self._cluster.database_proxy, 1, 6) as proxy:
            proxy.swallow()
        if self._random.random() < 0.5:
            proxy.cut()

    def database_slow(self):
        with self._until_healed(self._cluster.database_proxy, 2, 6) as proxy:
            proxy.slow(self._random.uniform(0.01, 0.05))

    def connections_killed(self):
        """Have the server end some of the service's connections."""
        engine = self._cluster.engine
        with engine.connect() as connection:
            found = connection.execute(
                sa.text(_SESSIONS[self._cluster.kind]),
                {'name': self._cluster.database.name}).scalars().all()
            for session in set(found) - self._cluster.own_sessions:
                if self._random.random() < 0.6:
                    with contextlib.suppress(sa.exc.DBAPIError):
                        connection.exec_driver_sql(
                            _KILL[self._cluster.kind] % session)

    def rows_locked(self):
        """Lock rows in an order of its own, which makes deadlocks."""
        for _ in range(10):
            with contextlib.suppress(sa.exc.DBAPIError), \
                    self._cluster.engine.begin() as connection:
                for table in self._random.sample([_node, _allocation], 2):
                    ids = connection.execute(sa.select(table.c.id)
                                             ).scalars().all()
                    chosen = self._random.sample(ids, min(len(ids), 5))
                    for id_ in chosen:
                        connection.execute(
                            sa.select(table.c.id).where(table.c.id == id_)
                            .with_for_update())
                self._last(0, 0.5)


def children(pid):
    """List the children of a process, whichever thread has begun them."""
    found = []
    for path in glob.glob('/proc/%d/task/*/children' % pid):
        with contextlib.suppress(OSError), open(path) as file:
            found += map(int, file.read().split())
    return sorted(found)


def is_alive(pid):
    """Tell whether a process is there and no zombie."""
    try:
        with open('/proc/%d/stat' % pid) as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False
