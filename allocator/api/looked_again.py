# SPDX-License-Identifier: Apache-2.0
"""Has a backend looked at once more before a client is told of a conflict.

A client that undeploys a node at its Bare Metal service, and waits for that,
knows earlier than this service that an allocation has ended. To say that its
name is in use, or its node, would be an answer of the past.

Only a few requests of a process wait at once, for each has one of its threads
meanwhile: clients that try again and again until a name is free must not keep
everybody else from being answered. Beyond these the conflict is told at once,
as it is known.
"""

import threading
import time

from allocator.common import exception
from allocator.db import wanted_looks

# Seconds that a request waits at most, and between two questions. A look
# begins a second after the one before, and is noticed within half a second.
PATIENCE = 3
ASK = 0.05
MAX_ASK = 0.2

# Requests of a process that wait at once: a part of its [api] worker_threads.
AT_ONCE = 4

_places = threading.BoundedSemaphore(AT_ONCE)


def carry_out(deed, *arguments, backend_id=None):
    """Do something; if it conflicts with what a backend may have ended, have
    that looked at, and do it again.

    :param deed: function that may raise Conflict, and has done nothing then
    :param arguments: its arguments
    :param backend_id: id of a backend that is concerned in any case
    :returns: what it returns
    """
    try:
        return deed(*arguments)
    except exception.Conflict as exc:
        concerned = wanted_looks.in_the_way(**{
            part: exc.parts.get(part) for part in ('uuid', 'name', 'node')})
        if backend_id:
            concerned.add(backend_id)
        if not _places.acquire(blocking=False):
            raise
        try:
            if not _look(concerned):
                raise
        finally:
            _places.release()
    return deed(*arguments)


def _look(ids):
    """Have backends looked at, and wait for that.

    :param ids: ids of the backends
    :returns: whether all looks have come to their end
    """
    wanted = {id_: wanted_looks.want(id_) for id_ in ids}
    if not wanted or None in wanted.values():
        return False
    deadline, pause = time.monotonic() + PATIENCE, ASK
    while time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, MAX_ASK)
        come = [wanted_looks.has_come(id_, since)
                for id_, since in wanted.items()]
        if None in come:
            return False
        if all(come):
            return True
    return False
