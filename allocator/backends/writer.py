# SPDX-License-Identifier: Apache-2.0
"""Writers: bring a backend to what is wanted there.

What is wanted is a row of ``backend_writes``. A writer leases one, asks and
tells the backend while no transaction is open (``allocator.backends.claim``,
``allocator.backends.release``), and what it has heard is entered in a
transaction that compares attempt and lease. It may be paused or killed
anywhere: the lease ends by itself, and the next one goes on from what the
backend says.
"""

from concurrent import futures
import heapq
import math
import threading
import time

from oslo_log import log

from allocator.backends import claim
from allocator.backends import exception
from allocator.backends import registry
from allocator.backends import release
from allocator.backends import watch
from allocator.conf import CONF
from allocator.db import backend_writes
from allocator.telemetry import metrics
from allocator.telemetry import tracing

LOG = log.getLogger(__name__)

# Seconds between two looks at the table without a ring. Rows of other
# processes that were killed are found so.
LOOK_EACH = 1

# Seconds after which the lease of a write under way is renewed.
RENEW_EACH = backend_writes.LEASE / 4

# Seconds before a write without an answer is tried again: first, and at most.
RETRY = 0.5
MAX_RETRY = 30
MAX_DOUBLINGS = 10

_CARRY_OUT = {backend_writes.CLAIM: claim.carry_out,
              backend_writes.BACKFILL: claim.carry_out_backfill,
              backend_writes.RELEASE: release.carry_out}


class Writers:
    """The writers of one backend in this process.

    :param name: name of the backend
    :param ring: function to be called when the queue has to be looked at
    :param watched: watch.Watch of this process; unless given, every look
        reads anew
    """

    def __init__(self, name, ring=lambda: None, watched=None):
        self.name = name
        self._ring = ring
        self._watch = watched or watch.Watch(0, 0)
        # A heap of when writes of this process are to be tried again, in
        # seconds of the monotonic clock.
        self._retries: list[float] = []
        self._bell = threading.Event()
        # Whether a write has ended since, so that another may be leased.
        self._has_ended = False
        self._stopping = False
        # When the lease of each began, or was renewed last, by the lease.
        self._under_way: dict[str, tuple[backend_writes.Write, float]] = {}
        self._lock = threading.Lock()

    def ring(self):
        """Have the watch be asked whether there is work; never blocks."""
        self._bell.set()

    def stop(self):
        """Make run() return after the writes that are under way."""
        self._stopping = True
        self._bell.set()

    def run(self):
        """Write until stopped."""
        size = CONF[self.name].max_requests
        with futures.ThreadPoolExecutor(
                size, thread_name_prefix='Writer-' + self.name) as pool:
            while not self._stopping:
                self._bell.clear()
                try:
                    self._renew()
                    if self._is_due():
                        self._look(pool)
                except Exception as exc:
                    # The rows are still there for the next look.
                    LOG.warning('The writes of backend %(name)s wait: '
                                '%(error)s',
                                {'name': self.name, 'error': exc})
                if not self._stopping:
                    self._bell.wait(self._pause())

    def _is_due(self):
        """Tell whether there may be something to be leased."""
        now = time.monotonic()
        with self._lock:
            is_time, self._has_ended = self._has_ended, False
            while self._retries and self._retries[0] <= now:
                heapq.heappop(self._retries)
                is_time = True
        return is_time or self._watch.is_due(
            self._watch.row(self.name)[0].id)

    def _pause(self):
        with self._lock:
            due = self._retries[0] if self._retries else math.inf
        return min(LOOK_EACH, max(due - time.monotonic(), 0))

    def _look(self, pool):
        """Lease what is due, as far as there are threads for it."""
        limit = CONF[self.name].max_requests
        if len(self._under_way) >= limit:
            # Whoever ends rings.
            return
        for write in backend_writes.lease(
                self._watch.row(self.name)[0], limit):
            with self._lock:
                self._under_way[write.lease] = write, write.begun
            pool.submit(self._run, write)

    def _renew(self):
        """Have the leases last of what takes longer than most."""
        now = time.monotonic()
        with self._lock:
            due = [write for write, renewed in self._under_way.values()
                   if now - renewed >= RENEW_EACH]
        if not due:
            return
        backend_writes.renew(due)
        with self._lock:
            for write in due:
                if write.lease in self._under_way:
                    self._under_way[write.lease] = write, now

    def _run(self, write):
        outcome = None
        try:
            with tracing.work_for(write.row.uuid, 'write to backend',
                                  backend=self.name, wants=write.row.wants):
                outcome = self._carry_out(write)
        except Exception:
            LOG.exception('The write for %(uuid)s at backend %(name)s '
                          'failed', {'uuid': write.row.uuid,
                                     'name': self.name})
            self._put_off(write, 'an unexpected error')
        finally:
            with self._lock:
                del self._under_way[write.lease]
                self._has_ended = True
            self._bell.set()
            if outcome != backend_writes.CONFIRMED:
                self._ring()

    def _carry_out(self, write):
        """Carry a write out, or say when it is to be tried again.

        :returns: an outcome of backend_writes, or None
        """
        outcome = 'unknown'
        reason: exception.BackendError | None = None
        try:
            client = registry.get(self.name).on_behalf_of(
                write.row.request_id)
            outcome = _CARRY_OUT[write.row.wants](client, write)
            backend_writes.note_answer(write.row.backend_id, True)
            if (write.row.wants, outcome) == (backend_writes.CLAIM,
                                              backend_writes.REFUSED):
                # It can be matched, however long the backend takes to say
                # more.
                self._ring()
                claim.doubt(client, write)
        except backend_writes.LeaseLost:
            LOG.info('What was wanted for %(uuid)s at backend %(name)s is '
                     'no longer', {'uuid': write.row.uuid,
                                   'name': self.name})
            return None
        except exception.Denied as exc:
            # Nothing is to be had there before that is put right.
            backend_writes.note_answer(write.row.backend_id, False)
            reason = exc
        except (exception.Refused, exception.Unsettled) as exc:
            # An answer, but to a question, not to the deed.
            backend_writes.note_answer(write.row.backend_id, True)
            reason = exc
        except exception.BackendError as exc:
            backend_writes.note_answer(write.row.backend_id, False)
            reason = exc
        metrics.count('backend_writes_total', backend=self.name,
                      outcome=outcome)
        if reason is None:
            return outcome
        self._put_off(write, str(reason))
        return None

    def _put_off(self, write, reason):
        LOG.warning('The %(wants)s of %(uuid)s at backend %(name)s is not '
                    'certain yet: %(reason)s',
                    {'wants': write.row.wants, 'uuid': write.row.uuid,
                     'name': self.name, 'reason': reason})
        metrics.count('backend_write_retries_total', backend=self.name,
                      wants=write.row.wants)
        try:
            if write.row.wants == backend_writes.CLAIM and (
                    claim.go_elsewhere(write, reason)):
                return
            # No float holds the power of what was tried all night.
            pause = min(RETRY * 2 ** min(write.row.tries, MAX_DOUBLINGS),
                        MAX_RETRY)
            backend_writes.put_off(write, pause, reason)
            with self._lock:
                heapq.heappush(self._retries, time.monotonic() + pause)
        except backend_writes.LeaseLost:
            return
        except Exception as exc:
            # The lease ends by itself.
            LOG.warning('%s', exc)
