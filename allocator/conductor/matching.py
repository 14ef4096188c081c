# SPDX-License-Identifier: Apache-2.0
"""The matching loop: takes pending allocations in batches, finds nodes."""

import threading
import time

from oslo_db import exception as db_exc
from oslo_log import log

from allocator.common import liveness
from allocator.conductor import avoided
from allocator.conductor import batches
from allocator.conductor import deciding
from allocator.conductor import patience
from allocator.conf import CONF
from allocator.db import claims
from allocator.telemetry import metrics
from allocator.telemetry import outcomes
from allocator.telemetry import tracing

LOG = log.getLogger(__name__)

# So many ids before the last one seen, a walk that a message rang for begins:
# of two allocations, the one with the lower id may be committed later. What
# is later still is found by a sweep.
LATE = 500

# Seconds after which a walk goes back, for what was committed late.
BACK = 0.5

# How many waiting allocations one statement passes over.
PASSED_OVER = 500


class MatchingLoop:
    """Walks through the queue whenever the bell rings, or time is up.

    A walk looks at every pending allocation once. Whatever made the bell
    silent (a lost cast, a broker that is away, a conductor that was killed),
    the walk of the next sweep finds the rows.

    :param going_around: avoided.Avoided, which the serving loop of this
        process shares
    """

    def __init__(self, going_around=None):
        self._bell = threading.Event()
        self._stopping = False
        self._patience = patience.Patience()
        self._batches = batches.Batches(
            self._patience, going_around or avoided.Avoided(), self._serve)
        self._decider = deciding.Decider(self._batches, self._patience,
                                         self.ring, self._report)
        self._claimed = None
        self._served = None
        self._last_seen = 0
        # When to sweep next, in seconds of the monotonic clock.
        self._sweep_at = 0.0

    def set_claimed(self, function):
        """Say what is to be called when claims wait for a backend."""
        self._claimed = function

    def set_served(self, function):
        """Say what is to be called with a class that has to be served."""
        self._served = function

    def _serve(self, resource_class):
        if self._served:
            self._served(resource_class)

    def ring(self):
        """Say that there may be work; never blocks."""
        self._bell.set()

    def stop(self):
        """Make run() return after the batch under way."""
        self._stopping = True
        self._decider.stop()
        self._bell.set()

    def run(self):
        """Walk through the queue until stopped."""
        decider = threading.Thread(target=self._decider.run, daemon=True)
        decider.start()
        while not self._stopping:
            announced = self._bell.is_set()
            self._bell.clear()
            pause = CONF.conductor.sweep_interval
            try:
                self.claim(announced)
                pause = self._pause()
            except db_exc.DBConnectionError as exc:
                LOG.warning('Waiting for the database: %s', exc)
            except Exception:
                # The rows are still there, and the next walk meets them.
                LOG.exception('The matching loop failed; the next sweep '
                              'tries again')
            if not self._stopping:
                liveness.come_round(pause)
                self._bell.wait(pause)
        decider.join()

    def _pause(self):
        sweep = max(0, self._sweep_at - time.monotonic())
        return min(sweep, self._patience.seconds())

    def walk(self, announced=True):
        """Process every pending allocation once, while the caller waits.

        :param announced: whether a message was the reason; otherwise this
            is a sweep
        """
        self.claim(announced)
        self._decider.decide()

    def claim(self, announced=True):
        """Claim nodes for the pending allocations; hand the others over.

        :param announced: whether a message was the reason; otherwise, and
            whenever it is time for it, this is a sweep
        """
        position = self._begin(announced)
        back = time.monotonic() + BACK
        while not self._stopping:
            liveness.come_round()
            self._claim_due()
            if position is not None:
                with tracing.transaction():
                    position = self._claim_next(position, announced)
            if position is None:
                return
            if time.monotonic() > back:
                position = self._begin(announced=True)
                back = time.monotonic() + BACK

    def _begin(self, announced):
        """Find where to begin.

        :returns: id of the allocation after which to look; None if there is
            nothing to look at
        """
        if announced and time.monotonic() < self._sweep_at:
            return claims.begin(self._last_seen - LATE)
        first = claims.list_pending(1)
        self._sweep_at = time.monotonic() + CONF.conductor.sweep_interval
        return first[0] - 1 if first else None

    def _claim_due(self):
        """Look once more at a batch of those that had to wait."""
        due = self._patience.due(CONF.conductor.batch_size)
        asked_at = time.monotonic()
        missed = set(due)
        for batch in self._batches.again(due):
            self._receive(batch)
            missed -= batch.ids()
        self._batches.meet_again(missed)
        self._patience.forget_due(due, asked_at)

    def _claim_next(self, position, announced):
        """Look at the next batch of the queue.

        :returns: id of the allocation after which to go on; None at the end
        """
        limit = CONF.conductor.batch_size
        skip, up_to = self._patience.above(position, PASSED_OVER)
        seen = 0
        for batch in self._batches.next(limit, position, skip, up_to):
            self._receive(batch)
            if batch.size:
                seen += batch.size
                position = self._last_seen = batch.last_id
                metrics.observe('batch_size', batch.size)
                if not announced:
                    metrics.count('sweep_finds_total', batch.size)
        return position if seen >= limit else up_to

    def _receive(self, batch):
        self._report(batch)
        for row in batch.put_off:
            self._patience.step_aside(row.id)
            if batch.locked or batch.unreadable:
                self._serve(row.resource_class)
        self._decider.hand(batch.unserved)

    def _report(self, batch):
        """Tell everybody what a batch has done."""
        outcomes.report(batch)
        if self._claimed and not all(claim.is_confirmed
                                     for claim in batch.claims):
            self._claimed()
