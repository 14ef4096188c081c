# SPDX-License-Identifier: Apache-2.0
"""Liveness: until when a process's loop is to come round again.

A thread that waits for ever for something that never comes looks alive from
outside. So the loop says, each time it comes round, for how many seconds it
will be away at most; who watches compares that with the clock.
"""

import time

# Until when, on the monotonic clock, which all processes of a machine share.
# The workers of a conductor have one array in common.
_until: list | None = None
_index = 0


def use(until, index):
    """Say where this process tells of its loop.

    :param until: list or shared array of seconds; 0 before the first time
    :param index: the place of this process
    """
    global _until, _index
    _until, _index = until, index


def come_round(seconds=0.0):
    """Say that the loop is alive.

    :param seconds: how long it will wait before it comes round again
    """
    if _until is not None:
        _until[_index] = time.monotonic() + seconds


def overdue(until):
    """Tell how late the latest loop is.

    :param until: what use() was given
    :returns: seconds, 0 at least; None if one has not come round yet
    """
    now = time.monotonic()
    times = list(until)
    if not all(times):
        return None
    return max(0.0, *(now - one for one in times))
