# SPDX-License-Identifier: Apache-2.0
"""What claims go around for a while: nodes, and allocations that wait.

It is this process's memory only, which the loops that claim share: what is
forgotten is met again, and noted once more.
"""

import threading
import time

from oslo_log import log

from allocator.conf import CONF
from allocator.db import claims

LOG = log.getLogger(__name__)

# Seconds for which a node that could not be claimed is left out. Then it is
# tried again: somebody may have repaired it.
LEFT_OUT = 60

# Seconds for which those behind wait for one that somebody else has locked,
# and for which it is then passed over.
LOCKED = 1
PASSED_OVER = 5

# Sweeps for which it is remembered how often somebody could not be served.
REMEMBERED = 20


class Avoided:
    """The nodes and the waiting allocations that are to be avoided.

    Every method may be called from any thread. Times are of the monotonic
    clock, in seconds.
    """

    def __init__(self):
        self._lock = threading.Lock()
        # Until when, by id of the node.
        self._nodes: dict[int, float] = {}
        # Until when, by id of the allocation.
        self._waiters: dict[int, float] = {}
        # How often an allocation could not be served alone, and until when
        # that is remembered.
        self._tries: dict[int, tuple[int, float]] = {}
        # Of a node that could not be given away, to which allocation.
        self._suspects: dict[int, tuple[int, float]] = {}
        # Since when an allocation is met locked, by class and id.
        self._locked: dict[str, dict[int, float]] = {}

    def now(self, more_nodes=()):
        """Tell what to avoid now.

        :param more_nodes: ids of further nodes
        :returns: claims.Avoid
        """
        now = time.monotonic()
        with self._lock:
            self._nodes = _lasting(self._nodes, now)
            self._waiters = _lasting(self._waiters, now)
            return claims.Avoid(frozenset(self._nodes).union(more_nodes),
                                frozenset(self._waiters))

    def nodes(self):
        """List the nodes that could not be claimed lately.

        :returns: set of their ids
        """
        return set(self.now().nodes)

    def note(self, batch):
        """Note which nodes cannot be claimed, and which can again.

        :param batch: claims.Batch
        """
        until = time.monotonic() + LEFT_OUT
        with self._lock:
            known = set(self._nodes)
            self._nodes |= dict.fromkeys(batch.flaws, until)
            for claim in batch.claims:
                self._nodes.pop(claim.node.id, None)
                self._suspects.pop(claim.node.id, None)
                self._tries.pop(claim.allocation.id, None)
        for id_, flaw in batch.flaws.items():
            if id_ not in known:
                LOG.warning('Node %(node)s cannot be claimed and is left out: '
                            '%(reason)s', {'node': flaw.node.uuid,
                                           'reason': flaw.reason})

    def suspect(self, claim):
        """Note that a claim was spoilt, and there was no other node for it.

        Whether the node or the allocation is at fault shows when another
        allocation is to have the same node.

        :param claim: claims.Claim
        :returns: whether the node is at fault, as another one could not have
            it either; that one is passed over no longer
        """
        now = time.monotonic()
        id_ = claim.allocation.id
        with self._lock:
            self._suspects = {node: entry for node, entry
                              in self._suspects.items() if entry[1] > now}
            other, _until = self._suspects.setdefault(
                claim.node.id, (id_, now + LEFT_OUT))
            if other == id_:
                return False
            del self._suspects[claim.node.id]
            self._waiters.pop(other, None)
            if other in self._tries:
                tries, until = self._tries[other]
                self._tries[other] = tries - 1, until
            return True

    def blame_waiter(self, id_):
        """Note that an allocation could not be served, even alone.

        It is passed over until the next sweep.

        :param id_: its id
        :returns: how often that has happened
        """
        now, pause = time.monotonic(), CONF.conductor.sweep_interval
        with self._lock:
            self._tries = {other: entry for other, entry
                           in self._tries.items() if entry[1] > now}
            tries = 1 + self._tries.get(id_, (0, 0))[0]
            self._tries[id_] = tries, now + REMEMBERED * max(pause, 1)
            self._waiters[id_] = now + pause
            return tries

    def forget_waiter(self, id_):
        """Forget an allocation, which has failed."""
        with self._lock:
            for known in (self._waiters, self._tries):
                known.pop(id_, None)

    def meet_locked(self, resource_class, ids):
        """Note that somebody else has allocations locked whose turn it is.

        Mostly it is their own client, who changes or deletes them. One that
        stays locked is passed over, for nobody may stop the queue.

        :param resource_class: the class that is being served
        :param ids: their ids; others of the class are not locked any more
        """
        now = time.monotonic()
        with self._lock:
            before = self._locked.pop(resource_class, {})
            if not ids:
                return
            found = {id_: before.get(id_, now) for id_ in ids}
            self._locked[resource_class] = found
            for id_, since in found.items():
                if now - since >= LOCKED:
                    self._waiters[id_] = now + PASSED_OVER


def _lasting(times, now):
    return {id_: until for id_, until in times.items() if until > now}
