# SPDX-License-Identifier: Apache-2.0
"""Batches: one that fails is halved, down to what is at fault.

A transaction for many allocations may fail for the sake of one, or because
there are so many. Its halves are tried, and theirs, so that all others are
served; what fails alone is tried again later, and fails for good after some
tries.
"""

import dataclasses
import functools

from oslo_log import log

from allocator.conductor import alone
from allocator.conductor import avoided
from allocator.conductor import patience
from allocator.conf import CONF
from allocator.db import claims

LOG = log.getLogger(__name__)


class Batches:
    """Runs the transactions of the matching loop.

    Its methods are generators of claims.Batch: what one of them has done is
    done, whatever becomes of the others.

    :param waiting: Patience
    :param going_around: avoided.Avoided
    :param serve: function to be called with a class, if somebody who waits
        in it has to be seen to
    """

    def __init__(self, waiting: patience.Patience,
                 going_around: avoided.Avoided,
                 serve=lambda resource_class: None):
        self._patience = waiting
        self._avoided = going_around
        self._serve = serve

    def left_out(self):
        """List the nodes that could not be claimed lately.

        :returns: set of their ids
        """
        return self._avoided.nodes()

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
            batch = claims.claim_pending(*where, avoid=self._avoided.now())
        except Exception as exc:
            self._examine(exc, limit)
            ids = claims.list_pending(*where)
            yield from self._halves(ids, self._claim)
        else:
            self._avoided.note(batch)
            yield batch

    def again(self, ids):
        """Claim nodes for certain allocations that had to wait."""
        failed_before = [id_ for id_ in ids if self._patience.has_failed(id_)]
        for id_ in failed_before:
            yield self._alone(id_, self._claim)
        yield from self._whole(
            [id_ for id_ in ids if id_ not in failed_before], self._claim)

    def decide(self, reasons, patient):
        """Claim nodes for allocations, or have them fail.

        See claims.claim_or_fail for the parameters.
        """
        ids = sorted(reasons)
        size = CONF.conductor.batch_size
        for start in range(0, len(ids), size):
            yield from self._whole(ids[start:start + size], functools.partial(
                self._decide, reasons, patient))

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
                    {'id': id_, 'try': tries, 'tries': alone.TRIES,
                     'error': exc})
        if tries < alone.TRIES:
            return claims.Batch()
        failed = alone.give_up(id_, alone.unprocessable(tries, exc))
        self._patience.forget([id_])
        return claims.Batch(failed=failed)

    def _claim(self, ids, useless=(), attempts=None):
        return claims.claim_some(ids, self._avoided.now(useless), attempts)

    def _decide(self, reasons, patient, ids, useless=(), attempts=None):
        # What is wrong with the other nodes is found anew: only who has met
        # them all may fail.
        avoid = claims.Avoid(frozenset(useless), self._avoided.now().waiters)
        return claims.claim_or_fail({id_: reasons[id_] for id_ in ids},
                                    patient, avoid, attempts)

    def _whole(self, ids, transaction):
        if not ids:
            return
        try:
            batch = transaction(ids)
        except Exception as exc:
            self._examine(exc, len(ids))
            yield from self._halves(ids, transaction)
        else:
            self._avoided.note(batch)
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
        try:
            batch = alone.claim(lambda useless, attempts, _before: transaction(
                [id_], useless, attempts))
        except alone.Spoilt as exc:
            if exc.claim is None or exc.claim.allocation.id == id_:
                return self.blame(id_, exc.error)
            # It waits before this one; who serves the class sees to it.
            self._serve(exc.claim.allocation.resource_class)
            self._patience.step_aside(id_)
            return claims.Batch()
        met = batch.ids()
        if met and id_ not in met:
            # The transaction was about somebody before it.
            self._patience.step_aside(id_)
        self._avoided.note(batch)
        return batch

    def _examine(self, exc, size):
        """Say that a batch failed, unless the database is away.

        :raises: an error of oslo.db if it is
        """
        alone.require_database(exc)
        LOG.warning('A batch of at most %(size)d allocations could not be '
                    'processed as a whole, trying its halves: %(error)s',
                    {'size': size, 'error': exc})
