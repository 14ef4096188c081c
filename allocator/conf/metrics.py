# SPDX-License-Identifier: Apache-2.0
"""Options of the [metrics] group."""

from oslo_config import cfg

opts = [
    cfg.PortOpt(
        'api_port',
        help='TCP port at which the built-in HTTP server of the API (and '
             'the single process "allocator") shows its metrics to '
             'Prometheus. Unless set, there is none.'),
    cfg.PortOpt(
        'conductor_port',
        help='TCP port at which a conductor shows its metrics to '
             'Prometheus. Unless set, there is none.'),
    cfg.HostAddressOpt(
        'host_ip',
        default='127.0.0.1',
        help='Address that these ports are bound to. Metrics are shown to '
             'everybody who can reach it.'),
    cfg.StrOpt(
        'path',
        regex='^/[A-Za-z0-9_./-]+$',
        sample_default='/metrics',
        help='Path at which the API itself shows its metrics, to everybody '
             'and without authentication, whatever HTTP server it runs in. '
             'Unless set, there is none.'),
    cfg.StrOpt(
        'directory',
        help='Directory in which the worker processes of a service gather '
             'their numbers; those of a former run are removed from it. '
             'Unless set, a temporary one is made. The API and a conductor '
             'may share it: each has a folder of its own in it, "api" and '
             '"conductor". A change while there are metrics takes effect when '
             'the service is started anew. With uWSGI or Apache it must be '
             'set, and its folder "api" be removed before each start.'),
]


def register_opts(conf):
    conf.register_opts(opts, group='metrics')


def list_opts():
    return {'metrics': opts}
