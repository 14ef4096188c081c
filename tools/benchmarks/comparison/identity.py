# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Identity service that knows one tenant.

Without tokens everybody is administrator, and an administrator's lists are
not redacted. Processes remember a token that they have had checked, so how
long this takes to answer is part of no measure.
"""

import datetime
import http.server
import json
import threading

TOKEN = 'tenant'
PROJECT = 'project-of-the-tenant'


class Identity:
    """Answers on a port of the loopback address until closed.

    :ivar url: URL of version 3 of its API
    """

    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0),
                                                       _Handler)
        self.url = 'http://127.0.0.1:%d/v3' % self._server.server_port
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def options(self):
        """List what has a service check its tokens here.

        :returns: dict of the options of [keystone_authtoken]
        """
        return {'www_authenticate_uri': self.url, 'auth_url': self.url,
                'auth_type': 'password', 'username': 'allocator',
                'password': 'unused', 'project_name': 'service',
                'user_domain_id': 'default', 'project_domain_id': 'default'}


class _Handler(http.server.BaseHTTPRequestHandler):

    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        """Give the service its own token, and the catalogue."""
        self.rfile.read(int(self.headers['Content-Length']))
        self._answer(201, {'token': self._token('service')},
                     {'X-Subject-Token': 'service'})

    def do_GET(self):
        if not self.path.endswith('/auth/tokens'):
            self._answer(200, {'version': {
                'id': 'v3.14', 'status': 'stable',
                'links': [{'rel': 'self', 'href': self._url()}]}})
        elif self.headers['X-Subject-Token'] == TOKEN:
            self._answer(200, {'token': self._token(PROJECT)})
        else:
            self._answer(404, {'error': {'code': 404, 'title': 'Not Found',
                                         'message': 'No such token.'}})

    def _url(self):
        return 'http://%s/v3/' % self.headers['Host']

    def _token(self, project):
        now = datetime.datetime.now(datetime.UTC)
        domain = {'id': 'default', 'name': 'Default'}
        return {
            'methods': ['password'], 'issued_at': _time(now),
            'expires_at': _time(now + datetime.timedelta(days=1)),
            'audit_ids': ['benchmark'],
            'user': {'id': project, 'name': project, 'domain': domain},
            'project': {'id': project, 'name': project, 'domain': domain},
            'roles': [{'id': 'member', 'name': 'member'},
                      {'id': 'reader', 'name': 'reader'}],
            'catalog': [{'type': 'identity', 'id': 'identity',
                         'name': 'identity', 'endpoints': [
                             {'id': interface, 'interface': interface,
                              'region': 'one', 'region_id': 'one',
                              'url': self._url()}
                             for interface in ('internal', 'admin',
                                               'public')]}]}

    def _answer(self, status, document, headers=None):
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in ({'Content-Type': 'application/json',
                             'Content-Length': str(len(body))}
                            | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Log nothing."""


def _time(moment):
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%fZ')
