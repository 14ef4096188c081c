# SPDX-License-Identifier: Apache-2.0
"""A short run of chaos.

``ALLOCATOR_CHAOS_SECONDS`` says how long, ``ALLOCATOR_CHAOS_SEED`` repeats
the choices of an earlier run. See run.py for a long one.
"""

import os
import random

from testtools import content

from allocator.tests.chaos import cluster
from allocator.tests.chaos import run
from allocator.tests.functional import databases
from allocator.tests.functional import testcase

SECONDS = 75


@testcase.per_database(*databases.SERVERS)
class Chaos:
    """Nothing is lost and nothing given twice, whatever is killed."""

    def test_what_must_hold_holds(self):
        seconds = int(os.environ.get('ALLOCATOR_CHAOS_SECONDS') or SECONDS)
        seed = int(os.environ.get('ALLOCATOR_CHAOS_SEED')
                   or random.SystemRandom().getrandbits(32))
        lines = ['ALLOCATOR_CHAOS_SEED=%d' % seed]
        self.addDetail('run', content.Content(
            content.UTF8_TEXT, lambda: ['\n'.join(lines).encode()]))
        made = self.useFixture(cluster.Cluster(self.kind))
        chaos = run.Run(made, seed, seconds, lines.append)
        chaos.run()
        lines += chaos.summary()
        if chaos.ledger.violations:
            self.addDetail('logs', content.text_content(made.logs()))
        self.assertEqual([], chaos.ledger.violations)
