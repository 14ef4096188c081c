# SPDX-License-Identifier: Apache-2.0
"""Serves Keystone on loopback: a process of the tests.

Arguments: port, configuration files. Keystone reads the command line of
whatever process it is in, hence no ready-made server with options of its own.
"""

import os
import socketserver
import sys
import threading
from wsgiref import simple_server


class _Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    # A burst of tokens is to wait.
    request_queue_size = 128


class _Handler(simple_server.WSGIRequestHandler):
    def address_string(self):
        return self.client_address[0]


class _OneAtATime:
    """Keystone may answer 500 when its first two requests come at once."""

    def __init__(self, application):
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ, start_response):
        with self._lock:
            return self._application(environ, start_response)


def main():
    port, files = int(sys.argv[1]), sys.argv[2:]
    os.environ['OS_KEYSTONE_CONFIG_FILES'] = ';'.join(files)
    sys.argv[1:] = []
    from keystone.wsgi import api
    server = simple_server.make_server(
        '127.0.0.1', port, _OneAtATime(api.application), _Server, _Handler)
    server.serve_forever()


if __name__ == '__main__':
    main()
