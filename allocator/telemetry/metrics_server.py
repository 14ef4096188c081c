# SPDX-License-Identifier: Apache-2.0
"""Shows the metrics to Prometheus: a WSGI application, and a port for it."""

import socket
import socketserver
import threading
from wsgiref import simple_server

from oslo_log import log

from allocator.conf import CONF
from allocator.telemetry import metrics

LOG = log.getLogger(__name__)


def application():
    """Build the application that shows what all worker processes counted.

    :returns: WSGI application
    """
    import prometheus_client as client
    from prometheus_client import multiprocess
    registry = client.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    registry.register(metrics.GaugeCollector())
    return client.make_wsgi_app(registry)


def listen(port):
    """Serve the metrics of this service at a port, in a thread.

    Each worker process listens at the same port, and the kernel chooses one
    for each connection: whichever is asked answers for all, and none is
    needed that lives as long as the service.

    :param port: TCP port, None for none
    """
    if port is None or not metrics.is_on():
        return
    address = CONF.metrics.host_ip
    _Server.address_family = (socket.AF_INET6 if ':' in address
                              else socket.AF_INET)
    try:
        server = simple_server.make_server(
            address, port, application(), server_class=_Server,
            handler_class=_Handler)
    except OSError as exc:
        LOG.error('Metrics cannot be shown at %(address)s port %(port)d: '
                  '%(error)s',
                  {'address': address, 'port': port, 'error': exc})
        return
    threading.Thread(target=server.serve_forever, name='Metrics',
                     daemon=True).start()


class _Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    allow_reuse_port = True
    daemon_threads = True


class _Handler(simple_server.WSGIRequestHandler):
    # Seconds without a byte from a client after which it is left alone.
    timeout = 30

    def log_message(self, format, *args):
        """Log nothing: Prometheus asks every few seconds."""
