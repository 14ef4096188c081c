# SPDX-License-Identifier: Apache-2.0
"""Waits, for some seconds, until a backend has answered a write.

What is wanted there is a row already; the request only wants to hear what
comes of it. The row is asked again and again, for whoever writes to the
backend is another process.
"""

import time

from allocator.conductor import rpcapi
from allocator.db import backend_writes

# Seconds that a request waits at most, and between two questions.
PATIENCE = 5
ASK = 0.03
MAX_ASK = 0.3


def wait(context, backend_id, uuid):
    """Have a write carried out, and wait for its outcome.

    :param context: RequestContext
    :param backend_id: id of the backend
    :param uuid: UUID of the allocation that it is for
    :returns: row of the write, or None if there is no answer yet
    """
    rpcapi.get_api().process_allocation(context, uuid)
    deadline, pause = time.monotonic() + PATIENCE, ASK
    while time.monotonic() < deadline:
        row = backend_writes.get(backend_id, uuid)
        if row is None or row.finished_at is not None:
            return row
        time.sleep(pause)
        pause = min(pause * 1.5, MAX_ASK)
    return None
