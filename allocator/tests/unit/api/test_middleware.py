# SPDX-License-Identifier: Apache-2.0
"""What stands around the controllers: errors, browsers, paths, Accept."""

import json
from unittest import mock

from oslo_context import context as oslo_context
from oslo_db import exception as db_exc
import sqlalchemy.exc
import webob
import webob.dec

from allocator.api import app
from allocator.api import middleware
from allocator.db import allocations
from allocator.db import pagination
from allocator.tests import microversions
from allocator.tests.unit.api import allocating

URL = allocating.URL
ORIGIN = 'https://dashboard.example'


class ErrorTests(allocating.AllocationTestCase):

    def fail_with(self, error):
        def fail(*args, **kwargs):
            raise error

        self.patch_attribute(allocations, 'get_page', fail)
        return self.api.get(URL)

    def patch_attribute(self, owner, name, value):
        original = getattr(owner, name)
        setattr(owner, name, value)
        self.addCleanup(setattr, owner, name, original)

    def test_an_unexpected_error_tells_nothing_of_itself(self):
        answer = self.fail_with(ValueError('secret'))
        self.refuse(500, answer)
        self.assertNotIn('secret', str(answer.body))
        self.assertNotIn('Traceback', str(answer.body))
        fault = json.loads(answer.body['error_message'])
        self.assertEqual(('Server', None),
                         (fault['faultcode'], fault['debuginfo']))

    def test_a_database_that_is_away_is_503(self):
        for error in (db_exc.DBConnectionError('mysql://user:secret@host'),
                      db_exc.DBDeadlock('secret'),
                      sqlalchemy.exc.TimeoutError('secret')):
            answer = self.fail_with(error)
            self.refuse(503, answer, 'database')
            self.assertNotIn('secret', str(answer.body))
            # Some clients fail on a header that tells when to try again.
            self.assertNotIn('Retry-After', answer.headers)

    def test_an_error_outside_of_the_controllers_has_the_same_form(self):
        def broken(environ, start_response):
            raise ValueError('secret')

        self.patch_attribute(app.routing, 'Application',
                             lambda *args, **kw: broken)
        self.api.application = app.setup_app()
        answer = self.api.get(URL)
        self.refuse(500, answer)
        self.assertIn('X-OpenStack-Ironic-API-Maximum-Version',
                      answer.headers)

    def test_an_error_of_another_middleware_has_the_same_form(self):
        def refusing(environ, start_response):
            start_response('429 Too Many Requests',
                           [('Content-Type', 'text/plain')])
            return [b'slower']

        self.patch_attribute(app.routing, 'Application',
                             lambda *args, **kw: refusing)
        self.api.application = app.setup_app()
        self.refuse(429, self.api.get(URL))


class FrameTests(allocating.AllocationTestCase):

    ID = 'req-11111111-2222-3333-4444-555555555555'
    PATHS = (URL, URL + '/absent', '/nothing', '/', '/healthcheck')

    def ids(self, path, **headers):
        answer = self.api.get(path, headers={
            'Accept': 'application/json', **headers})
        found = {answer.headers[name] for name in (
            'X-Openstack-Request-Id', 'Openstack-Request-Id')}
        self.assertEqual(1, len(found))
        return found

    def test_every_request_has_an_id_of_its_own(self):
        found = set()
        for path in self.PATHS:
            found |= self.ids(path)
            # A client cannot choose it.
            found |= self.ids(path, **{'X-Openstack-Request-Id': self.ID})
        self.assertEqual(2 * len(self.PATHS), len(found))
        self.assertNotIn(self.ID, found)

    def test_an_id_that_reaches_further_is_taken_over(self):
        for given, kept in ((self.ID, self.ID), ('req-1', None),
                            (self.ID + 'x', None), ('', None)):
            with mock.patch.object(allocations, 'get_page', autospec=True,
                                   side_effect=self.note_context):
                self.api.get(URL, headers={'X-Openstack-Request-Id': given})
            self.assertEqual(kept, self.context.global_request_id)

    def note_context(self, *args, **kwargs):
        self.context = oslo_context.get_current()
        return pagination.Page([], False)

    def test_headers_of_an_answer_stay_beside_ours(self):
        def varying(environ, start_response):
            start_response('200 OK', [('Vary', 'Cookie'), ('X-Other', 'a')])
            return []

        frame = middleware.Frame(varying)
        answer = webob.Request.blank(URL).get_response(frame)
        self.assertEqual('a', answer.headers['X-Other'])
        self.assertEqual(('Cookie', 'OpenStack-API-Version',
                          'X-OpenStack-Ironic-API-Version'), answer.vary)

    def test_a_plain_request_goes_through_no_layer_of_a_library(self):
        """Each makes objects of request and answer, to pass both on."""
        with mock.patch.object(webob.dec.wsgify, '__call__',
                               autospec=True) as layer:
            self.assertEqual(200, self.api.get(URL).status)
        layer.assert_not_called()


class PathTests(allocating.AllocationTestCase):

    def test_a_path_may_end_in_slashes(self):
        self.create(name='one')
        for path in ('/', '/v1/', URL + '/', URL + '/one/', URL + '/one//',
                     '/allocations/one/'):
            self.assertEqual(200, self.api.get(path).status)

    def test_a_path_with_slashes_inside_is_another_one(self):
        self.refuse(404, self.api.get('/v1//allocations'))
        self.refuse(404, self.api.get(URL + '//one'))

    def test_v1_is_not_there_twice(self):
        self.refuse(404, self.api.get('/v1/v1'))

    def test_head_is_405_and_empty(self):
        for path in ('/', '/v1', URL, URL + '/one',
                     '/v1/nodes/one/allocation'):
            answer = self.api.request('HEAD', path)
            self.assertEqual((405, None), (answer.status, answer.body))
            self.assertIn('GET', answer.headers['Allow'])


class AcceptTests(allocating.AllocationTestCase):

    def test_json_may_be_asked_for_in_many_ways(self):
        for accept in ('application/json', 'APPLICATION/JSON', '*/*', '',
                       'application/*', 'text/html, */*;q=0.1',
                       'application/json; charset=utf-8',
                       'text/plain, application/json;q=0.5', ';malformed'):
            answer = self.api.get(URL, headers={'Accept': accept})
            self.assertEqual(200, answer.status, accept)
            self.assertEqual('application/json',
                             answer.headers['Content-Type'])

    def test_nothing_but_json_is_answered(self):
        for accept in ('text/html', 'text/*', 'application/xml',
                       'application/json;q=0', 'image/png, text/html'):
            answer = self.api.get(URL, headers={'Accept': accept})
            self.refuse(406, answer, 'JSON')
            self.assertEqual('application/json',
                             answer.headers['Content-Type'])


class BrowserTests(allocating.AllocationTestCase):

    def setUp(self):
        super().setUp()
        self.api.configuration.set('allowed_origin', [ORIGIN], group='cors')
        self.api.application = app.setup_app()

    def test_a_browser_asks_before_it_sends(self):
        answer = self.api.request('OPTIONS', URL, headers={
            'Origin': ORIGIN, 'Access-Control-Request-Method': 'POST',
            'Access-Control-Request-Headers':
                'content-type,x-auth-token,openstack-api-version'})
        self.assertEqual(200, answer.status)
        self.assertEqual(
            (ORIGIN, 'POST'),
            (answer.headers['Access-Control-Allow-Origin'],
             answer.headers['Access-Control-Allow-Methods']))
        self.assertIn('X-OpenStack-Ironic-API-Maximum-Version',
                      answer.headers)

    def test_a_browser_may_read_answers_and_their_headers(self):
        for version, status in (
                (microversions.NEWEST, 200), (microversions.TOO_NEW, 406),
                ('x', 400)):
            answer = self.api.get(URL, version=version,
                                  headers={'Origin': ORIGIN})
            self.assertEqual(
                (status, ORIGIN),
                (answer.status,
                 answer.headers['Access-Control-Allow-Origin']))
            exposed = answer.headers['Access-Control-Expose-Headers']
            for name in ('X-OpenStack-Ironic-API-Maximum-Version',
                         'X-OpenStack-Request-Id', 'Location'):
                self.assertIn(name, exposed.split(','))
            self.assertIn('Origin', answer.headers['Vary'])
            self.assertIn('OpenStack-API-Version', answer.headers['Vary'])

    def test_other_origins_may_not(self):
        answer = self.api.get(URL, headers={'Origin': 'https://evil.example'})
        self.assertEqual(200, answer.status)
        self.assertNotIn('Access-Control-Allow-Origin', answer.headers)

    def test_who_is_no_browser_gets_405_to_options(self):
        self.refuse(405, self.api.request('OPTIONS', URL))


class SerializationTests(allocating.AllocationTestCase):

    def test_whatever_extra_holds_comes_back(self):
        """The fast serializer refuses some of what JSON admits."""
        deep = []
        for _ in range(250):
            deep = [deep]
        self.api.configuration.set('max_json_depth', 256, group='api')
        for value in ('\ud800', 2 ** 70, -2 ** 64, deep, 1e300, 'ä\U0001f600',
                      '\x00', {'a': [None, True, 0.1]}):
            made = self.api.post(URL, {'resource_class': 'metal',
                                       'extra': {'value': value}})
            self.assertEqual(201, made.status, made)
            found = self.read(URL + '/' + made.body['uuid'])
            self.assertEqual(value, made.body['extra']['value'])
            self.assertEqual(value, found['extra']['value'])
        page = self.read(URL + '?fields=extra')['allocations']
        self.assertEqual(8, len(page))
