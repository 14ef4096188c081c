# SPDX-License-Identifier: Apache-2.0
"""The decision on allocations for which no node could be locked.

Without a suitable node they fail; otherwise they wait for the transactions
that hold the nodes. To count the nodes of a class takes time, so a thread of
its own does it, and the matching loop goes on.
"""

import datetime
import threading
import time

from oslo_db import exception as db_exc
from oslo_log import log

from allocator.conf import CONF
from allocator.db import backends
from allocator.db import census
from allocator.db import claims
from allocator.db import conductors
from allocator.db import profiling
from allocator.db import suitability
from allocator.telemetry import metrics
from allocator.telemetry import outcomes

LOG = log.getLogger(__name__)

LOCKED = ('%(count)d suitable nodes exist, but other transactions kept all of '
          'them locked for %(seconds)d seconds.')
USELESS = ('%d suitable nodes exist, but they cannot be claimed. The log of '
           'the conductors says why.')

# Seconds for which a census holds. A node that is freed meanwhile is found by
# the transaction that would have the allocation fail.
CENSUS_AGE = 1

# Allocations of which it is remembered when they were first met.
REMEMBERED = 10000

# Seconds until a request is looked at again that waits for a look at backends.
LOOK = 0.2

# Seconds until a request is looked at again for which there is a node after
# all.
SOON = 0.05

# Seconds after which a decision is made on what has been counted so far.
ROUND = 0.5


class Decider:
    """Decides on the allocations that the matching loop hands over.

    They stay in state ``allocating`` until then; if the process is killed,
    a sweep of another one finds them.

    :param batches: Batches
    :param waiting: Patience
    :param wake: function to call when the loop has something to wait for
    :param report: function to call with each claims.Batch that was committed
    """

    def __init__(self, batches, waiting, wake, report=outcomes.report):
        self._batches = batches
        self._patience = waiting
        self._wake = wake
        self._report = report
        self._lock = threading.Lock()
        # Ids, and when they came, by requirement, the oldest first.
        self._groups = {}
        self._censuses = {}
        # When an allocation was first met that would fail, by its id, by the
        # database's clock.
        self._met: dict = {}
        self._profiler = None
        self._profiled_at = 0.0
        self._handed = threading.Event()
        self._stopping = threading.Event()

    def hand(self, rows):
        """Hand allocations over; never blocks for long.

        :param rows: their rows
        """
        now = time.monotonic()
        for row in rows:
            self._patience.hold(row.id)
            self._put(suitability.requirement_of(row), {row.id: now})
        if rows:
            self._handed.set()

    def stop(self):
        """Make run() return after the decision under way."""
        self._stopping.set()
        self._handed.set()

    def run(self):
        """Decide on whatever is handed over, until stopped."""
        while not self._stopping.is_set():
            self._handed.wait()
            self._handed.clear()
            try:
                self.decide()
            except Exception as exc:
                if isinstance(exc, db_exc.DBConnectionError):
                    LOG.warning('Waiting for the database: %s', exc)
                else:
                    LOG.exception('Allocations could not be decided on, '
                                  'trying again')
                self._stopping.wait(CONF.conductor.sweep_interval)
                self._handed.set()

    def decide(self):
        """Decide on everything that has been handed over."""
        while not self._stopping.is_set() and (groups := self._pop()):
            try:
                self._decide(groups)
            finally:
                # All of them, if the database went away.
                for requirement, ids in groups.items():
                    self._put(requirement, ids)

    def _put(self, requirement, ids):
        with self._lock:
            self._groups.setdefault(requirement, {}).update(ids)

    def _pop(self):
        """Take the oldest requirements, for a batch of allocations.

        :returns: dict of dicts, like _groups
        """
        found, size = {}, 0
        with self._lock:
            for requirement in list(self._groups):
                found[requirement] = self._groups.pop(requirement)
                size += len(found[requirement])
                if size >= CONF.conductor.batch_size:
                    break
        return found

    def _decide(self, groups):
        """Decide on some allocations.

        :param groups: like _groups; what is decided is taken from it
        """
        started = time.monotonic()
        hopeless: dict[int, str] = {}
        tired: dict[int, str] = {}
        counted: list[suitability.Requirement] = []
        for requirement, ids in groups.items():
            if counted and time.monotonic() - started > ROUND:
                break
            pending = self._still_pending(ids, started)
            if pending:
                self._judge(requirement, pending, hopeless, tired)
            counted.append(requirement)
        missed = {*hopeless, *tired}
        for batch in self._batches.decide(hopeless, patient=True):
            self._report(batch)
            self._step_aside(batch)
            missed -= batch.ids()
            for row in batch.unserved:
                # A node is free by now, but locked.
                if reason := self._wait(row.id, 1):
                    tired[row.id] = reason
        for batch in self._batches.decide(tired, patient=False):
            self._report(batch)
            self._step_aside(batch)
            missed -= batch.ids()
        if self._batches.meet_again(missed):
            self._wake()
        for requirement in counted:
            self._patience.forget_held(groups.pop(requirement))

    def _step_aside(self, batch):
        """Have those looked at again whose class was just being served."""
        for row in batch.put_off:
            self._patience.step_aside(row.id)
        if batch.put_off:
            self._wake()

    def _still_pending(self, ids, now):
        """Drop what another conductor may have decided on meanwhile."""
        if now - min(ids.values()) < CENSUS_AGE:
            return set(ids)
        return claims.still_pending(ids)

    def _judge(self, requirement, ids, hopeless, tired):
        """Sort allocations of one requirement out; or put them off.

        :param hopeless: dict of reasons by id, for those without a node
        :param tired: likewise, for those that have waited for long enough
        """
        try:
            suitable, sentence = self._census(requirement)
        except claims.OUTAGES:
            raise
        except Exception as exc:
            for id_ in ids:
                self._report(self._batches.blame(id_, exc))
            return
        if not suitable and not self._are_looks_fresh(ids):
            for id_ in ids:
                self._patience.put_off(id_, LOOK)
            self._wake()
            return
        for id_ in ids:
            if not suitable:
                hopeless[id_] = sentence
            elif reason := self._wait(id_, suitable):
                tired[id_] = reason

    def _census(self, requirement):
        """Count suitable nodes, unless they have been counted just now.

        :returns: their number, and why there is none
        """
        now = time.monotonic()
        self._catch_up(now)
        self._censuses = {key: found for key, found in self._censuses.items()
                          if now - found[0] < CENSUS_AGE}
        if requirement not in self._censuses:
            suitable, sentence = census.take(requirement)
            useless = suitable and self._batches.left_out()
            if useless:
                count = census.count_among(requirement, useless)
                suitable -= count
                sentence = USELESS % count
            self._censuses[requirement] = now, suitable, sentence
        return self._censuses[requirement][1:]

    def _are_looks_fresh(self, ids):
        """Tell whether each backend that answers has been looked at since.

        What has become free there is to be found before a request fails for
        want of a node.

        :param ids: ids of the allocations that would fail
        """
        if not backends.names():
            return True
        new = set(ids).difference(self._met)
        if new:
            self._met.update(dict.fromkeys(new, backends.now()))
        if not backends.want_looks(max(self._met[id_] for id_ in ids)):
            return False
        for id_ in ids:
            del self._met[id_]
        # Another conductor may have decided on the oldest ones.
        while len(self._met) > REMEMBERED:
            self._met.pop(next(iter(self._met)))
        return True

    def _catch_up(self, now):
        """Have nodes that an older release has just changed be found.

        While conductors of the first release live, its APIs may, too; these
        change traits without the profile.
        """
        if now - self._profiled_at < CENSUS_AGE:
            return
        self._profiled_at = now
        if conductors.all_know(conductors.PROFILES):
            self._profiler = None
            return
        if self._profiler is None:
            self._profiler = profiling.Profiler(
                profiling.now() - datetime.timedelta(
                    seconds=profiling.MARGIN))
        if self._profiler.run():
            self._wake()

    def _wait(self, id_, suitable):
        """Put an allocation off; or say why it has waited long enough."""
        waited = self._patience.waited(id_)
        if waited < (CONF.conductor.node_locked_retry_attempts
                     * CONF.conductor.node_locked_retry_interval):
            # What is free at the first count may have become so since the
            # walk, and be locked by nobody.
            pause = CONF.conductor.node_locked_retry_interval
            self._patience.put_off(id_, pause if waited else min(SOON, pause))
            metrics.count('claim_retries_total')
            self._wake()
            return None
        return LOCKED % {'count': suitable, 'seconds': waited}
