# SPDX-License-Identifier: Apache-2.0
"""The mirror of a backend: its nodes, kept in the table of nodes.

One process at a time holds a backend. It looks at everything first, then at
what has changed, and now and then at everything again. What it sees it writes
through ``allocator.db.mirrored_nodes``, which compares and fences.
"""

import datetime
import os
import threading
import time
from typing import Any

from oslo_log import log
from oslo_utils import uuidutils

from allocator.backends import exception
from allocator.backends import facts as backend_facts
from allocator.backends import horizon
from allocator.backends import imports
from allocator.backends import looks
from allocator.backends import registry
from allocator.backends import watch
from allocator.conf import CONF
from allocator.db import backends
from allocator.db import conductors
from allocator.db import mirrored_nodes
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

# How much later than its own time a transaction may be seen.
LATE = datetime.timedelta(seconds=10)

# Nodes of one transaction.
BATCH = 100

# Part of the nodes that may be missing at once.
MISSING = 0.05

# How often a node is asked for anew that changes here meanwhile.
REREADS = 5


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
        self._renew_at = 0.0
        self._holder = '%s:%d:%s' % (CONF.host, os.getpid(),
                                     uuidutils.generate_uuid())
        self._stopping = threading.Event()
        self.hold: Any = None
        self._url_is_noted = False
        self._waits = False
        self._last_look = 0.0
        self._forget()

    def _forget(self):
        """Drop what was known of the backend's nodes."""
        self._generations = {}
        self._digests = {}
        self._horizon = horizon.Horizon()
        self._looked_at = None
        self._next_look = self._next_sweep = 0.0

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
        self._keep_hold(row, asked_at)
        if self.hold is None:
            return
        now = time.monotonic()
        if now >= self._next_sweep:
            self._look(self._sweep, is_full=True)
            self._next_sweep = time.monotonic() + (
                CONF[self.name].sweep_interval)
        elif (self._is_wanted(row)
              and now >= self._last_look + LOOK_EACH):
            self._look(self._look_for_somebody, is_full=False)
        elif now >= self._next_look:
            self._look(self._look_for_changes, is_full=False)

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
        if is_mine and time.monotonic() < self._renew_at and (
                row.is_drained != CONF[self.name].allocate):
            return
        if not is_mine and row.held_until is not None and (
                row.held_until > asked_at):
            self.hold = None
            return
        if self.hold is None and self._has_to_wait():
            return
        before, self.hold = self.hold, self._try_to_hold()
        self._renew_at = time.monotonic() + RENEWED
        if self.hold is not None and (
                before is None or before.epoch != self.hold.epoch):
            self._forget()
            self._generations = mirrored_nodes.generations(
                self.hold.backend_id)
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
        begun = backends.now()
        self._last_look = time.monotonic()
        # What we have changed ourselves since the last look need not be asked
        # for again one by one.
        self._generations.update(mirrored_nodes.written_generations(
            self.hold.backend_id, (self._looked_at or begun) - LATE))
        self._looked_at = begun
        try:
            # Each look is a request of its own in the backend's log.
            missing = look(registry.get(self.name).on_behalf_of())
        except exception.BackendError as exc:
            LOG.warning('%s', exc)
            metrics.count('backend_looks_total', backend=self.name,
                          kind='failed')
            backends.note_failure(self.hold, str(exc))
            self._next_sweep = min(self._next_sweep, time.monotonic()
                                   + CONF[self.name].poll_interval)
            missing = None
        else:
            if not self._url_is_noted:
                self._note_url()
            backends.note_look(self.hold, begun, is_full, missing)
            metrics.count('backend_looks_total', backend=self.name,
                          kind='full' if is_full else 'changes')
            metrics.observe('backend_look_seconds',
                            time.monotonic() - self._last_look,
                            backend=self.name)
        self._next_look = time.monotonic() + CONF[self.name].poll_interval
        return missing

    # --- Looks -------------------------------------------------------------

    def _look_for_changes(self, client):
        return self._look_back(client, self._horizon.begin())

    def _look_for_somebody(self, client):
        return self._look_back(client, self._horizon.begin(is_awaited=True))

    def _look_back(self, client, view):
        for page in looks.changes(client, self.name, view.until):
            self._take_in(client, page)
        for page in looks.newcomers(client, self.name, self._generations):
            self._take_in(client, page)
        self._horizon.end(view)
        return 0

    def _sweep(self, client):
        """Compare everything.

        :returns: number of nodes that are missing and were not removed
        """
        seen: set[str] = set()
        known_before = set(self._generations)
        importing = imports.Imports(client, self.hold)
        view = self._horizon.begin(is_awaited=True)
        for page in looks.everything(client, self.name):
            seen.update(facts.uuid for facts in page)
            self._take_in(client, page, importing, in_full=True)
        self._horizon.end(view)
        importing.remove_failed()
        return self._miss(client, known_before - seen, len(known_before))

    def _take_in(self, client, page, importing=None, in_full=False):
        """Write what is new on a page."""
        importing = importing or imports.Imports(client, self.hold)
        metrics.count('backend_nodes_read_total', len(page),
                      backend=self.name)
        news = [facts for facts in page
                if self._digests.get(facts.uuid) != facts.digest()]
        if in_full and page:
            # Whatever has been written here since must be seen, too.
            news = mirrored_nodes.differing(self.hold.backend_id, page)
        passed = set()
        for start in range(0, len(news), BATCH):
            passed |= self._apply(client, news[start:start + BATCH],
                                  importing)
        for facts in page:
            if facts.uuid in passed:
                # It is news still at the next look.
                self._digests.pop(facts.uuid, None)
            else:
                self._digests[facts.uuid] = facts.digest()
            self._horizon.note(facts.updated_at)

    def _apply(self, client, batch, importing):
        """Write what the backend has said of some nodes.

        :returns: set of UUIDs of those of which it does not count, or not
            all of it
        """
        outcome = mirrored_nodes.apply(self.hold, batch, self._generations)
        lasting = self._follow_up(client, outcome, {
            facts.uuid: facts for facts in batch}, importing)
        for uuid in outcome.changed:
            self._reread(client, uuid, importing)
        return {*outcome.changed, *outcome.busy, *lasting,
                *importing.lasting}

    def _follow_up(self, client, outcome, facts, importing):
        """Do what follows from what was written.

        :returns: list of UUIDs of nodes whose allocation the backend still
            knows, though the node does not
        """
        self._generations.update(outcome.generations)
        if outcome.written:
            metrics.count('backend_nodes_written_total', outcome.written,
                          backend=self.name)
            self._ring()
        for uuid in outcome.foreign:
            LOG.error('Node %(node)s of backend %(name)s is left out: '
                      'another backend, or this service itself, has a node '
                      'of this UUID', {'node': uuid, 'name': self.name})
        unknown, lasting = list(outcome.unknown), []
        for node, allocation in outcome.ended:
            found = facts[node]
            if not self._end(client, node, allocation, found.instance_uuid):
                lasting.append(node)
            elif found.allocation_uuid:
                # Somebody was given the node at once.
                unknown.append((node, found.allocation_uuid))
        for node, allocation in unknown:
            if importing.take_over(node, allocation):
                self._generations[node] = mirrored_nodes.generation(
                    self.hold.backend_id, node)
        return lasting

    def _end(self, client, node, allocation, instance_uuid):
        """End an allocation here if it has ended there.

        :returns: whether it has
        """
        try:
            client.get_allocation(allocation)
        except exception.NotFound:
            ended = imports.end(self.hold, node, allocation, instance_uuid)
            self._generations[node] = mirrored_nodes.generation(
                self.hold.backend_id, node)
            self._ring()
            return ended is not None
        return False

    def _reread(self, client, uuid, importing):
        """Ask for a node whose row has changed since it was asked for."""
        for _attempt in range(REREADS):
            expected = {uuid: mirrored_nodes.generation(
                self.hold.backend_id, uuid)}
            try:
                found = backend_facts.of_node(client.get_node(uuid))
            except exception.NotFound:
                # A full look tells whether it is gone.
                return
            outcome = mirrored_nodes.apply(self.hold, [found], expected)
            if not outcome.changed:
                self._follow_up(client, outcome, {uuid: found}, importing)
                return

    # --- What is missing ---------------------------------------------------

    def _miss(self, client, missing, total):
        """Remove the nodes that a full look has missed.

        :returns: number of those that were not removed
        """
        if not missing:
            return 0
        try:
            client.get_conductors()
        except exception.Denied:
            LOG.error('%(count)d nodes of backend %(name)s are missing, but '
                      'its user may not see everything, so they stay',
                      {'count': len(missing), 'name': self.name})
            return len(missing)
        accepted = backends.get_row(self.name).accepted
        if len(missing) > max(MISSING * total, 1) and (
                len(missing) > accepted):
            LOG.error('%(count)d of %(total)d nodes of backend %(name)s are '
                      'missing at once and stay. If that is right, run '
                      '"allocator-manage backend accept %(name)s".',
                      {'count': len(missing), 'total': total,
                       'name': self.name})
            return len(missing)
        for uuid in missing:
            self._miss_one(client, uuid)
        return 0

    def _miss_one(self, client, uuid):
        allocation = mirrored_nodes.get_allocated(self.hold.backend_id, uuid)
        try:
            node = client.get_node(uuid)
        except exception.NotFound:
            if allocation is not None:
                self._end(client, uuid, allocation, None)
        else:
            found = backend_facts.of_node(node)
            if looks.admits(self.name, found) or allocation is not None:
                # Allocated nodes stay, whatever the filters say now.
                self._reread(client, uuid,
                             imports.Imports(client, self.hold))
                return
        if mirrored_nodes.remove(self.hold, uuid):
            self._generations.pop(uuid, None)
            self._digests.pop(uuid, None)


