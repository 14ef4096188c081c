# SPDX-License-Identifier: Apache-2.0
"""A Bare Metal service in memory, for what no machine holds a real one of.

It speaks what this project asks of one: discovery, nodes and their lists,
allocations, conductors. One process is any number of services, told apart by
the first part of the path: ``http://127.0.0.1:PORT/east/v1/nodes``.

``python -m allocator.tests.backends.simulator --port 6390 --nodes 10000 \
east west`` serves two.
"""

import argparse
import collections
import http.server
import json
import re
import threading
import urllib.parse

from allocator.tests.backends import simulated

MAX_LIMIT = 1000
_VERSION_HEADER = 'X-OpenStack-Ironic-API-Version'
_REQUEST_ID_HEADER = 'X-Openstack-Request-Id'
_PATH = re.compile(r'/(?P<service>[^/]+)(?P<rest>/.*)?')


class Fault(Exception):
    """An answer that is an error.

    :ivar status: HTTP status
    """

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # An answer is two writes, which Nagle's algorithm would keep apart.
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def _handle(self):
        length = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(length) if length else b''
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query,
                                            keep_blank_values=True))
        service, path = self._find(url.path)
        headers = {}
        try:
            if service is None:
                raise Fault(404, 'There is no such service.')
            headers = service.headers(self.headers.get(_VERSION_HEADER))
            service.request_ids.append((
                self.command, path, self.headers.get(_REQUEST_ID_HEADER)))
            with service.counted(self.command, path):
                status, answer = service.handle(
                    self.command, path, query,
                    json.loads(body) if body else None)
        except Fault as exc:
            status = exc.status
            answer = json.dumps({'error_message': json.dumps(
                {'faultcode': 'Client', 'faultstring': str(exc)})}).encode()
        self._answer(status, headers, answer)

    do_GET = do_POST = do_DELETE = do_PATCH = _handle

    def _find(self, path):
        match = _PATH.fullmatch(path)
        if match is None:
            return None, ''
        service = self.server.services.get(match['service'])
        return service, (match['rest'] or '/').rstrip('/') or '/'

    def _answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, services):
        self.services = services
        super().__init__(address, _Handler)

    def server_bind(self):
        # Without the look-up of the host's name.
        http.server.socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


class Service:
    """The HTTP side of one simulated service.

    :ivar store: simulated.Store: its nodes and allocations
    :ivar is_full_reader: whether the caller may read the conductors
    :ivar may_allocate: whether the caller may make allocations
    :ivar requests: collections.Counter by (method, kind of path)
    :ivar request_ids: the last requests: method, path, global request id
    :ivar most_changes: greatest number of requests that changed something
        at the same time
    """

    def __init__(self, url, store, max_version=(1, 115)):
        self.url = url
        self.store = store
        self.max_version = max_version
        self.is_full_reader = True
        self.may_allocate = True
        self.requests = collections.Counter()
        self.request_ids = collections.deque(maxlen=1000)
        self.most_changes = 0
        self._changes = 0
        self._lock = threading.Lock()

    def headers(self, asked):
        """Check the version that is asked for.

        :param asked: value of the header, or None
        :returns: dict of headers of the answer
        :raises Fault: it does not have that version
        """
        newest = '%d.%d' % self.max_version
        if asked and asked != 'latest':
            major, minor = map(int, asked.split('.'))
            if not (1, 1) <= (major, minor) <= self.max_version:
                raise Fault(406, 'Version %s was requested but the API '
                            'serves 1.1 to %s.' % (asked, newest))
        return {'X-OpenStack-Ironic-API-Minimum-Version': '1.1',
                'X-OpenStack-Ironic-API-Maximum-Version': newest,
                _VERSION_HEADER: asked or '1.1'}

    def counted(self, method, path):
        """Count a request while it is handled."""
        return _Counted(self, method, path.split('/')[2:3])

    def handle(self, method, path, query, body):
        """Answer a request.

        :param path: path below the service's own
        :returns: status, body as bytes
        :raises Fault: it is refused
        """
        parts = path.strip('/').split('/')
        if parts in ([''], ['v1']):
            return 200, self._discover(parts)
        name = '_%s_%s' % (method.lower(), '_'.join(parts[1:2]))
        handler = getattr(self, name, None)
        if parts[0] != 'v1' or handler is None:
            raise Fault(404, 'Not found.')
        return handler(parts[2:], query, body)

    def _discover(self, parts):
        version = {'id': 'v1', 'min_version': '1.1', 'status': 'CURRENT',
                   'version': '%d.%d' % self.max_version,
                   'links': [{'href': self.url + '/v1/', 'rel': 'self'}]}
        found = ({'id': 'v1', 'version': version} if parts == ['v1'] else
                 {'name': 'OpenStack Ironic API', 'versions': [version],
                  'default_version': version})
        return json.dumps(found).encode()

    # --- Nodes -------------------------------------------------------------

    def _get_nodes(self, rest, query, body):
        if len(rest) > 1:
            raise Fault(404, 'Not found.')
        if rest and rest != ['detail']:
            return 200, self._node(rest[0]).render()
        fields = query.pop('fields', None)
        nodes, more = self.store.select_nodes(
            *self._paging(query, self.store.nodes), filters=query)
        if rest:
            rendered = [node.render() for node in nodes]
        else:
            names = (fields or ','.join(simulated.BRIEF)).split(',')
            rendered = [node.render_fields(names) for node in nodes]
        return 200, self._page('nodes', '/v1/' + '/'.join(['nodes', *rest]),
                               rendered, nodes if more else None)

    def _node(self, ident):
        node = self.store.find_node(ident)
        if node is None:
            raise Fault(404, 'Node %s could not be found.' % ident)
        return node

    def _patch_nodes(self, rest, query, body):
        node = self._node(rest[0])
        changes = {step['path'].strip('/'): step.get('value')
                   for step in body}
        unknown = set(changes).difference(simulated.VARIABLE)
        if unknown:
            raise Fault(400, 'No such fields: %s' % ', '.join(unknown))
        self.store.change_node(node.uuid, **changes)
        return 200, node.render()

    # --- Allocations -------------------------------------------------------

    def _get_allocations(self, rest, query, body):
        if rest:
            found = self.store.find_allocation(rest[0])
            if found is None:
                raise self._no_allocation(rest[0])
            return 200, json.dumps(found).encode()
        page, more = self.store.select_allocations(
            *self._paging(query, self.store.allocations), filters=query)
        return 200, self._page(
            'allocations', '/v1/allocations',
            [json.dumps(allocation).encode() for allocation in page],
            page if more else None)

    @staticmethod
    def _no_allocation(ident):
        return Fault(404, 'Allocation %s could not be found.' % ident)

    def _post_allocations(self, rest, query, body):
        if not self.may_allocate:
            raise Fault(403, 'Access was denied to the following resource: '
                        'baremetal:allocation:create')
        try:
            return 201, json.dumps(self.store.allocate(**body)).encode()
        except simulated.Taken as exc:
            raise Fault(409, str(exc)) from exc
        except (simulated.Unknown, TypeError) as exc:
            raise Fault(400, str(exc)) from exc

    def _patch_allocations(self, rest, query, body):
        changes = {step['path'].strip('/'): step.get('value')
                   for step in body}
        if set(changes) - {'name', 'extra'}:
            raise Fault(400, 'Only name and extra can be changed.')
        try:
            return 200, json.dumps(self.store.change_allocation(
                rest[0], **changes)).encode()
        except simulated.Taken as exc:
            raise Fault(409, str(exc)) from exc
        except simulated.Unknown as exc:
            raise self._no_allocation(rest[0]) from exc

    def _delete_allocations(self, rest, query, body):
        try:
            self.store.release(rest[0])
        except simulated.Taken as exc:
            raise Fault(409, str(exc)) from exc
        except simulated.Unknown as exc:
            raise self._no_allocation(rest[0]) from exc
        return 204, b''

    # --- Conductors --------------------------------------------------------

    def _get_conductors(self, rest, query, body):
        if not self.is_full_reader:
            raise Fault(403, 'Access was denied to the following resource: '
                        'baremetal:conductor:get')
        return 200, json.dumps({'conductors': [
            {'hostname': 'simulated', 'conductor_group': '', 'alive': True,
             'links': []}]}).encode()

    # --- Lists -------------------------------------------------------------

    def _paging(self, query, items):
        limit = min(int(query.pop('limit', MAX_LIMIT)), MAX_LIMIT)
        marker = query.pop('marker', None)
        if marker is not None and marker not in items:
            raise Fault(404, 'Marker %s could not be found.' % marker)
        return (limit, marker, query.pop('sort_key', 'id'),
                query.pop('sort_dir', 'asc') == 'desc')

    def _page(self, kind, path, rendered, more):
        """Join a page.

        :param rendered: list of bytes
        :param more: items of the page if there are more after it
        """
        page = b'{"%s": [%s]' % (kind.encode(), b', '.join(rendered))
        if more:
            last = more[-1]
            uuid = last['uuid'] if isinstance(last, dict) else last.uuid
            page += b', "next": "%s%s?limit=%d&marker=%s"' % (
                self.url.encode(), path.encode(), len(more), uuid.encode())
        return page + b'}'


class _Counted:
    def __init__(self, service, method, kind):
        self._service = service
        self._key = method, ''.join(kind)

    def __enter__(self):
        service = self._service
        with service._lock:
            service.requests[self._key] += 1
            service._changes += self._key[0] != 'GET'
            service.most_changes = max(service.most_changes,
                                       service._changes)

    def __exit__(self, *error):
        with self._service._lock:
            self._service._changes -= self._key[0] != 'GET'


class Simulator:
    """Simulated services on one port of 127.0.0.1.

    :param names: names of the services
    :param port: TCP port; any free one unless given
    :ivar port: its TCP port
    :ivar services: dict of Service by name
    """

    def __init__(self, *names, port=0):
        self.services = {}
        self._server = _Server(('127.0.0.1', port), self.services)
        self.port = self._server.server_port
        for name in names:
            self.services[name] = Service(
                'http://127.0.0.1:%d/%s' % (self.port, name),
                simulated.Store())
        self._thread = threading.Thread(target=self._server.serve_forever,
                                        args=(0.05,), daemon=True)

    def start(self):
        """Serve, in a thread."""
        self._thread.start()

    def stop(self):
        """End it; open connections end with the process."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self):
        """Wait until it ends."""
        self._thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('names', nargs='+', metavar='NAME[=NODES]',
                        help='names of the services')
    parser.add_argument('--port', type=int, default=6390)
    parser.add_argument('--nodes', type=int, default=1000,
                        help='nodes of each service that does not say so')
    arguments = parser.parse_args()
    sizes = {name: int(size or arguments.nodes) for name, _, size in (
        text.partition('=') for text in arguments.names)}
    server = Simulator(*sizes, port=arguments.port)
    for name, size in sizes.items():
        server.services[name].store.enrol(size)
    server.start()
    server.wait()


if __name__ == '__main__':
    main()
