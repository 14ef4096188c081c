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

from allocator.tests.chaos import checker
from allocator.tests.chaos import cluster
from allocator.tests.chaos import faults
from allocator.tests.chaos import ledger
from allocator.tests.chaos import load
from allocator.tests.functional import databases
from allocator.tests.functional import seeds

# Seconds between two samples of the database.
SAMPLE_INTERVAL = 1

# Rounds of faults between two checks that nothing stays pending.
ROUNDS = 3


class Run:
    """One run against one database.

    :param cluster_: cluster.Cluster
    :param seed: whole number of which all chance comes
    :param seconds: how long faults are injected
    :param say: function that takes a line for the log
    """

    def __init__(self, cluster_, seed, seconds, say):
        self._cluster = cluster_
        self._seconds = seconds
        self._say = say
        self._started = time.monotonic()
        self._random = random.Random(seed)
        self.seed = seed
        self.ledger = ledger.Ledger(self._log)
        self.checker = checker.Checker(cluster_.engine, self.ledger)
        self.faults = faults.Faults(cluster_, self.ledger, self._random,
                                    self._log)
        self._stopping = threading.Event()

    def _log(self, line):
        self._say('%7.1f s: %s' % (time.monotonic() - self._started, line))

    def _actors(self):
        """Seed the nodes, and make those who use them."""
        engine = self._cluster.engine
        plenty = seeds.add_nodes(engine, load.PLENTY_NODES, [load.TRAIT],
                                 resource_class=checker.PLENTY)
        seeds.add_nodes(engine, load.SCARCE_NODES,
                        resource_class=load.SCARCE)
        deployed = seeds.add_nodes(engine, load.TENANTS,
                                   resource_class=load.DEPLOYED,
                                   provision_state='active')
        operated = plenty[:load.OPERATED]

        def shared():
            return (self._cluster.clients, self.ledger,
                    self._random.getrandbits(64), self._stopping)

        actors = [load.Tenant('tenant %d' % number, *shared(), node=node,
                              operated=operated)
                  for number, node in enumerate(deployed)]
        return [*actors, load.Operator('operator', *shared(),
                                       nodes=operated)]

    def run(self):
        """Run to the end; the ledger then holds the violations."""
        actors = self._actors()
        sampler = threading.Thread(target=self._sample, daemon=True)
        for thread in (*actors, sampler):
            thread.start()
        deadline = time.monotonic() + self._seconds
        rounds = 0
        while time.monotonic() < deadline:
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
    parser.add_argument('--minutes', type=float, default=20)
    parser.add_argument('--seed', type=int,
                        default=random.SystemRandom().getrandbits(32))
    parser.add_argument('--logs', help='file for the logs of all processes')
    chosen = parser.parse_args()
    # Leave nothing behind when told to end.
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(1))
    print('seed', chosen.seed, flush=True)
    with cluster.Cluster(chosen.database) as made:
        run = Run(made, chosen.seed, chosen.minutes * 60,
                  lambda line: print(line, flush=True))
        run.run()
        print('\n'.join(run.summary()), flush=True)
        if chosen.logs:
            with open(chosen.logs, 'w') as file:
                file.write(made.logs())
    sys.exit(bool(run.ledger.violations))


if __name__ == '__main__':
    main()
