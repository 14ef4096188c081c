# SPDX-License-Identifier: Apache-2.0
"""Takes from a connection what nobody has read of a request.

A request can be answered before its body is read: its version, its token or
its path is refused. A server that then closes the connection resets it, and
whoever is on the other side can lose the answer. Apache before uWSGI says 503
instead of it, now and then (AH10098).
"""

import contextlib
import math
import os
import socket
import threading
import time

from oslo_log import log

from allocator.conf import CONF

try:
    import uwsgi  # it is there inside of uWSGI only
except ImportError:
    uwsgi = None

# A body of so many times [api] max_request_body_size is still taken: whoever
# sent a little too much reads why it was refused.
FACTOR = 8

# Seconds that a client has to send it.
TIMEOUT = 5

# Bytes taken at a time.
PIECE = 65536

LOG = log.getLogger(__name__)


class UnreadBody:
    """WSGI middleware that reads the rest of each request, within bounds."""

    def __init__(self, application):
        self._application = application

    def __call__(self, environ, start_response):
        expected = _expected(environ)
        if not expected:
            return self._application(environ, start_response)
        body = _Body(environ['wsgi.input'], expected)
        environ['wsgi.input'] = body
        try:
            return self._application(environ, start_response)
        finally:
            _drain(body, environ)


class _Body:
    """The input of a request, which knows how much of it is left.

    :ivar left: bytes that may still come; infinite for a body in chunks
    """

    def __init__(self, stream, left):
        self._stream = stream
        self.left = left

    def read(self, size=-1):
        try:
            data = self._stream.read(size)
        except Exception:
            # What has failed once is not tried again.
            self.left = 0
            raise
        self.left = self.left - len(data) if data else 0
        return data

    def __getattr__(self, name):
        return getattr(self._stream, name)


def _expected(environ):
    declared = environ.get('CONTENT_LENGTH')
    if declared:
        # No number at all says nothing about what comes.
        if not (declared.isascii() and declared.isdigit()):
            return 0
        return int(declared) if len(declared) < 20 else math.inf
    # gunicorn calls the input of each request terminated.
    is_chunked = ('HTTP_TRANSFER_ENCODING' in environ
                  and environ.get('wsgi.input_terminated'))
    return math.inf if is_chunked else 0


def _drain(body, environ):
    most = FACTOR * CONF.api.max_request_body_size
    if body.left <= 0 or (environ.get('CONTENT_LENGTH') and body.left > most):
        # A part of it would be of no use.
        return
    deadline = time.monotonic() + TIMEOUT
    try:
        with _stopped_after(TIMEOUT, environ):
            while body.left > 0 and most > 0 and time.monotonic() < deadline:
                most -= len(body.read(min(PIECE, body.left, most)))
    except Exception as exc:  # each server has errors of its own
        LOG.debug('The rest of a request did not come: %s', exc)


@contextlib.contextmanager
def _stopped_after(seconds, environ):
    """Let reads of a request wait no longer than some seconds.

    A server counts them anew at each byte of a client that takes its time.
    """
    with _connection(environ) as connection:
        if connection is None:
            yield
            return
        timer = threading.Timer(seconds, stop_reading, [connection])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            # It must not meet whoever has the connection's number next.
            timer.join()


@contextlib.contextmanager
def _connection(environ):
    """Get the socket that a request comes from, where the server tells."""
    if uwsgi is None:
        yield environ.get('gunicorn.socket')
        return
    with socket.socket(fileno=os.dup(uwsgi.connection_fd())) as connection:
        yield connection


def stop_reading(connection):
    """Have a connection read as if its client had sent all.

    The answer to a request that was read long ago is not touched by it; the
    method of a TLS socket would end its encryption.

    :param connection: socket.socket
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RD)
