# SPDX-License-Identifier: Apache-2.0
"""A service that answers what a test has told it to, over real HTTP."""

import contextlib
import http.server
import json
import threading
from typing import Any
import urllib.parse

import fixtures

URL = '/allocator/v1'

#: What keeps a connection from being answered at all: it is closed, or the
#: client is left to wait.
HANG_UP = object()
SILENCE = object()


class Service(fixtures.Fixture):
    """A service on loopback.

    :param newest: its newest version
    :ivar endpoint: its URL
    :ivar requests: list of Request, discovery left out
    """

    def __init__(self, newest: str = '1.2') -> None:
        self.newest = newest
        self.requests: list[Request] = []
        self.ended = threading.Event()
        self._answers: dict[tuple[str, str], list[Any]] = {}

    def _setUp(self) -> None:
        service = self

        class Handler(_Handler):
            pass

        Handler.service = service
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        server.daemon_threads = True
        self.endpoint = 'http://127.0.0.1:%d' % server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.addCleanup(self.ended.set)

    def answer(self, method: str, path: str, *answers: Any) -> None:
        """Tell what to answer, one after the other, the last for ever.

        :param path: path below the URL of version 1
        :param answers: a body, a tuple of status and body, HANG_UP or
            SILENCE
        """
        self._answers[method, URL + path] = list(answers)

    def next_answer(self, method: str, path: str) -> Any:
        """Get what is to be answered."""
        if path.rstrip('/') in ('/allocator', URL):
            return self._discovery(path.rstrip('/'))
        found = self._answers.get((method, path))
        if not found:
            return 404, error('allocator.not_found', 'Nothing is here.')
        answer = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(answer, tuple) or answer in (HANG_UP, SILENCE):
            return answer
        return 200, answer

    def _discovery(self, path: str) -> Any:
        version = {
            'id': 'v1', 'status': 'CURRENT', 'min_version': '1.0',
            'max_version': self.newest, 'links': [
                {'rel': 'self', 'href': self.endpoint + URL + '/'}]}
        if path == URL:
            return 200, {'version': version}
        return 200, {'versions': [version]}


class Request:
    """A request that the service has got."""

    def __init__(self, method: str, url: str, version: str | None,
                 body: Any) -> None:
        parts = urllib.parse.urlsplit(url)
        self.method = method
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        self.version = version
        self.body = body


class _Handler(http.server.BaseHTTPRequestHandler):
    service: Service
    protocol_version = 'HTTP/1.1'

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def _serve(self) -> None:
        size = int(self.headers.get('Content-Length') or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        found = Request(self.command, self.path,
                        self.headers.get('OpenStack-API-Version'), body)
        if found.path.rstrip('/') not in ('/allocator', URL):
            self.service.requests.append(found)
        answer = self.service.next_answer(found.method, found.path)
        if answer is SILENCE:
            self.service.ended.wait()
        if answer in (HANG_UP, SILENCE):
            self.close_connection = True
            return
        status, content = answer
        data = b'' if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.send_header('X-OpenStack-Request-Id', 'req-1')
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, *_arguments: Any) -> None:
        pass


def error(code: str, detail: str) -> dict[str, Any]:
    """Make the body of an error."""
    return {'errors': [{'code': code, 'detail': detail, 'status': 400,
                        'request_id': 'req-1', 'title': 'X'}]}
