# SPDX-License-Identifier: Apache-2.0
"""Batches: one that fails is halved, down to what is at fault.

A transaction for many allocations may fail for the sake of one, or because
there are so many. Its halves are tried, and theirs, so that all others are
served; what fails alone is tried again later, and fails for good after some
tries.
"""

import collections
import dataclasses
import functools
import threading
import time

from oslo_log import log

from allocator.conductor import patience
from allocator.conf import CONF
from allocator.db import claims
from allocator.db import failures
from allocator.db import flaws
from allocator.db import session

LOG = log.getLogger(__name__)

# How often an allocation is tried alone, [conductor] sweep_interval apart,
# before it fails.
TRIES = 5

# How many transactions one such try makes, and how many of them a node may
# spoil before the next node is taken.
ATTEMPTS = 6
ATTEMPTS_PER_NODE = 2

# Seconds for which a node that could not be claimed is left out. Then it is
# tried again: somebody may have repaired it.
LEFT_OUT = 60

UNPROCESSABLE = ('The allocation could not be processed in %(tries)d tries, '
                 'the last of which ended with %(error)s. The log of the '
                 'conductors says more.')


class Batches:
    """Runs the transactions of the matching loop.

    Its methods are generators of claims.Batch: what one of them has done is
    done, whatever becomes of the others.

    :param waiting: Patience
    """

    def __init__(self, waiting: patience.Patience):
        self._patience = waiting
        self._lock = threading.Lock()
        # Until when, by id of the node.
        self._left_out: dict[int, float] = {}

    def left_out(self):
        """List the nodes that could not be claimed lately.

        :returns: set of their ids
        """
        now = time.monotonic()
        with self._lock:
            self._left_out = {id_: until
                              for id_, until in self._left_out.items()
                              if until > now}
            return set(self._left_out)

    def next(self, limit, after_id, skip, up_to):
        """Claim nodes for the next allocations of the queue.

        See claims.claim_pending for the parameters. The sizes of the batches
        add up to the number of allocations, and the last one's last_id is
        where to go on.
        """
        where = (limit, after_id, skip, up_to)
        if skip:
            # Who locks rows locks those, too, that a condition makes it pass
            # over, and the thread that decides on them would miss them.
            ids = claims.list_pending(*where)
            yield from self._whole(ids, self._claim)
            return
        try:
            batch = claims.claim_pending(*where, left_out=self.left_out())
        except Exception as exc:
            self._examine(exc, limit)
            ids = claims.list_pending(*where)
            yield from self._halves(ids, self._claim)
        else:
            self._note(batch)
            yield batch

    def again(self, ids):
        """Claim nodes for certain allocations that had to wait."""
        alone = [id_ for id_ in ids if self._patience.has_failed(id_)]
        for id_ in alone:
            yield self._alone(id_, self._claim)
        yield from self._whole(
            [id_ for id_ in ids if id_ not in alone], self._claim)

    def decide(self, reasons, patient):
        """Claim nodes for allocations, or have them fail.

        See claims.claim_or_fail for the parameters.
        """
        ids = sorted(reasons)
        size = CONF.conductor.batch_size
        for start in range(0, len(ids), size):
            yield from self._whole(ids[start:start + size], functools.partial(
                _decide, reasons, patient))

    def meet_again(self, missed):
        """Have those looked at again that somebody else had locked.

        :param missed: ids of allocations that no Batch has met; some may have
            been decided on elsewhere
        :returns: whether there are any
        """
        locked = claims.still_pending(missed) if missed else ()
        self._patience.meet_again(locked)
        return bool(locked)

    def blame(self, id_, exc):
        """Note that an allocation cannot be processed even alone.

        :param exc: why
        :returns: Batch, of its failure if that was its last try
        """
        tries = self._patience.fail(id_, CONF.conductor.sweep_interval)
        LOG.warning('The allocation with id %(id)d cannot be processed, try '
                    '%(try)d of %(tries)d: %(error)s',
                    {'id': id_, 'try': tries, 'tries': TRIES, 'error': exc})
        if tries < TRIES:
            return claims.Batch()
        reason = UNPROCESSABLE % {'tries': tries,
                                  'error': type(exc).__name__}
        failed = _fail(id_, reason)
        self._patience.forget([id_])
        return claims.Batch(failed=failed)

    def _claim(self, ids, left_out=(), attempts=None):
        return claims.claim_some(ids, self.left_out().union(left_out),
                                 attempts)

    def _whole(self, ids, transaction):
        if not ids:
            return
        try:
            batch = transaction(ids)
        except Exception as exc:
            self._examine(exc, len(ids))
            yield from self._halves(ids, transaction)
        else:
            self._note(batch)
            yield dataclasses.replace(batch, size=len(ids), last_id=ids[-1])

    def _halves(self, ids, transaction):
        if len(ids) == 1:
            batch = self._alone(ids[0], transaction)
            yield dataclasses.replace(batch, size=1, last_id=ids[0])
            return
        middle = len(ids) // 2
        yield from self._whole(ids[:middle], transaction)
        yield from self._whole(ids[middle:], transaction)

    def _alone(self, id_, transaction):
        """Process one allocation, with one node after another if need be.

        :returns: Batch
        """
        spoilt: collections.Counter = collections.Counter()
        nodes: dict = {}
        error: Exception | None = None
        for _ in range(ATTEMPTS):
            attempts = session.Attempts()
            useless = {node for node, count in spoilt.items()
                       if count >= ATTEMPTS_PER_NODE}
            try:
                batch = transaction([id_], useless, attempts)
            except Exception as exc:
                _require_database(exc)
                error = exc
            else:
                if batch.claims:
                    # Without these it went well.
                    batch.flaws |= {
                        node: flaws.Flaw(nodes[node], 'the database refuses '
                                                      'it: %s' % error)
                        for node in useless}
                self._note(batch)
                return batch
            if isinstance(error, claims.DuplicateEntry) and (
                    failed := failures.fail_taken(id_)):
                return claims.Batch(failed=failed)
            for node in attempts.last or ():
                nodes[node.id] = node
                spoilt[node.id] += 1
        return self.blame(id_, error)

    def _examine(self, exc, size):
        """Say that a batch failed, unless the database is away.

        :raises: an error of oslo.db if it is
        """
        _require_database(exc)
        LOG.warning('A batch of at most %(size)d allocations could not be '
                    'processed as a whole, trying its halves: %(error)s',
                    {'size': size, 'error': exc})

    def _note(self, batch):
        """Note which nodes cannot be claimed, and which can again."""
        until = time.monotonic() + LEFT_OUT
        with self._lock:
            known = set(self._left_out)
            self._left_out |= dict.fromkeys(batch.flaws, until)
            for claim in batch.claims:
                self._left_out.pop(claim.node.id, None)
        for id_, flaw in batch.flaws.items():
            if id_ not in known:
                LOG.warning('Node %(node)s cannot be claimed and is left out: '
                            '%(reason)s', {'node': flaw.node.uuid,
                                           'reason': flaw.reason})


def _decide(reasons, patient, ids, left_out=(), attempts=None):
    return claims.claim_or_fail({id_: reasons[id_] for id_ in ids}, patient,
                                left_out, attempts)


def _require_database(exc):
    """Find out whether the database is to blame for an error.

    :raises: an error of oslo.db if it does not take writes now
    """
    if isinstance(exc, claims.OUTAGES):
        claims.probe()


def _fail(id_, reason):
    """Turn an allocation to ``error``, even if its row cannot be read.

    :returns: list of Failure; empty if the row cannot be read, or is not
        pending any more
    """
    try:
        return failures.fail({id_: reason})
    except claims.OUTAGES:
        raise
    except Exception as exc:
        LOG.error('Allocation %(uuid)s has failed, and its row cannot be '
                  'read: %(error)s',
                  {'uuid': failures.fail_unread(id_, reason), 'error': exc})
        return []
