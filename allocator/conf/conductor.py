# SPDX-License-Identifier: Apache-2.0
"""Options of the [conductor] group."""

from oslo_config import cfg

opts = [
    cfg.IntOpt(
        'workers',
        min=1,
        help='Number of worker processes of a conductor, each with a '
             'matching loop of its own. Unless set: the number of '
             'processors, at most 4.'),
    cfg.IntOpt(
        'heartbeat_interval',
        mutable=True,
        default=10,
        min=1,
        help='Seconds between two heartbeats of a conductor.'),
    cfg.IntOpt(
        'heartbeat_timeout',
        mutable=True,
        default=60,
        min=1,
        help='Seconds after its last heartbeat at which a conductor counts '
             'as gone: not less than heartbeat_interval, better several '
             'times as much. Without any conductor left, new allocations '
             'are refused with 503.'),
    cfg.IntOpt(
        'heartbeat_retention',
        mutable=True,
        default=86400,
        min=1,
        help='Seconds after its last heartbeat at which a conductor that is '
             'gone is no longer listed. One that comes back is listed again.'),
    cfg.FloatOpt(
        'sweep_interval',
        mutable=True,
        default=5.0,
        min=0.1,
        help='Seconds between two looks at the table for allocations whose '
             'RPC cast was lost.'),
    cfg.IntOpt(
        'batch_size',
        mutable=True,
        default=64,
        min=1,
        max=500,
        help='Greatest number of allocations that one transaction of the '
             'matching loop serves.'),
    cfg.IntOpt(
        'node_locked_retry_attempts',
        mutable=True,
        default=30,
        min=0,
        help='How often an allocation for which suitable nodes exist, but '
             'all of them locked by other transactions, is tried again '
             'before it fails.'),
    cfg.FloatOpt(
        'node_locked_retry_interval',
        mutable=True,
        default=0.5,
        min=0.01,
        help='Seconds between two such attempts.'),
    cfg.StrOpt(
        'ownerless_allocations',
        mutable=True,
        default='any',
        choices=[
            ('any', 'every node, those without owner and lessee first'),
            ('unowned', 'only nodes without owner and lessee'),
        ],
        help='Nodes that an allocation without owner may take.'),
    cfg.IntOpt(
        'backend_patience',
        mutable=True,
        default=60,
        min=1,
        help='Seconds after the first request to a backend for the node of '
             'an allocation at which, without an answer, another node is '
             'looked for.'),
    cfg.StrOpt(
        'installation_id',
        help='What tells allocations that this service has made at a backend '
             'from those of others. It must be the same for all conductors, '
             'and stay what it is. Unless set, it is a UUID that is made once '
             'and kept in the database. A copy of the database that is used '
             'beside the original, for tests, say, has the same UUID: set '
             'this option there.'),
    cfg.ListOpt(
        'schedulable_properties',
        default=['cpu_arch', 'cpus', 'memory_mb', 'local_gb',
                 'capabilities'],
        help='Properties of nodes that belong to their profile, the kind of '
             'machine that they are, and that requests may compare. The API '
             'reads this option too: it must be the same for all processes. '
             'When it is changed, conductors give the nodes other profiles as '
             'they start.'),
]


def register_opts(conf):
    conf.register_opts(opts, group='conductor')


def list_opts():
    return {'conductor': opts}
