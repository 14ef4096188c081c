# SPDX-License-Identifier: Apache-2.0
"""All options of this project, for oslo-config-generator."""

import itertools

from allocator.conf import api
from allocator.conf import backend
from allocator.conf import conductor
from allocator.conf import default
from allocator.conf import metrics
from allocator.conf import notifications
from allocator.conf import queue
from allocator.conf import tracing


def list_opts():
    """List the options by group.

    :returns: list of (group name, list of options)
    """
    return list(itertools.chain.from_iterable(
        group.list_opts().items()
        for group in (default, notifications, api, conductor, metrics,
                      queue, tracing, backend)))
