# SPDX-License-Identifier: Apache-2.0
"""Patience: which pending allocations a walk passes over, and until when."""

import dataclasses
import heapq
import threading
import time

# Not before somebody says so.
HELD = float('inf')


# Seconds until a request is looked at again in whose class somebody waits,
# while that is being served; doubled from time to time.
ASIDE = 0.02
LONGEST_ASIDE = 0.5

# Seconds until a request is looked at again that was locked.
LOCKED = 0.05


@dataclasses.dataclass
class _Entry:
    """What is known of an allocation that waits.

    :ivar due: when to look at it again; HELD while somebody decides
    :ivar since: when it was first put off for locked nodes, or None
    :ivar tries: how often it could not be processed alone
    :ivar asides: how often it has stepped aside
    """

    due: float = HELD
    since: float | None = None
    tries: int = 0
    asides: int = 0


class Patience:
    """The allocations of which this process knows that they must wait.

    Times are of the monotonic clock, in seconds. It is this process's memory
    only: what is forgotten is found by a sweep, and looked at once more.
    Every method may be called from any thread.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._entries = {}

    def __len__(self):
        return len(self._entries)

    def hold(self, id_):
        """Note that somebody decides on an allocation."""
        with self._lock:
            self._entries.setdefault(id_, _Entry()).due = HELD

    def put_off(self, id_, seconds):
        """Have an allocation looked at again after some seconds."""
        with self._lock:
            entry = self._entries.setdefault(id_, _Entry())
            now = time.monotonic()
            entry.due = now + seconds
            if entry.since is None:
                entry.since = now

    def step_aside(self, id_, seconds=None):
        """Have an allocation looked at again that nobody has looked at.

        :param seconds: when; unless given, later from time to time
        """
        with self._lock:
            entry = self._entries.setdefault(id_, _Entry())
            if seconds is None:
                seconds = min(ASIDE * 2 ** min(entry.asides, 9),
                              LONGEST_ASIDE)
                entry.asides += 1
            entry.due = time.monotonic() + seconds

    def meet_again(self, ids):
        """Have allocations looked at again that could not be locked.

        What has been said meanwhile of when to do so holds.
        """
        now = time.monotonic()
        with self._lock:
            for id_ in ids:
                entry = self._entries.setdefault(id_, _Entry())
                if entry.due == HELD or entry.due <= now:
                    entry.due = now + LOCKED

    def waited(self, id_):
        """Tell for how long an allocation has been put off.

        :returns: seconds, 0 if it has not been yet
        """
        with self._lock:
            entry = self._entries.get(id_)
            if entry is None or entry.since is None:
                return 0
            return time.monotonic() - entry.since

    def fail(self, id_, seconds):
        """Note that an allocation could not be processed alone.

        :param seconds: when to try again
        :returns: how often that has happened
        """
        with self._lock:
            entry = self._entries.setdefault(id_, _Entry())
            entry.tries += 1
            entry.due = time.monotonic() + seconds
            return entry.tries

    def has_failed(self, id_):
        """Tell whether an allocation could not be processed alone before."""
        with self._lock:
            return id_ in self._entries and self._entries[id_].tries > 0

    def forget(self, ids):
        """Forget some allocations."""
        self._forget(ids, lambda due: True)

    def forget_held(self, ids):
        """Forget those of some allocations on which somebody decided."""
        self._forget(ids, lambda due: due == HELD)

    def forget_due(self, ids, asked_at):
        """Forget those of some allocations that have been looked at.

        :param ids: what due() told
        :param asked_at: when that was, by the monotonic clock: what is to be
            looked at later has been put off since
        """
        self._forget(ids, lambda due: due <= asked_at)

    def _forget(self, ids, is_over):
        with self._lock:
            for id_ in ids:
                if id_ in self._entries and is_over(self._entries[id_].due):
                    del self._entries[id_]

    def due(self, limit):
        """List the allocations that it is time to look at.

        :param limit: greatest number of them
        :returns: list of ids
        """
        now = time.monotonic()
        with self._lock:
            return heapq.nsmallest(limit, (
                id_ for id_, entry in self._entries.items()
                if entry.due <= now))

    def seconds(self):
        """Tell how long nothing is due, HELD if nothing ever is."""
        with self._lock:
            first = min((entry.due for entry in self._entries.values()),
                        default=HELD)
        return max(0, first - time.monotonic())

    def above(self, id_, limit):
        """List the waiting allocations that come next in the queue.

        :param id_: id after which to begin
        :param limit: greatest number of them
        :returns: list of ids in rising order, and the id up to which it is
            complete; None for the end of the queue
        """
        with self._lock:
            found = heapq.nsmallest(limit, (
                waiting for waiting in self._entries if waiting > id_))
        return found, found[-1] if len(found) == limit else None
