# SPDX-License-Identifier: Apache-2.0
"""How far back a look for changes has to read.

Changes are read newest first. One that was not there at the last look may be
older than the newest one that was: the clocks of a backend's hosts differ,
and some commit late. To read back for a minute at every look would cost a
busy backend a fifth of its processor, so most looks read back for some
seconds, and one now and then, or for which somebody waits, for the minute.
Times are by the backend's clocks, never compared with ours.
"""

import dataclasses
import datetime
import time

# Seconds by which a change may come late: mostly, and at most.
MOSTLY = 10
AT_MOST = 60

# Seconds between two looks that read back as far as that.
FAR_EACH = 30


@dataclasses.dataclass(frozen=True)
class View:
    """What one look has to read.

    :ivar until: changes that are older are known; None reads all
    :ivar is_far: whether it reads back as far as a change may be late
    :ivar begun: the time by the backend's clocks, at the least, when the
        look began; None if no change was known
    :ivar started: when that was, by our clock
    """

    until: datetime.datetime | None
    is_far: bool
    begun: datetime.datetime | None
    started: float


class Horizon:
    """What is known of the times of a backend's changes.

    :param clock: function that tells seconds
    """

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._newest = None
        self._seen_at = 0.0
        # When the last look, and the last one that read far, began there.
        self._near = None
        self._far = None
        self._far_at = None

    def note(self, moment):
        """Note the time of a change, or None of a node never touched."""
        if moment is not None and (
                self._newest is None or moment > self._newest):
            self._newest = moment
            self._seen_at = self._clock()

    def begin(self, is_awaited=False):
        """Begin a look.

        :param is_awaited: whether a request waits for it
        :returns: View, for end()
        """
        now = self._clock()
        begun = self._newest and self._newest + datetime.timedelta(
            seconds=now - self._seen_at)
        is_far = (is_awaited or self._far_at is None
                  or now >= self._far_at + FAR_EACH)
        last = self._far if is_far else self._near
        late = datetime.timedelta(seconds=AT_MOST if is_far else MOSTLY)
        return View(last and last - late, is_far, begun, now)

    def end(self, view):
        """Note that a look has come to its end.

        :param view: what begin() returned
        """
        begun = view.begun
        if begun is None and self._newest is not None:
            # Since then, nodes that it had read already may have changed.
            begun = self._newest - datetime.timedelta(
                seconds=self._seen_at - view.started)
        # A full look takes long, and others come to their end meanwhile.
        self._near = _later(self._near, begun)
        if view.is_far:
            self._far = _later(self._far, begun)
            self._far_at = self._clock()


def _later(one, other):
    return max((moment for moment in (one, other) if moment is not None),
               default=None)
