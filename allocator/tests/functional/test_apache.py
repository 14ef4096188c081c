# SPDX-License-Identifier: Apache-2.0
"""The API behind Apache, with uWSGI, and within it, with mod_wsgi."""

import collections
import os
import pathlib
import socket
import threading
import time

import bcrypt
import fixtures
from testtools import content

from allocator.tests.functional import apache
from allocator.tests.functional import client
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import testcase

USER = ('admin', 'secret')

# Requests of each kind. Without the cure a hundred of 60 bytes lost some.
COUNT = 200

# Bytes of a body: one that comes with the request, one that fills the buffers
# of a Unix socket, one for which uWSGI makes a file.
SIZES = (60, 40000, 300000)

ALLOCATIONS = '/v1/allocations'


class SiteTests:
    """A service whose API is in Apache's hands, with a conductor.

    :cvar site_class: fixture of apache
    """

    site_class = apache.Site
    require = staticmethod(apache.require)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.require()
        folder = fixtures.TempDir()
        folder.setUp()
        cls.addClassCleanup(folder.cleanUp)
        # The API may be another user's there.
        os.chmod(folder.path, 0o755)
        users = os.path.join(folder.path, 'htpasswd')
        hashed = bcrypt.hashpw(USER[1].encode(), bcrypt.gensalt(4))
        pathlib.Path(users).write_text('%s:%s\n' % (USER[0], hashed.decode()))
        cls.service = service_fixtures.Service(
            cls.kind, conductors=1, api_workers=1, options={'DEFAULT': {
                'auth_strategy': 'http_basic',
                'http_basic_auth_user_file': users}})
        cls.service.setUp()
        cls.addClassCleanup(cls.service.cleanUp)

    def _start(self, **site):
        """Start Apache, and what is behind it; see site_class.

        :returns: client.Client of the site
        """
        self.site = self.useFixture(self.site_class(
            self.service.config_file, **site))
        self.addOnException(lambda _exc_info: self.addDetail(
            'logs', content.text_content(self.site.logs())))
        found = client.Client(self.site.endpoint)
        self.addCleanup(found.close)
        return found

    def test_an_allocation_gets_its_node(self):
        self._start()
        self.addCleanup(self.service.wipe)
        api = client.Client(self.site.endpoint.replace(
            '//', '//%s:%s@' % USER))
        self.addCleanup(api.close)
        node = self.service.add_node()
        created = api.post(ALLOCATIONS, {'resource_class': 'baremetal'})
        self.assertEqual(201, created.status_code, client.described(created))
        self.assertEqual(node, api.settled(created.json()['uuid'])[
            'node_uuid'])

    def _statuses(self, api, size, count=COUNT, **options):
        """Send many requests whose body nobody reads.

        :param size: bytes of the body
        :param options: of the request
        :returns: Counter of status codes
        """
        body = b'{"resource_class": "%s"}' % (b'x' * size)

        def post(_number):
            answer = api.request('POST', ALLOCATIONS, data=body, **options)
            return answer.status_code

        return collections.Counter(api.at_once(post, range(count)))


@testcase.per_database(databases.MYSQL)
class ModuleTests(SiteTests):

    site_class = apache.ModuleSite
    require = staticmethod(apache.require_mod_wsgi)

    def test_refused_requests_are_told_so(self):
        api = self._start()
        for size in SIZES:
            self.assertEqual({401: 20}, self._statuses(api, size, count=20))


@testcase.per_database(databases.MYSQL)
class ApacheTests(SiteTests):

    def _assert_answered(self, api):
        for size in SIZES:
            self.assertEqual({406: COUNT}, self._statuses(
                api, size, auth=USER,
                headers={'X-OpenStack-Ironic-API-Version': '1.999'}))
            self.assertEqual({401: COUNT}, self._statuses(api, size))
        self.assertNotIn('AH10098', self.site.logs())

    def test_no_refused_request_is_answered_503(self):
        self._assert_answered(self._start())

    def test_no_refused_request_is_answered_503_in_a_devstack(self):
        self._assert_answered(self._start(unix=True))

    def test_the_api_needs_no_buffering_of_uwsgi(self):
        self._assert_answered(self._start(
            unix=True, options={'post-buffering': None}))

    def test_buffering_needs_no_reading_of_the_api(self):
        self._assert_answered(self._start(unix=True, drains=False))

    def test_without_either_cure_answers_are_lost(self):
        # Or else the tests above would prove nothing.
        api = self._start(unix=True, drains=False,
                          options={'post-buffering': None})
        self.assertIn(503, self._statuses(api, SIZES[-1]))
        self.assertIn('AH10098', self.site.logs())

    def test_a_body_too_large_is_told_so(self):
        api = self._start(unix=True, options={'post-buffering': None})
        self.assertEqual({413: 5}, self._statuses(
            api, 2 * 1024 * 1024, count=5, auth=USER))

    def test_apache_bounds_what_uwsgi_writes_to_files(self):
        self.assertEqual({413: 1}, self._statuses(
            self._start(), 10 * 1024 * 1024, count=1))
        # uWSGI has not even seen it.
        self.assertNotIn('POST', self.site.logs())

    def test_a_refused_client_that_drips_keeps_no_process(self):
        api = self._start(unix=True, options={'post-buffering': None})
        slow = socket.create_connection(
            ('127.0.0.1', int(self.site.endpoint.rpartition(':')[2])))
        self.addCleanup(slow.close)
        slow.sendall(b'POST /v1/allocations HTTP/1.1\r\nHost: x\r\n'
                     b'Content-Length: 1000\r\n\r\n')
        ended = threading.Event()
        self.addCleanup(ended.set)

        def drip():
            try:
                while not ended.wait(0.5):
                    slow.sendall(b'x')
            except OSError:
                pass  # it was sent away

        threading.Thread(target=drip, daemon=True).start()
        # The only process is busy with it now, or will be.
        began = time.monotonic()
        self.assertEqual({401: 20}, self._statuses(api, 60, count=20))
        self.assertLess(time.monotonic() - began, 30)
