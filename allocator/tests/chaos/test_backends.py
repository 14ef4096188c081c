# SPDX-License-Identifier: Apache-2.0
"""A short run of chaos in front of two real Bare Metal services.

``ALLOCATOR_CHAOS_SECONDS`` says how long, ``ALLOCATOR_CHAOS_SEED`` repeats
the choices of an earlier run. See run.py for a long one.
"""

import os
import random

from testtools import content

from allocator.tests.chaos import backend_cluster
from allocator.tests.chaos import backend_faults
from allocator.tests.chaos import run
from allocator.tests.functional import databases
from allocator.tests.functional import testcase

SECONDS = 35


@testcase.per_database(databases.MYSQL)
class BackendChaos:
    """What is active is confirmed, and nothing is left, whatever fails."""

    def test_what_must_hold_holds_there_too(self):
        seconds = int(os.environ.get('ALLOCATOR_CHAOS_SECONDS') or SECONDS)
        seed = int(os.environ.get('ALLOCATOR_CHAOS_SEED')
                   or random.SystemRandom().getrandbits(32))
        lines = ['ALLOCATOR_CHAOS_SEED=%d' % seed]
        self.addDetail('run', content.Content(
            content.UTF8_TEXT, lambda: ['\n'.join(lines).encode()]))
        made = self.useFixture(backend_cluster.BackendCluster(self.kind))
        chaos = run.Run(made, seed, seconds, lines.append,
                        backend_faults.Faults, **run.BACKENDS)
        chaos.run()
        lines += chaos.summary()
        if chaos.ledger.violations:
            self.addDetail('logs', content.text_content(made.logs()))
        self.assertEqual([], chaos.ledger.violations)
