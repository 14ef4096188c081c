# SPDX-License-Identifier: Apache-2.0
"""Options of the [database] group: oslo.db's, with this service's defaults."""

from oslo_config import cfg
from oslo_db import options

# Each thread that handles requests may hold a connection. With a smaller pool
# a busy process opens and closes one for nearly every request, which costs
# more than the request does; one that is not needed is not opened.
POOL_SIZE = 64


def register_opts(conf):
    # Nothing waits inside of oslo.db: session.wait() does at the start, and
    # a request is answered with 503 soon.
    cfg.set_defaults(options.database_opts, max_retries=0,
                     max_pool_size=POOL_SIZE)
    conf.register_opts(options.database_opts, group='database')


def list_opts():
    return {'database': options.database_opts}
