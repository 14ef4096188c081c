# SPDX-License-Identifier: Apache-2.0
"""Options of the [tracing] group."""

from oslo_config import cfg

opts = [
    cfg.BoolOpt(
        'enabled',
        default=False,
        help='Whether requests are traced with OpenTelemetry, from HTTP '
             'through the message bus and the claim to the database and the '
             'backends. Needs the extra "tracing". A change takes effect when '
             'a process is started anew; of the API with its built-in HTTP '
             'server also at a reload.'),
    cfg.URIOpt(
        'endpoint',
        schemes=['http', 'https'],
        default='http://127.0.0.1:4318',
        help='Where a collector takes traces as OTLP over HTTP; they go to '
             '/v1/traces below it. The environment variable '
             'OTEL_EXPORTER_OTLP_HEADERS may say headers to be sent, such as '
             'a token.'),
    cfg.FloatOpt(
        'sample_ratio',
        min=0, max=1,
        default=1.0,
        help='Share of the requests that are traced, from 0 to 1. A request '
             'whose client says in its header "traceparent" whether it is '
             'traced is traced if it says so.'),
]


def register_opts(conf):
    conf.register_opts(opts, group='tracing')


def list_opts():
    return {'tracing': opts}
