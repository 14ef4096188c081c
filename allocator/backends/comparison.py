# SPDX-License-Identifier: Apache-2.0
"""Comparison: what a backend says of its nodes, and what is kept here.

It belongs to one holder of a backend. What is news it writes through
``allocator.db.mirrored_nodes``, which compares and fences, and does what
follows from that: allocations that have ended there end here, those that are
not known here are taken over.
"""

import datetime

from oslo_log import log

from allocator.backends import exception
from allocator.backends import facts as backend_facts
from allocator.backends import horizon
from allocator.backends import imports
from allocator.backends import looks
from allocator.db import backends
from allocator.db import mirrored_allocations
from allocator.db import mirrored_nodes
from allocator.telemetry import metrics

LOG = log.getLogger(__name__)

# How much later than its own time a transaction may be seen.
LATE = datetime.timedelta(seconds=10)

# Nodes of one transaction.
BATCH = 100

# Part of the nodes that may be missing at once.
MISSING = 0.05

# How often a node is asked for anew that changes here meanwhile.
REREADS = 5


class Comparison:
    """Compares a backend's nodes with their rows, look by look.

    :param hold: backends.Hold
    :param ring: function to be called when nodes may have become free
    :ivar is_complete: whether everything has been compared once
    """

    def __init__(self, hold, ring):
        self.hold = hold
        self.name = hold.name
        self.is_complete = False
        self._ring = ring
        self._generations = mirrored_nodes.generations(hold.backend_id)
        self._digests: dict[str, int] = {}
        self._memory = looks.Memory()
        self._horizon = horizon.Horizon()
        self._begun = None
        # Nodes that have become known since the last look at newcomers came
        # to its end: others, enrolled before them, may be unknown still.
        self._arrived: set[str] = set()
        # Newcomers that are left out, and need not be met again and again.
        self._left_out: set[str] = set()
        # What is said of nodes whose name, or instance, another one has here
        # still.
        self._contested: dict[str, backend_facts.Facts] = {}
        # What was reported of nodes that cannot be read or written.
        self._reported: dict[str, str] = {}

    # --- Looks -------------------------------------------------------------

    def begin(self):
        """Begin a look.

        :returns: the time, by the database's clock
        """
        # What we have changed ourselves since the last look need not be asked
        # for again one by one.
        begun, written = mirrored_nodes.begin_look(
            self.hold.backend_id, self._begun and self._begun - LATE)
        for uuid, generation in written.items():
            self._note_written(uuid, generation)
        self._begun = begun
        return begun

    def _note_written(self, uuid, generation):
        """Note that somebody else may have written a node.

        :param generation: that of its row now, or None if it is gone
        """
        if self._generations.get(uuid) == generation:
            return
        # It may be older than what was last said of it, so that the same is
        # news if it is said again.
        self._digests.pop(uuid, None)
        if generation is None:
            self._generations.pop(uuid, None)
        else:
            self._generations[uuid] = generation

    def look_back(self, client, is_awaited=False):
        """Compare what has changed, and what is new.

        :param client: client.Client of the backend
        :param is_awaited: whether a request waits for it
        :returns: 0, the number of nodes that are missing
        :raises allocator.backends.exception.BackendError: it did not answer
        :raises: backends.HoldLost
        """
        view = self._horizon.begin(is_awaited)
        for page in looks.changes(client, view.until, self._memory):
            self._take_in(client, page)
        met: set[str] = set()
        for page in looks.newcomers(client, self.name, self._is_known):
            met.update(page.uuids())
            self._take_in(client, page)
        self._arrived.clear()
        self._left_out.update(met.difference(self._generations))
        self._try_contested_again(client)
        self._horizon.end(view)
        return 0

    def sweep(self, client, between=lambda: None):
        """Compare everything.

        :param between: function to be called between two requests, for what
            is not to wait for the end
        :returns: number of nodes that are missing and were not removed
        :raises: as look_back()
        """
        # Whatever was changed, or removed, here.
        self._generations = mirrored_nodes.generations(self.hold.backend_id)
        self._left_out.clear()
        before, seen = set(self._generations), set()
        importing = imports.Imports(client, self.hold)
        view = self._horizon.begin(is_awaited=True)
        for page in looks.everything(client, self.name):
            seen.update(page.uuids())
            self._take_in(client, page, importing, in_full=True)
            between()
        self._try_contested_again(client)
        self._horizon.end(view)
        importing.remove_failed()
        self.is_complete = True
        missing = [uuid for uuid in before - seen
                   if uuid in self._generations]
        return self._miss(client, missing, len(before), between)

    def _is_known(self, uuid):
        return uuid in self._left_out or (
            uuid in self._generations and uuid not in self._arrived)

    # --- What is said of nodes ---------------------------------------------

    def _take_in(self, client, page, importing=None, in_full=False):
        """Write what is new on a page."""
        importing = importing or imports.Imports(client, self.hold)
        metrics.count('backend_nodes_read_total', len(page.nodes),
                      backend=self.name)
        for error in page.unread:
            self._report(error.uuid, error)
        for facts in page.nodes:
            self._horizon.note(facts.updated_at)
            # This is newer.
            self._contested.pop(facts.uuid, None)
        selected = looks.selection(self.name)

        def counts(facts):
            return facts.uuid in self._generations or looks.admits(
                selected, facts)

        nodes = list(filter(counts, page.nodes))
        news = [facts for facts in nodes
                if self._digests.get(facts.uuid) != facts.digest]
        if in_full and nodes:
            # Whatever has been written here since must be seen, too.
            news = mirrored_nodes.differing(self.hold.backend_id, nodes)
        else:
            self._arrived.update(facts.uuid for facts in news
                                 if facts.uuid not in self._generations)
        inside = [facts for facts in news if looks.admits(selected, facts)]
        passed = set()
        for start in range(0, len(inside), BATCH):
            passed |= self._apply(client, inside[start:start + BATCH],
                                  importing)
        for facts in news:
            if not looks.admits(selected, facts):
                passed |= self._leave_out(client, facts, importing)
        # Without those that have just been removed.
        self._remember(filter(counts, nodes), passed)

    def _remember(self, nodes, passed):
        """Remember what was said of nodes, as far as it is entered."""
        for facts in nodes:
            if facts.uuid in passed:
                # It is news still at the next look.
                self._digests.pop(facts.uuid, None)
            else:
                self._digests[facts.uuid] = facts.digest

    def _leave_out(self, client, facts, importing):
        """Remove a node that the filters do not select any more.

        One that is allocated stays, and what is said of it counts.

        :returns: as _apply()
        """
        if self._remove(facts.uuid):
            return set()
        passed = self._apply(client, [facts], importing)
        if facts.uuid not in passed:
            # Its allocation may just have ended.
            self._remove(facts.uuid)
        return passed

    def _remove(self, uuid):
        """Remove a node, unless it is allocated.

        :returns: whether it is not there any more
        """
        if not mirrored_nodes.remove(self.hold, uuid):
            return False
        self._generations.pop(uuid, None)
        self._digests.pop(uuid, None)
        return True

    def _apply(self, client, batch, importing):
        """Write what the backend has said of some nodes.

        :returns: set of UUIDs of those of which it does not count, or not
            all of it
        """
        outcome = mirrored_nodes.apply(self.hold, batch, self._generations)
        by_uuid = {facts.uuid: facts for facts in batch}
        lasting = self._follow_up(client, outcome, by_uuid, importing)
        for uuid in (*outcome.nameless, *outcome.taken):
            self._contested[uuid] = by_uuid[uuid]
        for uuid in outcome.changed:
            self._reread(client, uuid, importing)
        return {*outcome.changed, *outcome.busy, *outcome.nameless,
                *outcome.taken, *lasting, *importing.lasting}

    def _try_contested_again(self, client):
        """Give nodes what they had to wait for others to lose."""
        if self._contested:
            self._take_in(client, looks.Page(list(self._contested.values())))

    def _report(self, uuid, error):
        """Report a node that cannot be read or written, once."""
        if self._reported.get(uuid) != str(error):
            self._reported[uuid] = str(error)
            LOG.error('What backend %(name)s says of node %(node)s does not '
                      'count, for it cannot be read: %(error)s',
                      {'name': self.name, 'node': uuid, 'error': error})

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
        for uuid, error in outcome.unwritten:
            self._report(uuid, error)
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
        """Ask for one node, and write what is said of it.

        :returns: whether the backend has it
        """
        for _attempt in range(REREADS):
            expected = {uuid: mirrored_nodes.generation(
                self.hold.backend_id, uuid)}
            try:
                found = backend_facts.of_node(client.get_node(uuid))
            except exception.NotFound:
                # A full look tells whether it is gone.
                return False
            except backend_facts.Unreadable as exc:
                self._report(uuid, exc)
                return True
            outcome = mirrored_nodes.apply(self.hold, [found], expected)
            if not outcome.changed:
                self._follow_up(client, outcome, {uuid: found}, importing)
                if not looks.admits(looks.selection(self.name), found):
                    # Allocated nodes stay, whatever the filters say now.
                    self._remove(uuid)
                break
        return True

    # --- What is missing ---------------------------------------------------

    def _miss(self, client, missing, total, between):
        """Remove the nodes that a full look has missed.

        :param missing: list of UUIDs
        :returns: number of those that were not removed
        """
        missing = self._without_left(client, missing, between)
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
            between()
        return 0

    def _without_left(self, client, missing, between):
        """Find those that are missing although they may be in the list.

        An allocated node stays that has left the filters. It is in no list
        any more, so it is asked for by itself.

        :returns: list of UUIDs
        """
        if not missing or not looks.selection(self.name):
            return missing
        importing = imports.Imports(client, self.hold)
        found = set()
        for uuid in mirrored_nodes.allocated(self.hold.backend_id, missing):
            if self._reread(client, uuid, importing):
                found.add(uuid)
            between()
        return [uuid for uuid in missing if uuid not in found]

    def _miss_one(self, client, uuid):
        if self._reread(client, uuid, imports.Imports(client, self.hold)):
            return
        allocation = mirrored_allocations.of_node(self.hold.backend_id, uuid)
        if allocation is not None:
            self._end(client, uuid, allocation, None)
        self._remove(uuid)
