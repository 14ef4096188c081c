# SPDX-License-Identifier: Apache-2.0
"""The mirror of a backend: its nodes, kept in the table of nodes.

One process at a time holds a backend. It looks at everything first, then at
what has changed, and now and then at everything again. What it sees is
compared with what is kept here (``allocator.backends.comparison``).
"""

import functools
import os
import threading
import time
from typing import Any

from oslo_log import log
from oslo_utils import uuidutils

from allocator.backends import comparison
from allocator.backends import exception
from allocator.backends import registry
from allocator.backends import watch
from allocator.common.i18n import _
from allocator.conf import CONF
from allocator.db import backends
from allocator.db import conductors
from allocator.db import waiters
from allocator.telemetry import metrics

LOG = log.getLogger(__name__)

# Seconds that a backend stays held without a word of its holder, and after
# which the holder says one.
HELD = 10
RENEWED = 3

# Seconds between two looks at the row of a backend: whether it can be held,
# whether somebody waits for a look.
STEP = 0.25

# Seconds between two looks at the least, however many wait.
LOOK_EACH = 1

# Seconds between two looks at the most as long as somebody waits in the queue,
# whatever poll_interval is.
LOOK_FOR_WAITERS = 2


class Mirror:
    """Mirrors one backend, whenever this process holds it.

    :param name: name of the backend
    :param ring: function to be called when nodes may have become free
    :param watched: watch.Watch of this process; unless given, every step
        reads anew
    :ivar hold: backends.Hold, or None while another process has it
    """

    def __init__(self, name, ring=lambda: None, watched=None):
        self.name = name
        self._ring = ring
        self._watch = watched or watch.Watch(0, 0)
        self._holder = '%s:%d:%s' % (CONF.host, os.getpid(),
                                     uuidutils.generate_uuid())
        self._stopping = threading.Event()
        self.hold: Any = None
        self._url_is_noted = False
        self._waits = False
        self._was_eligible = False
        # Times of the monotonic clock.
        self._last_look = self._next_look = self._next_sweep = 0.0
        self._comparison: Any = None

    def stop(self):
        """Make run() return soon."""
        self._stopping.set()

    def run(self):
        """Mirror until stopped."""
        while not self._stopping.is_set():
            try:
                self._step()
            except backends.HoldLost:
                LOG.info('Backend %s is mirrored by another process now',
                         self.name)
                self.hold = None
            except Exception:
                # There is nobody else to tell, and the next step may do.
                LOG.exception('The mirror of backend %s failed', self.name)
                self._stopping.wait(LOOK_EACH)
            self._stopping.wait(STEP)
        self._let_go()

    def _let_go(self):
        if self.hold is not None:
            try:
                backends.let_go(self.hold)
            except Exception as exc:
                LOG.warning('Backend %(name)s stays held for some seconds: '
                            '%(error)s', {'name': self.name, 'error': exc})

    def _step(self):
        """Hold the backend, and look at it if it is time."""
        row, asked_at = self._watch.row(self.name)
        self._tell_eligible(row, asked_at)
        self._keep_hold(row, asked_at)
        if self.hold is None:
            return
        if time.monotonic() >= self._next_sweep:
            self._look(functools.partial(self._comparison.sweep,
                                         between=self._look_between),
                       is_full=True)
        else:
            self._look_for_changes(row)

    def _tell_eligible(self, row, now):
        """Ring if nodes may be handed out that could not be for a while.

        Whoever waits would get them at a sweep only. Each process does so,
        whether it holds the backend or not.
        """
        before, self._was_eligible = self._was_eligible, (
            backends.is_eligible(row, now))
        if self._was_eligible and not before:
            backends.ask_anew()
            self._ring()

    def _look_between(self):
        """Look for changes while a full look is under way, if it is time.

        A full look at very many nodes takes longer than a change is to stay
        unknown, or the backend would pass for one not heard of.
        """
        self._look_for_changes(self._watch.row(self.name)[0])

    def _look_for_changes(self, row):
        """Look for changes if it is time, or somebody waits for a look."""
        if not self._comparison.is_complete:
            # Whatever is known, changes would be everything.
            return
        now = time.monotonic()
        is_awaited = self._is_wanted(row) and (
            now >= self._last_look + LOOK_EACH)
        if is_awaited or now >= self._next_look:
            self._look(functools.partial(self._comparison.look_back,
                                         is_awaited=is_awaited),
                       is_full=False)

    def _has_to_wait(self):
        """Tell whether a conductor is alive that knows nothing of backends.

        To it a mirrored node would be one of this service itself.
        """
        before, self._waits = self._waits, not conductors.all_know(
            conductors.BACKENDS)
        if self._waits and not before:
            LOG.info('Backend %s is not mirrored before all conductors that '
                     'are alive are of this release', self.name)
        return self._waits

    def _keep_hold(self, row, asked_at):
        """Hold the backend if nobody does, and go on holding it.

        :param row: its row
        :param asked_at: when that was read, by the database's clock
        """
        is_mine = row.holder == self._holder and self.hold is not None and (
            row.epoch == self.hold.epoch)
        left = (row.held_until - asked_at).total_seconds() if (
            row.held_until is not None) else 0
        # All that a process holds is kept together, by its keeper.
        if is_mine and left > HELD - 2 * RENEWED and (
                row.is_drained != CONF[self.name].allocate):
            return
        if not is_mine and left > 0:
            self.hold = None
            return
        if self.hold is None and self._has_to_wait():
            return
        before, self.hold = self.hold, self._try_to_hold()
        if self.hold is not None and (
                before is None or before.epoch != self.hold.epoch):
            self._comparison = comparison.Comparison(self.hold, self._ring)
            self._next_look = self._next_sweep = 0.0
            self._note_url()
            LOG.info('Backend %s is mirrored by this process', self.name)

    def _try_to_hold(self):
        return backends.hold(self.name, self._holder, HELD,
                             is_drained=not CONF[self.name].allocate)

    def _note_url(self):
        try:
            backends.note_url(self.hold,
                              registry.get(self.name).get_public_url())
        except exception.BackendError as exc:
            LOG.warning('%s', exc)
            # The next time that it is held.
            self._url_is_noted = False
        else:
            self._url_is_noted = True

    def _is_wanted(self, row):
        return row.look_wanted_at is not None and (
            row.looked_at is None or row.looked_at <= row.look_wanted_at)

    def _look(self, look, is_full):
        """Look at the backend, and note how that went.

        :param look: function that takes a client and returns how many nodes
            are missing
        :param is_full: whether everything is compared
        """
        started = self._last_look = time.monotonic()
        begun = self._comparison.begin()
        poll_interval = CONF[self.name].poll_interval
        try:
            # Each look is a request of its own in the backend's log.
            missing = look(registry.get(self.name).on_behalf_of())
        except backends.HoldLost:
            raise
        except Exception as exc:
            self._fail(exc)
            again = time.monotonic() + poll_interval
            self._next_sweep = again if is_full else min(self._next_sweep,
                                                         again)
        else:
            if not self._url_is_noted:
                self._note_url()
            backends.note_look(self.hold, begun, is_full, missing)
            metrics.count('backend_looks_total', backend=self.name,
                          kind='full' if is_full else 'changes')
            metrics.observe('backend_look_seconds',
                            time.monotonic() - started, backend=self.name)
            if is_full:
                self._next_sweep = time.monotonic() + (
                    CONF[self.name].sweep_interval)
        if poll_interval > LOOK_FOR_WAITERS and waiters.is_anybody():
            poll_interval = LOOK_FOR_WAITERS
        self._next_look = time.monotonic() + poll_interval

    def _fail(self, error):
        """Note that a look has failed, whatever the reason.

        Otherwise requests would wait for a look that never comes.
        """
        if isinstance(error, exception.BackendError):
            LOG.warning('%s', error)
            reason = str(error)
        else:
            LOG.exception('A look at backend %s failed', self.name)
            reason = _('Unexpected %(kind)s: see the log of the conductor at '
                       '%(host)s.') % {'kind': type(error).__name__,
                                       'host': CONF.host}
        metrics.count('backend_looks_total', backend=self.name,
                      kind='failed')
        backends.note_failure(self.hold, reason)
