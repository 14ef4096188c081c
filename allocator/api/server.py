# SPDX-License-Identifier: Apache-2.0
"""The built-in HTTP server: gunicorn with native threads.

Of the maintained WSGI servers it reads requests most strictly (no duplicate
or negative Content-Length, no header with an underscore, which would pass
for an authenticated one), and its workers end with their master.
"""

import socket
import ssl
import struct
import sys

import gunicorn.app.base
import gunicorn.arbiter
import gunicorn.glogging
from oslo_log import log

from allocator.api import http_worker
from allocator.common import reports
from allocator.common import service
from allocator.common import systemd
from allocator.conf import CONF
from allocator.telemetry import metrics
from allocator.telemetry import metrics_server
from allocator.telemetry import tracing

# Seconds without a byte from a client in the middle of a request, or without
# one taken from an answer, after which its thread goes on to others.
CLIENT_TIMEOUT = 10

# Seconds that an idle connection is kept open.
KEEPALIVE = 65

# Bytes of one header: tokens can be long.
MAX_HEADER = 32768

LOG = log.getLogger(__name__)


class Server(gunicorn.app.base.BaseApplication):
    """Serves the API in worker processes.

    :param load_app: function that makes the WSGI application, called in each
        worker process
    :param workers: function that tells the number of worker processes
    :param require: function that ends the process if the application could
        not work as configured; asked before a reload
    :param worker_started: function called in a worker once it is ready
    :param worker_stopping: function called in a worker that ends
    :param name: name of the program
    """

    def __init__(self, load_app, workers, require, worker_started=None,
                 worker_stopping=None, name='allocator-api'):
        self._load_app = load_app
        self._workers = workers
        self._require = require
        self._worker_started = worker_started
        self._worker_stopping = worker_stopping
        self._name = name
        super().__init__()

    def load(self):
        metrics_server.listen(CONF.metrics.api_port)
        tracing.prepare(self._name)
        reports.prepare(self._name)
        application = self._load_app()
        service.settle()
        return application

    def run(self):
        """Serve until told to stop."""
        Arbiter(self).run()

    def reload(self):
        """Take over the configuration files, workers being made anew.

        What each worker reads at its start is what this process has read.
        """
        service.reload_all(self._require_all)
        super().reload()

    def _require_all(self):
        self._require()
        if _address() != self._served:
            _require_address()
        require_configuration()

    def load_config(self):
        self._served = _address()
        settings = {
            'bind': '%s:%d' % (_bracketed(CONF.api.host_ip), CONF.api.port),
            'workers': self._workers(),
            'worker_class': http_worker.Worker,
            'threads': CONF.api.worker_threads,
            'keepalive': KEEPALIVE,
            'graceful_timeout': CONF.graceful_shutdown_timeout,
            'limit_request_line': 8190,
            'limit_request_field_size': MAX_HEADER,
            # oslo.middleware decides whether a proxy is believed.
            'secure_scheme_headers': {},
            'forwarder_headers': '',
            'control_socket_disable': True,
            'worker_tmp_dir': '/dev/shm',  # nosec: a heartbeat file, no data
            'proc_name': self._name,
            'logger_class': Logger,
            'when_ready': _limit_waiting,
            # Another address means other listeners.
            'on_reload': _limit_waiting,
        }
        if self._worker_started:
            settings['post_worker_init'] = self._started
            settings['worker_exit'] = self._exited
        if CONF.api.enable_ssl_api:
            settings.update(
                certfile=CONF.api.ssl_cert_file,
                keyfile=CONF.api.ssl_key_file, ssl_context=_tls)
        for name, value in settings.items():
            self.cfg.set(name, value)

    def _started(self, worker):
        self._worker_started()

    def _exited(self, arbiter, worker):
        self._worker_stopping()


class Arbiter(gunicorn.arbiter.Arbiter):
    """The master of the worker processes."""

    def stop(self, graceful=True):
        """End the workers."""
        systemd.notify(systemd.STOPPING)
        super().stop(graceful)

    def handle_usr2(self):
        """Write a report, as all processes do that get SIGUSR2.

        gunicorn would start a second master, which nobody would watch.
        """
        reports.write(self.proc_name)


class Logger(gunicorn.glogging.Logger):
    """Sends gunicorn's messages to where oslo.log's go."""

    def setup(self, cfg):
        self.error_log.propagate = True
        self.error_log.handlers = []

    def exception(self, msg, *args, **kwargs):
        if isinstance(sys.exc_info()[1], BlockingIOError):
            LOG.debug('A client sent nothing for %d seconds', CLIENT_TIMEOUT)
        else:
            super().exception(msg, *args, **kwargs)

    def access(self, resp, req, environ, request_time):
        """Log nothing: what happens to resources is logged where it does."""


def serve(load_app, **kwargs):
    """Serve an application until told to stop.

    :param load_app: function that makes the WSGI application
    :param kwargs: see Server
    """
    Server(load_app, **kwargs).run()


def default_workers():
    """Tell how many worker processes serve the API."""
    return CONF.api.api_workers or service.processors()


def _address():
    return CONF.api.host_ip, CONF.api.port


def _require_address():
    """End the process, with a sentence, if it cannot listen where it is to.

    gunicorn closes its listeners before it opens those of another address,
    and ends if that fails. The workers keep the old ones open meanwhile: at
    the same port, all addresses cannot take the place of one of them.
    """
    family = socket.AF_INET6 if ':' in CONF.api.host_ip else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(_address())
            tried.listen()
        except OSError as exc:
            sys.exit('[api] host_ip %s and port %d cannot be listened at: %s. '
                     'Where only another process of this service does, a '
                     'restart can.' % (*_address(), exc.strerror))


def _bracketed(address):
    return '[%s]' % address if ':' in address else address


def _limit_waiting(arbiter):
    """Have no thread wait for ever in the middle of a request.

    On Linux the connections inherit these options of the listening socket.
    """
    timeout = struct.pack('ll', CLIENT_TIMEOUT, 0)
    for listener in arbiter.LISTENERS:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, timeout)
    LOG.info('Serving on %s:%d', CONF.api.host_ip, CONF.api.port)


def require_configuration():
    """End the process, with a sentence, if this server could not serve.

    Begins to count for the metrics, if they are wanted. To be called before
    the worker processes are started, and before they are made anew.
    """
    _require_tls()
    metrics.prepare(metrics.API)


def _require_tls():
    """End the process, with a sentence, if it could not speak TLS.

    Without a certificate gunicorn would serve plain HTTP, and with one that
    cannot be used it would accept each connection and drop it.
    """
    if not CONF.api.enable_ssl_api:
        return
    certificate, key = CONF.api.ssl_cert_file, CONF.api.ssl_key_file
    if not certificate or not key:
        sys.exit('[api] enable_ssl_api needs ssl_cert_file and ssl_key_file.')
    for option, path in (('ssl_cert_file', certificate),
                         ('ssl_key_file', key)):
        try:
            open(path, 'rb').close()
        except OSError as exc:
            sys.exit('[api] %s %s cannot be read: %s'
                     % (option, path, exc.strerror))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            certificate, key, password=_refuse_password)
    except (ValueError, ssl.SSLError) as exc:
        sys.exit('The certificate %s and the key %s ([api] ssl_cert_file and '
                 'ssl_key_file) cannot be used: %s'
                 % (certificate, key, exc))


def _refuse_password():
    raise ValueError('the key is encrypted, and nobody is there to ask for '
                     'its password')


def _tls(cfg, default_factory):
    context = default_factory()
    context.minimum_version = {
        'TLSv1.2': ssl.TLSVersion.TLSv1_2,
        'TLSv1.3': ssl.TLSVersion.TLSv1_3}[CONF.api.ssl_minimum_version]
    return context
