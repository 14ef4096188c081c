# SPDX-License-Identifier: Apache-2.0
"""Commits together what arrives together.

Where grouping happens: a thread that comes while no group of the process is
under way leads one at once, with nothing but its own entry: a lone request
waits for nobody. Those that come meanwhile are the next group. When a group
has ended, the first of those that wait leads it, in its own thread; there is
no timer and no thread besides.

Why it is safe: a group is tried once, in one transaction, which writes all of
it or nothing. If it fails, whatever the reason, nobody is told of it: each
thread does its own entry by itself, and has its own answer or error. That
holds also if nobody knows whether the COMMIT was done, because the entries
bear marks by which a thread finds that its own is there already. So a thread
may leave a group at any time: one that has waited for PATIENCE does, and if
the leader is torn out of its work the others are sent on their way.
"""

import threading

from oslo_db import exception as db_exc
from oslo_log import log

LOG = log.getLogger(__name__)

# Entries of one group.
MOST = 64

# Seconds that a thread waits for the group before its own to end: one that a
# lock holds up is not to hold up everybody.
PATIENCE = 1

# Seconds that it waits for its own group besides. The drivers give up before.
LONGEST = 90


class _Member:
    """An entry, and the thread that waits with it.

    :ivar batch: list of the members of the group that it is to lead
    :ivar is_taken: whether it is in a group that is under way, or leads one
    :ivar is_done: whether its entry is written
    """

    def __init__(self, entry):
        self.entry = entry
        self.batch = None
        self.is_taken = False
        self.is_done = False
        # Held until there is something to wake up for.
        self._gate = threading.Lock()
        self._gate.acquire()

    def wake(self):
        self._gate.release()

    def wait(self, seconds):
        """Wait to be woken up.

        :returns: whether it was
        """
        return self._gate.acquire(timeout=seconds)


class Grouping:
    """The groups of one kind of entry, one at a time.

    :param write: function that takes a list of entries and writes them all in
        one transaction, or none
    """

    def __init__(self, write):
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[_Member] = []
        self._is_under_way = False

    def write(self, entry):
        """Write an entry together with others, tried once.

        :param entry: what the function of this grouping takes a list of
        :returns: whether it is written. If not, it may be all the same, when
            the outcome of a COMMIT is unknown: the caller is to write it by
            itself, unless it finds it there.
        :raises: what the function raises, for an entry that was alone
        """
        me = _Member(entry)
        with self._lock:
            if self._is_under_way:
                self._waiting.append(me)
            else:
                self._is_under_way = me.is_taken = True
                me.batch = [me]
        if me.batch is None:
            self._wait(me)
        if me.batch is None:
            return me.is_done
        return self._lead(me.batch)

    def _wait(self, me):
        """Wait until the group is done, or is to be led by this thread."""
        try:
            if me.wait(PATIENCE):
                return
            with self._lock:
                if not me.is_taken:
                    self._waiting.remove(me)
                    return
            me.wait(LONGEST)
        except BaseException:
            # Torn out of the wait: what it was to lead is led by another.
            with self._lock:
                if not me.is_taken:
                    self._waiting.remove(me)
            if me.batch is not None:
                self._end(me.batch)
            raise

    def _lead(self, batch):
        is_done = False
        try:
            self._write([member.entry for member in batch])
            is_done = True
        except Exception as exc:
            if len(batch) == 1:
                raise
            # A conflict is nothing to tell of: the thread that has it will.
            if not isinstance(exc, db_exc.DBDuplicateEntry):
                LOG.warning('%(count)d requests go on one by one: %(error)s',
                            {'count': len(batch), 'error': exc})
        finally:
            self._end(batch, is_done)
        return is_done

    def _end(self, batch, is_done=False):
        """Have the next group begin, and the threads of this one go on."""
        with self._lock:
            following = self._waiting[:MOST]
            del self._waiting[:MOST]
            for member in following:
                member.is_taken = True
            self._is_under_way = bool(following)
            if following:
                following[0].batch = following
        if following:
            following[0].wake()
        for member in batch[1:]:
            member.is_done = is_done
            member.wake()
