# SPDX-License-Identifier: Apache-2.0
"""The serving loop: nodes that become free go to those that wait."""

import threading
import time

from oslo_db import exception as db_exc
from oslo_log import log

from allocator.conductor import batches
from allocator.conductor import expiry
from allocator.conf import CONF
from allocator.db import claims
from allocator.db import failures
from allocator.db import session
from allocator.db import waiters
from allocator.telemetry import metrics
from allocator.telemetry import outcomes

LOG = log.getLogger(__name__)

# Seconds until a class is tried again that another process was serving.
AGAIN = 0.02
LONGEST = 1

# Seconds between two looks for deadlines that are over.
STEP = 1


class ServingLoop:
    """Serves the classes for whose nodes somebody waits.

    A class is served when a node of it may have become free, when somebody
    comes to wait, and at every sweep, which finds what no message told.

    :param left_out: function that lists ids of nodes not to be claimed
    """

    def __init__(self, left_out=tuple):
        self._left_out = left_out
        self._bell = threading.Event()
        self._lock = threading.Lock()
        self._stopping = False
        self._claimed = None
        # When to serve which class, in seconds of the monotonic clock, and
        # after which pause it was put off.
        self._due: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        # How often an allocation could not be served alone, and when to try
        # it again, by id.
        self._blamed: dict[int, tuple] = {}
        self._sweep_at = 0.0
        self._expiry = expiry.Expiry()

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
                self._due[resource_class] = 0.0
        self._bell.set()

    def stop(self):
        """Make run() return after the transaction under way."""
        self._stopping = True
        self._bell.set()

    def run(self):
        """Serve until stopped."""
        while not self._stopping:
            self._bell.clear()
            pause = STEP
            try:
                self.walk()
                pause = self._pause()
            except db_exc.DBConnectionError as exc:
                LOG.warning('Waiting for the database: %s', exc)
            except Exception:
                LOG.exception('Those that wait could not be served; trying '
                              'again')
            if not self._stopping:
                self._bell.wait(pause)

    def walk(self):
        """Serve every class that is to be served now."""
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + CONF.conductor.sweep_interval
            for resource_class in waiters.list_classes():
                with self._lock:
                    self._due.setdefault(resource_class, 0.0)
        while not self._stopping and (due := self._pop()):
            for resource_class in due:
                self._serve(resource_class)
        self._expiry.walk()

    def _pop(self):
        """Take the classes that are due."""
        now = time.monotonic()
        with self._lock:
            due = [name for name, when in self._due.items() if when <= now]
            for name in due:
                del self._due[name]
        return due

    def _pause(self):
        """Tell for how long there is nothing to do.

        :returns: seconds
        """
        now = time.monotonic()
        with self._lock:
            first = min(self._due.values(), default=now + STEP)
        return max(0.0, min(first - now, self._sweep_at - now,
                            self._expiry.pause(STEP)))

    def _put_off(self, resource_class):
        pause = self._pauses.get(resource_class, AGAIN)
        self._pauses[resource_class] = min(2 * pause, LONGEST)
        with self._lock:
            self._due.setdefault(resource_class, time.monotonic() + pause)

    def _serve(self, resource_class):
        """Serve a class until nothing is free, or nobody waits."""
        limit = CONF.conductor.batch_size
        while not self._stopping:
            try:
                batch, is_over = self._try(resource_class, limit)
            except claims.OUTAGES:
                self._put_off(resource_class)
                raise
            except Exception as exc:
                if limit == 1:
                    LOG.warning('Class %(class)s could not be served: '
                                '%(error)s',
                                {'class': resource_class, 'error': exc})
                    self._put_off(resource_class)
                    return
                # One by one, down to the one that is at fault.
                limit = 1
                continue
            if batch is None:
                self._put_off(resource_class)
                return
            self._pauses.pop(resource_class, None)
            self._receive(batch)
            if is_over:
                return

    def _try(self, resource_class, limit):
        """Make one transaction; whoever spoils one alone is passed over.

        :returns: claims.Batch, or None if another process serves the class;
            whether there is nothing left to do
        """
        attempts = session.Attempts()
        now = time.monotonic()
        skip = [id_ for id_, (_tries, until) in self._blamed.items()
                if until > now]
        try:
            batch = claims.serve(resource_class, limit, self._left_out(),
                                 skip, attempts)
        except claims.OUTAGES:
            raise
        except Exception as exc:
            if limit > 1 or not attempts.last:
                raise
            return self._blame(attempts.last[0], exc), False
        return batch, batch is None or len(batch.claims) < limit

    def _blame(self, row, exc):
        """Note that an allocation cannot be served.

        It keeps nobody else waiting, and fails after some tries.

        :returns: claims.Batch
        """
        tries = 1 + self._blamed.get(row.id, (0,))[0]
        self._blamed[row.id] = tries, time.monotonic() + (
            CONF.conductor.sweep_interval)
        LOG.warning('Allocation %(uuid)s, which waits, cannot be served, try '
                    '%(try)d of %(tries)d: %(error)s',
                    {'uuid': row.uuid, 'try': tries, 'tries': batches.TRIES,
                     'error': exc})
        failed = failures.fail_waiting(
            row.id, None if tries < batches.TRIES else
            batches.UNPROCESSABLE % {'tries': tries,
                                     'error': type(exc).__name__})
        if failed:
            del self._blamed[row.id]
        return claims.Batch(failed=failed)

    def _receive(self, batch):
        outcomes.report(batch)
        metrics.observe('served_per_look', len(batch.claims))
        if self._claimed and not all(claim.is_confirmed
                                     for claim in batch.claims):
            self._claimed()
