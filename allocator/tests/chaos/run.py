# SPDX-License-Identifier: Apache-2.0
"""A run of chaos: load, faults and checks for some minutes.

``python -m allocator.tests.chaos.run --database mysql --minutes 20``
"""

import argparse
import random
import signal
import sys
import threading
import time

from allocator.tests.chaos import backend_checker
from allocator.tests.chaos import backend_cluster
from allocator.tests.chaos import backend_faults
from allocator.tests.chaos import backend_load
from allocator.tests.chaos import cluster
from allocator.tests.chaos import faults
from allocator.tests.chaos import ledger
from allocator.tests.chaos import queue_checker
from allocator.tests.chaos import queue_load
from allocator.tests.functional import databases

# Seconds between two samples of the database.
SAMPLE_INTERVAL = 1

# Rounds of faults between two checks that nothing stays pending.
ROUNDS = 3

# What a run with backends has of its own, besides the faults.
BACKENDS = {'make_actors': backend_load.actors,
            'checker_class': backend_checker.BackendChecker}


class Run:
    """One run against one database.

    :param cluster_: cluster.Cluster
    :param seed: whole number of which all chance comes
    :param seconds: how long faults are injected
    :param say: function that takes a line for the log
    :param faults_class: class of what is injected
    :param rounds: how often faults are injected at least
    :param make_actors: function that makes those who send requests
    :param checker_class: class of what looks for violations
    """

    def __init__(self, cluster_, seed, seconds, say,
                 faults_class=faults.Faults, rounds=0,
                 make_actors=queue_load.seeded_actors,
                 checker_class=queue_checker.QueueChecker):
        self._cluster = cluster_
        self._make_actors = make_actors
        self._seconds = seconds
        self._rounds = rounds
        self._say = say
        self._started = time.monotonic()
        self._random = random.Random(seed)
        self.seed = seed
        self.ledger = ledger.Ledger(self._log)
        self.checker = checker_class(cluster_, self.ledger)
        self.faults = faults_class(cluster_, self.ledger, self._random,
                                   self._log)
        self._stopping = threading.Event()

    def _log(self, line):
        self._say('%7.1f s: %s' % (time.monotonic() - self._started, line))

    def _shared(self):
        """Make what each actor is given but its name."""
        return (self._cluster.clients, self.ledger,
                self._random.getrandbits(64), self._stopping)

    def run(self):
        """Run to the end; the ledger then holds the violations."""
        actors = self._make_actors(self._cluster, self._shared)
        sampler = threading.Thread(target=self._sample, daemon=True)
        for thread in (*actors, sampler):
            thread.start()
        deadline = time.monotonic() + self._seconds
        rounds = 0
        while rounds < self._rounds or time.monotonic() < deadline:
            self._inject()
            rounds += 1
            if rounds % ROUNDS == 0:
                self._check_settled()
            time.sleep(self._random.uniform(0, 2))
        self._check_settled()
        self._log('the end')
        self._stopping.set()
        for thread in (*actors, sampler):
            thread.join(4 * ledger.HANG)
            if thread.is_alive():
                self.ledger.violate('%s hangs' % thread.name)
        self.checker.check_settled()
        self.checker.check_end()

    def _inject(self):
        chosen = self.faults.choose(self._random.choice([1, 1, 2]))
        threads = [threading.Thread(target=inject) for inject in chosen]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _check_settled(self):
        """Wait until all parts are back; a sweep later all must be well."""
        try:
            self._cluster.wait_ready()
        except RuntimeError as exc:
            self.ledger.violate('The parts do not come back: %s' % exc)
        self.checker.check_settled()

    def _sample(self):
        while not self._stopping.wait(SAMPLE_INTERVAL):
            try:
                self.checker.sample()
            except Exception as exc:
                self._log('no sample: %r' % exc)

    def summary(self):
        """Sum up what was done and found.

        :returns: list of lines
        """
        lines = ['database %s, seed %d, %.0f s, %d allocations, '
                 '%d samples of the database' % (
                     self._cluster.kind, self.seed,
                     time.monotonic() - self._started,
                     len(self.ledger.records), self.checker.samples)]
        lines.append('operations (slowest; number by answer):')
        total = 0
        for operation, (count, answers) in self.ledger.summary().items():
            total += count
            lines.append('  %-16s %6d  %5.1f s  %s' % (
                operation, count, self.ledger.slowest[operation], answers))
        lines.append('  %-16s %6d' % ('all', total))
        lines.append('faults:')
        for name, count in sorted(self.faults.counts.items()):
            lines.append('  %-24s %4d' % (name, count))
        lines.append('  %-24s %4d' % (
            'all', sum(self.faults.counts.values())))
        lines.append('violations: %d' % len(self.ledger.violations))
        lines += ['  ' + sentence for sentence in self.ledger.violations]
        return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--database', choices=databases.SERVERS,
                        default=databases.MYSQL)
    parser.add_argument('--backends', action='store_true',
                        help='in front of two Bare Metal services, which '
                             'are on MariaDB in any case')
    parser.add_argument('--minutes', type=float, default=20)
    parser.add_argument('--seed', type=int,
                        default=random.SystemRandom().getrandbits(32))
    parser.add_argument('--logs', help='file for the logs of all processes')
    chosen = parser.parse_args()
    # Leave nothing behind when told to end.
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(1))
    print('seed', chosen.seed, flush=True)
    cluster_class = cluster.Cluster
    parts = {}
    if chosen.backends:
        cluster_class = backend_cluster.BackendCluster
        parts = BACKENDS | {'faults_class': backend_faults.AllFaults}
    with cluster_class(chosen.database) as made:
        run = Run(made, chosen.seed, chosen.minutes * 60,
                  lambda line: print(line, flush=True), **parts)
        run.run()
        print('\n'.join(run.summary()), flush=True)
        if chosen.logs:
            with open(chosen.logs, 'w') as file:
                file.write(made.logs())
    sys.exit(bool(run.ledger.violations))


if __name__ == '__main__':
    main()
