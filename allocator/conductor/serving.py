# SPDX-License-Identifier: Apache-2.0
"""The serving loop: nodes that become free go to those that wait."""

import threading
import time

from oslo_log import log

from allocator.conductor import alone
from allocator.conductor import avoided
from allocator.conductor import ringing
from allocator.conf import CONF
from allocator.db import claims
from allocator.db import flaws
from allocator.db import session
from allocator.db import waiters
from allocator.telemetry import metrics
from allocator.telemetry import outcomes

LOG = log.getLogger(__name__)

# Seconds until a class is tried again that another process was serving.
AGAIN = 0.02
LONGEST = 1

# The size of a transaction for one of those that wait, whom all others wait
# for that something is wrong with: it is tried with one node after another.
ALONE = 0


class ServingLoop(ringing.RingLoop):
    """Serves the classes for whose nodes somebody waits.

    A class is served when a node of it may have become free, when somebody
    comes to wait, and at every sweep, which finds what no message told.

    :param going_around: avoided.Avoided, which the matching loop of this
        process shares
    """

    purpose = 'Serving those that wait'

    def __init__(self, going_around=None):
        super().__init__()
        self._avoided = going_around or avoided.Avoided()
        self._lock = threading.Lock()
        self._claimed = None
        # When to serve which class, in seconds of the monotonic clock, after
        # which pause it was put off, and how many it may serve at once after
        # a transaction that failed.
        self._due: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._sizes: dict[str, int] = {}
        self._sweep_at = 0.0

    def set_claimed(self, function):
        """Say what is to be called when claims wait for a backend."""
        self._claimed = function

    def ring(self, resource_class=None):
        """Say that a class is to be served; never blocks.

        :param resource_class: the class; None for every class in which
            somebody waits
        """
        with self._lock:
            if resource_class is None:
                self._sweep_at = 0.0
            else:
                # The one that rang first comes first.
                now = time.monotonic()
                self._due[resource_class] = min(
                    now, self._due.get(resource_class, now))
        self._bell.set()

    def walk(self):
        """Serve every class that is to be served now.

        Each gets a transaction in turn, so none waits for another's end.
        """
        while not self._stopping:
            if time.monotonic() >= self._sweep_at:
                self._sweep()
            resource_class = self._pop()
            if resource_class is None:
                return
            self._serve(resource_class)

    def _sweep(self):
        classes = waiters.list_classes()
        for resource_class in classes:
            # It may have been removed just before somebody came to wait.
            waiters.ensure_queue(resource_class)
            self.ring(resource_class)
        # What is told of the others is not needed any more.
        for known in (self._pauses, self._sizes):
            for name in set(known).difference(classes):
                del known[name]
        self._sweep_at = time.monotonic() + CONF.conductor.sweep_interval

    def _pop(self):
        """Take the class that has been due for longest, None if none is."""
        with self._lock:
            first = min(self._due, key=self._due.__getitem__, default=None)
            if first is None or self._due[first] > time.monotonic():
                return None
            del self._due[first]
            return first

    def _pause(self):
        """Tell for how long there is nothing to do.

        :returns: seconds
        """
        now = time.monotonic()
        with self._lock:
            first = min(self._due.values(), default=self._sweep_at)
        return max(0.0, min(first, self._sweep_at) - now)

    def _put_off(self, resource_class):
        pause = self._pauses.get(resource_class, AGAIN)
        self._pauses[resource_class] = min(2 * pause, LONGEST)
        with self._lock:
            self._due.setdefault(resource_class, time.monotonic() + pause)

    def _serve(self, resource_class):
        """Make one transaction for a class; it is due again if more is left.

        One that fails is halved, down to the one that is at fault.

        :raises: an error of oslo.db if the database is away
        """
        size = self._sizes.get(resource_class, CONF.conductor.batch_size)
        attempts = session.Attempts()
        try:
            goes_on = (self._serve_one(resource_class) if size == ALONE
                       else self._serve_some(resource_class, size, attempts))
        except Exception as exc:
            self._examine(resource_class, max(size, 1), exc)
            if size == ALONE:
                self._put_off(resource_class)
                return
            size = len(attempts.last or ()) or size
            self._sizes[resource_class] = size // 2 if size > 1 else ALONE
            self.ring(resource_class)
            return
        self._grow(resource_class, size)
        if goes_on:
            self.ring(resource_class)

    def _grow(self, resource_class, size):
        """Serve more at once again, as that went well: one by one."""
        if size + 1 < CONF.conductor.batch_size:
            self._sizes[resource_class] = size + 1
        else:
            self._sizes.pop(resource_class, None)

    def _serve_some(self, resource_class, limit, attempts):
        """Make one transaction.

        :param attempts: session.Attempts
        :returns: whether there may be more to do
        """
        return self._receive(resource_class, limit, claims.serve(
            resource_class, limit, self._avoided.now(), attempts))

    def _serve_one(self, resource_class):
        """Serve one, with one node after another if need be.

        :returns: whether there may be more to do
        """
        def try_one(useless, attempts, before):
            return claims.serve(
                resource_class, 1, self._avoided.now(useless), attempts,
                before and before.allocation.id)

        try:
            batch = alone.claim(try_one)
        except alone.Spoilt as exc:
            if exc.claim is None:
                raise
            if exc.nodes == 1 and self._avoided.suspect(exc.claim):
                node = exc.claim.node
                self._avoided.note(claims.Batch(flaws={node.id: flaws.Flaw(
                    node, 'the database refuses it: %s' % exc.error)}))
            else:
                self._blame(exc.claim.allocation.id, exc.error)
            return True
        return self._receive(resource_class, 1, batch)

    def _examine(self, resource_class, limit, exc):
        """Say that a transaction failed, unless the database is away.

        :raises: an error of oslo.db if it is
        """
        try:
            alone.require_database(exc)
        except Exception:
            self._put_off(resource_class)
            raise
        LOG.warning('At most %(limit)d of those that wait for %(class)s '
                    'could not be served at once, trying fewer: %(error)s',
                    {'limit': limit, 'class': resource_class, 'error': exc})

    def _blame(self, id_, exc):
        """Note that an allocation cannot be served.

        It keeps nobody else waiting, and fails after some tries.

        :param exc: why; None for one that cannot be read
        """
        tries = self._avoided.blame_waiter(id_)
        LOG.warning('The allocation with id %(id)d, which waits, cannot be '
                    'served, try %(try)d of %(tries)d: %(error)s',
                    {'id': id_, 'try': tries, 'tries': alone.TRIES,
                     'error': exc or 'its row cannot be read'})
        if tries >= alone.TRIES:
            failed = alone.give_up(id_, alone.BROKEN if exc is None else
                                   alone.unprocessable(tries, exc))
            outcomes.report(claims.Batch(failed=failed))
            if failed:
                self._avoided.forget_waiter(id_)

    def _receive(self, resource_class, limit, batch):
        """Tell everybody what a transaction has done.

        :param limit: how many it might have served
        :param batch: claims.Batch; None if another process serves the class
        :returns: whether there may be more to do
        """
        if batch is None:
            self._put_off(resource_class)
            return False
        self._avoided.note(batch)
        self._avoided.meet_locked(resource_class, batch.locked)
        outcomes.report(batch)
        metrics.observe('served_per_look', len(batch.claims))
        if self._claimed and not all(claim.is_confirmed
                                     for claim in batch.claims):
            self._claimed()
        for id_ in batch.unreadable:
            self._blame(id_, None)
        if batch.locked:
            self._put_off(resource_class)
            return False
        self._pauses.pop(resource_class, None)
        return len(batch.claims) == limit or bool(
            batch.failed or batch.unreadable)
