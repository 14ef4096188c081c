# SPDX-License-Identifier: Apache-2.0
"""The matching loop: takes pending allocations in batches, finds nodes."""

import collections
import threading
import time

from oslo_db import exception as db_exc
from oslo_log import log

from allocator import metrics
from allocator.conductor import outcomes
from allocator.conf import CONF
from allocator.db import census
from allocator.db import claims
from allocator.db import suitability

LOG = log.getLogger(__name__)

LOCKED = ('%(count)d suitable nodes exist, but other transactions kept all of '
          'them locked for %(seconds)d seconds.')


class MatchingLoop:
    """Walks through the queue whenever the bell rings, or time is up.

    A walk looks at every pending allocation once. Whatever made the bell
    silent (a lost cast, a broker that is away, a conductor that was killed),
    the walk of the next sweep finds the rows.
    """

    def __init__(self):
        self._bell = threading.Event()
        self._stopping = False
        # When each allocation was first found to wait for locked nodes, and
        # when it is due again; by id, in seconds of the monotonic clock.
        self._waiting_since = {}
        self._due = {}

    def ring(self):
        """Say that there may be work; never blocks."""
        self._bell.set()

    def stop(self):
        """Make run() return after the batch under way."""
        self._stopping = True
        self._bell.set()

    def run(self):
        """Walk through the queue until stopped."""
        announced = False
        while not self._stopping:
            self._bell.clear()
            pause = CONF.conductor.sweep_interval
            try:
                self.walk(announced)
                pause = self._pause()
            except db_exc.DBConnectionError as exc:
                LOG.warning('Waiting for the database: %s', exc)
            except Exception:
                # The rows are still there, and the next walk meets them.
                LOG.exception('The matching loop failed; the next sweep '
                              'tries again')
            if not self._stopping:
                announced = self._bell.wait(pause)

    def _pause(self):
        pause = CONF.conductor.sweep_interval
        if self._due:
            pause = min(pause, min(self._due.values()) - time.monotonic())
        return max(pause, 0)

    def walk(self, announced=True):
        """Process every pending allocation once.

        :param announced: whether a message was the reason; otherwise this
            is a sweep
        """
        started = time.monotonic()
        last_id = 0
        while not self._stopping:
            size = CONF.conductor.batch_size
            batch = self._claim(size, last_id)
            outcomes.report(batch)
            self._measure(batch, announced)
            self._settle(batch.unserved)
            if batch.size < size:
                break
            last_id = batch.last_id
        self._forget(started)

    def _claim(self, size, last_id):
        now = time.monotonic()
        skip = [id_ for id_, due in self._due.items() if due > now]
        try:
            return claims.claim_pending(size, last_id, skip)
        except claims.OUTAGES:
            raise
        except Exception as exc:
            # The row that cannot be processed must not keep the others.
            LOG.warning('A batch of allocations could not be claimed, '
                        'processing them one by one: %s', exc)
            return claims.claim_singly(size, last_id, skip)

    def _measure(self, batch, announced):
        if batch.size:
            metrics.observe('batch_size', batch.size)
        if not announced:
            rows = batch.unserved + [claim.allocation
                                     for claim in batch.claims]
            metrics.count('sweep_finds_total', sum(
                row.id not in self._waiting_since for row in rows))

    def _settle(self, rows):
        """Decide on allocations for which no node could be locked.

        Without a suitable node they fail; otherwise they wait for the
        transactions that hold the nodes.
        """
        groups = collections.defaultdict(list)
        for row in rows:
            groups[suitability.requirement_of(row)].append(row)
        hopeless, tired = {}, {}
        for requirement, wanting in groups.items():
            suitable, sentence = census.take(requirement)
            for row in wanting:
                if not suitable:
                    hopeless[row.id] = sentence
                elif reason := self._wait(row, suitable):
                    tired[row.id] = reason
        if hopeless:
            batch = claims.claim_or_fail(hopeless, patient=True)
            outcomes.report(batch)
            for row in batch.unserved:
                self._wait(row, 1)
        if tired:
            outcomes.report(claims.claim_or_fail(tired, patient=False))

    def _wait(self, row, suitable):
        """Put an allocation off; or say why it has waited long enough."""
        now = time.monotonic()
        since = self._waiting_since.setdefault(row.id, now)
        patience = (CONF.conductor.node_locked_retry_attempts
                    * CONF.conductor.node_locked_retry_interval)
        if now - since < patience:
            self._due[row.id] = (
                now + CONF.conductor.node_locked_retry_interval)
            metrics.count('claim_retries_total')
            return None
        return LOCKED % {'count': suitable, 'seconds': now - since}

    def _forget(self, started):
        """Drop what was due before a walk and was not put off again."""
        for id_ in [id_ for id_, due in self._due.items() if due <= started]:
            del self._due[id_]
            del self._waiting_since[id_]
