# SPDX-License-Identifier: Apache-2.0
"""The configuration: one file per group, registered on the global CONF.

Options are read when they are used; importing this package parses nothing.
"""

from oslo_config import cfg

from allocator.conf import api
from allocator.conf import backend
from allocator.conf import conductor
from allocator.conf import database
from allocator.conf import default
from allocator.conf import metrics
from allocator.conf import notifications
from allocator.conf import queue
from allocator.conf import tracing

# The global object: oslo.messaging registers some of its options nowhere
# else, so a private ConfigOpts would fail at the first call.
CONF = cfg.CONF

for _group in (default, notifications, api, conductor, database, metrics,
               queue, tracing, backend):
    _group.register_opts(CONF)
