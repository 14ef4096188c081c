# SPDX-License-Identifier: Apache-2.0
"""Options of the [api] group."""

from oslo_config import cfg

opts = [
    cfg.HostAddressOpt(
        'host_ip',
        default='0.0.0.0',  # nosec: an API service listens to its clients
        help='Address that the built-in HTTP server binds to. The single '
             'process "allocator" binds to 127.0.0.1 unless this is set.'),
    cfg.PortOpt(
        'port',
        default=6385,
        help='TCP port that the built-in HTTP server binds to.'),
    cfg.IntOpt(
        'api_workers',
        min=1,
        help='Number of worker processes of the built-in HTTP server. '
             'Unless set: the number of processors, at most 4.'),
    cfg.IntOpt(
        'worker_threads',
        default=16,
        min=1,
        help='Number of requests that one worker process of the built-in '
             'HTTP server handles at the same time. Each may hold one '
             'database connection.'),
    cfg.IntOpt(
        'max_limit',
        mutable=True,
        default=1000,
        min=1,
        help='Greatest number of items in one page of a list; also the '
             'number when a client names none.'),
    cfg.URIOpt(
        'public_endpoint',
        mutable=True,
        schemes=('http', 'https'),
        help='URL at which clients reach this service, used in links '
             '(for example "https://allocator.example.com"). Unless set, '
             'links are built from the request.'),
    cfg.IntOpt(
        'max_request_body_size',
        mutable=True,
        default=1024 * 1024,
        min=1024,
        help='Greatest size of a request body in bytes; a larger one is '
             'refused with 413.'),
    cfg.IntOpt(
        'max_json_depth',
        mutable=True,
        default=32,
        min=8,
        max=256,
        help='Greatest depth of nested arrays and objects in a request '
             'body; a deeper one is refused with 400.'),
    cfg.BoolOpt(
        'enable_ssl_api',
        default=False,
        help='Serve HTTPS from the built-in HTTP server.'),
    cfg.StrOpt(
        'ssl_cert_file',
        help='Certificate chain (PEM) of the built-in HTTP server.'),
    cfg.StrOpt(
        'ssl_key_file',
        help='Private key (PEM) of the built-in HTTP server.'),
    cfg.StrOpt(
        'ssl_minimum_version',
        default='TLSv1.2',
        choices=['TLSv1.2', 'TLSv1.3'],
        help='Oldest TLS version that the built-in HTTP server speaks.'),
    cfg.StrOpt(
        'enrol_at',
        help='Backend, out of [DEFAULT] enabled_backends, that clients are '
             'sent to with POST /v1/nodes. Unless set, that makes a node of '
             'this service itself.'),
]


def register_opts(conf):
    conf.register_opts(opts, group='api')


def list_opts():
    return {'api': opts}
