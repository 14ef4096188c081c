# SPDX-License-Identifier: Apache-2.0
"""What this process knows of the conductors, for a second.

That one is alive, and what the oldest of them knows, is asked once a second
and process, not for each request. What would have a request refused is never
remembered: a conductor that has just started counts at once. One that has
just gone, or an older one that has just come, is noticed within a second; what
is put into the queue meanwhile waits there, as if it had come before.
"""

import threading
import time

from allocator.common import exception
from allocator.db import conductors

# Seconds.
REMEMBERED = 1

_lock = threading.Lock()
_until = float('-inf')
_oldest: int | None = None


def require(version=1):
    """Refuse what no conductor would process, or some do not know.

    :param version: the first version that knows it, see conductors.VERSION
    :raises: NoConductor, ConductorsTooOld
    """
    oldest = _oldest
    if _is_due() or oldest is None or oldest < version:
        oldest = _ask()
    if oldest is None:
        raise exception.NoConductor()
    if oldest < version:
        raise exception.ConductorsTooOld()


def forget():
    """Ask anew at the next request: something has changed, or may have."""
    global _until, _oldest
    with _lock:
        _until, _oldest = float('-inf'), None


def _is_due():
    """Tell whether the calling thread is to ask.

    One does; meanwhile the others go by what was known.
    """
    global _until
    if time.monotonic() < _until:
        return False
    with _lock:
        if time.monotonic() < _until:
            return False
        _until = time.monotonic() + REMEMBERED
        return True


def _ask():
    global _until, _oldest
    asked = time.monotonic()
    try:
        oldest = conductors.oldest_version()
    except BaseException:
        forget()
        raise
    with _lock:
        _until, _oldest = asked + REMEMBERED, oldest
    return oldest
