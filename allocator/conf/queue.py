# SPDX-License-Identifier: Apache-2.0
"""Options of the [queue] group: allocations that wait for a node."""

from oslo_config import cfg

# The greatest number of seconds that its column holds.
MAX_WAIT = 2 ** 31 - 1

opts = [
    cfg.IntOpt(
        'max_wait', default=2592000, min=0, max=MAX_WAIT, mutable=True,
        help='The longest time, in seconds, for which an allocation may wait '
             'for a node: the greatest wait_timeout that a client may ask '
             'for. With 0 none waits.'),
]


def register_opts(conf):
    conf.register_opts(opts, group='queue')


def list_opts():
    return {'queue': opts}
