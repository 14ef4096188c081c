# SPDX-License-Identifier: Apache-2.0
"""What stands around the controllers: errors, browsers, paths, Accept."""

import json

from oslo_db import exception as db_exc
import sqlalchemy.exc

from allocator.api import app
from allocator.db import allocations
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
        for version, status in (('1.107', 200), ('1.108', 406), ('x', 400)):
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
