# SPDX-License-Identifier: Apache-2.0
"""Errors of the own API: one form, and a code that never changes."""

import json
import os
import re

import bcrypt
import fixtures as base_fixtures
from keystoneauth1 import exceptions as ksa_exc
from oslo_db import exception as db_exc
import sqlalchemy.exc
import webob.exc

from allocator.api import app
from allocator.api import errors
from allocator.common import exception
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import conductors
from allocator.tests import fixtures
from allocator.tests import microversions
from allocator.tests.unit.api import allocating

URL = allocating.OWN_URL
METAL = {'resource_class': 'metal'}

# As the API SIG's guideline has it.
CODE = re.compile(r'allocator(\.[a-z0-9_-]+)+\Z')


def error_classes():
    """List the classes of errors that clients may be answered with."""
    found, classes = [], [exception.AllocatorException]
    while classes:
        class_ = classes.pop()
        classes += class_.__subclasses__()
        if not class_.__module__.startswith('allocator.tests'):
            found.append(class_)
    return found


class CodeTests(allocating.AllocationTestCase):

    def test_each_error_has_a_code_of_its_own(self):
        codes = {}
        for class_ in error_classes():
            if class_ is errors.Foreign:
                continue
            self.assertIn('error_code', vars(class_), class_)
            code = class_.error_code
            self.assertRegex(code, CODE)
            self.assertNotIn(code, codes, class_)
            codes[code] = class_
        self.assertIn('allocator.allocation.not_found', codes)


class FormTests(allocating.AllocationTestCase):

    url = URL

    def refuse(self, status, answer, code, *words):
        """Check that an answer is an error in the form of the own API.

        :returns: the error
        """
        super().refuse(status, answer, *words)
        self.assertEqual(['errors'], list(answer.body))
        (error,) = answer.body['errors']
        self.assertEqual((status, code), (error['status'], error['code']))
        self.assertTrue(error['title'])
        self.assertEqual(answer.headers['x-openstack-request-id'],
                         error['request_id'])
        self.assertEqual('application/json', answer.headers['Content-Type'])
        self.assertIn('OpenStack-API-Version', answer.headers['Vary'])
        self.assertEqual([], [name for name in answer.headers
                              if 'ironic' in name.lower()])
        self.assertNotIn('error_message', json.dumps(answer.body))
        return error

    def replace(self, owner, name, value):
        self.useFixture(base_fixtures.MonkeyPatch(
            '%s.%s' % (owner.__name__, name), value))

    def restart_with(self, application):
        self.replace(app.routing, 'Application',
                     lambda *args, **kw: application)
        self.api.application = app.setup_app()

    def test_requests_that_are_wrong(self):
        self.refuse(400, self.api.get(URL + '?limit=0'),
                    'allocator.invalid', 'Limit')
        self.refuse(400, self.api.get(URL + '?marker=x'),
                    'allocator.invalid_uuid')
        self.refuse(400, self.api.get(URL + '?node=x'),
                    'allocator.node.unknown')
        self.refuse(400, self.api.post(URL, METAL | {
            'candidate_nodes': ['x']}), 'allocator.candidate_nodes.unknown')
        self.refuse(400, self.api.post(URL, raw=b'{'),
                    'allocator.invalid', 'JSON')
        self.refuse(404, self.api.get(URL + '/x'),
                    'allocator.allocation.not_found')
        self.refuse(404, self.api.get('/allocator/v1/nodes/x'),
                    'allocator.node.not_found')
        error = self.refuse(404, self.api.get('/allocator/v1/x'),
                            'allocator.not_found')
        self.assertEqual('Not Found', error['title'])
        self.refuse(406, self.api.get(URL, headers={'Accept': 'text/html'}),
                    'allocator.not_acceptable')
        self.refuse(413, self.api.post(URL, METAL | {
            'extra': {'text': 'x' * 2 ** 20}}), 'allocator.body.too_large')
        self.refuse(415, self.api.post(URL, raw=b'{}', headers={
            'Content-Type': 'text/xml'}),
            'allocator.body.unsupported_media_type')

    def test_a_method_that_is_not_there(self):
        answer = self.api.put(URL, METAL)
        self.refuse(405, answer, 'allocator.method_not_allowed')
        self.assertEqual('GET, POST', answer.headers['Allow'])
        self.refuse(405, self.api.request('OPTIONS', URL),
                    'allocator.method_not_allowed')
        answer = self.api.request('HEAD', URL)
        self.assertEqual((405, None), (answer.status, answer.body))

    def test_a_version_that_is_not_there_tells_the_range(self):
        error = self.refuse(406, self.api.get(URL, version='1.99'),
                            'allocator.microversion-unsupported', '1.99')
        self.assertEqual(('1.0', microversions.NEWEST_OWN),
                         (error['min_version'], error['max_version']))

    def test_a_conflict_names_its_reason(self):
        self.create(name='one')
        self.refuse(409, self.api.post(URL, METAL | {'name': 'one'}),
                    'allocator.allocation.duplicate_name', 'one')

    def test_no_conductor(self):
        conductors.leave('test', conductors.beat('test'))
        self.refuse(503, self.api.post(URL, METAL),
                    'allocator.conductor.none_alive')

    def test_a_client_without_the_right(self):
        self.api.act_as('guest', project='project')
        self.refuse(403, self.api.get(URL), 'allocator.forbidden')
        self.api.act_as('member')
        self.refuse(403, self.api.get(URL), 'allocator.token.unscoped')

    def test_a_database_that_is_away(self):
        for error, code in (
                (db_exc.DBConnectionError('mysql://user:secret@host'),
                 'allocator.database.away'),
                (db_exc.DBDeadlock('secret'), 'allocator.database.busy'),
                (sqlalchemy.exc.TimeoutError('secret'),
                 'allocator.database.busy')):
            def fail(*args, error=error, **kwargs):
                raise error

            self.replace(allocations, 'get_page', fail)
            answer = self.api.get(URL)
            self.refuse(503, answer, code)
            self.assertNotIn('secret', str(answer.body))

    def test_an_error_outside_of_the_controllers(self):
        def broken(environ, start_response):
            raise ValueError('secret')

        self.restart_with(broken)
        answer = self.api.get(URL)
        self.refuse(500, answer, 'allocator.internal_error')
        self.assertNotIn('secret', str(answer.body))

    def test_an_error_of_a_library(self):
        def refusing(environ, start_response):
            start_response('429 Too Many Requests',
                           [('Content-Type', 'text/plain')])
            return [b'slower']

        self.restart_with(refusing)
        self.refuse(429, self.api.get(URL), 'allocator.undefined_code')

    def test_an_error_in_the_other_form_is_none_of_this_one(self):
        def foreign(environ, start_response):
            start_response('503 Service Unavailable',
                           [('Content-Type', 'application/json')])
            return [b'{"error_message": "{}"}']

        self.restart_with(foreign)
        self.refuse(503, self.api.get(URL), 'allocator.undefined_code')

    def _ask_keystone(self, answer):
        """Let auth_token answer so; return what the API then says."""
        def middleware(application, conf):
            def call(environ, start_response):
                if callable(answer):
                    return answer(environ, start_response)
                raise answer
            return call

        self.replace_middleware(middleware)
        return self.api.get(URL)

    def replace_middleware(self, middleware):
        self.useFixture(base_fixtures.MonkeyPatch(
            'keystonemiddleware.auth_token.AuthProtocol', middleware))
        self.api.configuration.set('auth_strategy', 'keystone')
        self.api.application = app.setup_app()

    def test_no_token(self):
        answer = self._ask_keystone(webob.exc.HTTPUnauthorized(
            headers=[('WWW-Authenticate', 'Keystone uri="x"')]))
        self.refuse(401, answer, 'allocator.unauthenticated')
        self.assertEqual('Keystone uri="x"',
                         answer.headers['WWW-Authenticate'])

    def test_keystone_is_away(self):
        self.refuse(503, self._ask_keystone(
            webob.exc.HTTPServiceUnavailable()), 'allocator.identity.away')
        self.refuse(503, self._ask_keystone(
            ksa_exc.ConnectFailure('http://10.0.0.1')),
            'allocator.identity.away')

    def test_each_api_has_its_own_access_rules(self):
        """Application credentials name the service whose API they open."""
        types = []

        def middleware(application, conf):
            types.append(conf.get('service_type'))
            return application

        self.replace_middleware(middleware)
        # That of the Bare Metal API is an option.
        self.assertEqual({None, 'allocator'}, set(types))

    def test_no_user(self):
        users = os.path.join(
            self.useFixture(base_fixtures.TempDir()).path, 'htpasswd')
        with open(users, 'w') as file:
            file.write('ann:%s\n' % bcrypt.hashpw(
                b'right', bcrypt.gensalt(4)).decode())
        self.api.configuration.set('auth_strategy', 'http_basic')
        self.api.configuration.set('http_basic_auth_user_file', users)
        self.api.application = app.setup_app()
        self.addCleanup(CONF.clear_override,
                        'http_basic_auth_user_file', group='oslo_middleware')
        answer = self.api.get(URL)
        self.refuse(401, answer, 'allocator.unauthenticated')
        self.assertIn('Basic', answer.headers['WWW-Authenticate'])
        for path in ('/allocator', '/allocator/v1/'):
            self.assertEqual(200, self.api.get(path).status)
        os.unlink(users)
        self.refuse(503, self.api.get(URL, headers={
            'Authorization': 'Basic YW5uOnJpZ2h0'}), 'allocator.users.away')


class ApartTests(allocating.AllocationTestCase):
    """What the Bare Metal API must not have."""

    def test_its_errors_have_no_code(self):
        answer = self.api.get('/v1/allocations/x')
        self.assertEqual(['error_message'], list(answer.body))
        self.assertEqual({'faultcode', 'faultstring', 'debuginfo'},
                         set(json.loads(answer.body['error_message'])))

    def test_nothing_tells_of_the_backend(self):
        fixtures.add_node(name='node')
        self.create(name='one')
        for path in ('/v1/allocations', '/v1/allocations/one', '/v1/nodes',
                     '/v1/nodes?detail=true', '/v1/nodes/detail',
                     '/v1/nodes/node', '/v1', '/'):
            answer = self.api.get(path)
            self.assertEqual(200, answer.status, answer)
            for text in (json.dumps(answer.body), str(answer.headers)):
                self.assertNotIn('backend', text.lower())
                self.assertNotIn('allocator ', text)

    def test_nothing_takes_it(self):
        self.create(name='one')
        self.refuse(400, self.api.post('/v1/allocations', METAL | {
            'backend': 'east'}), 'backend')
        self.refuse(400, self.api.post('/v1/nodes', {
            'driver': 'fake', 'backend': 'east'}), 'backend')
        self.refuse(400, self.patch(
            'one', ('add', '/backend', 'east'), status=400), 'backend')


class LinkTests(allocating.AllocationTestCase):

    url = URL

    def test_links_lie_below_the_public_endpoint(self):
        self.api.configuration.set(
            'public_endpoint', 'https://example.com/base/', group='api')
        fixtures.add_node(name='node')
        base = 'https://example.com/base/allocator/v1/'
        created = self.create()
        self.assertEqual([base + 'allocations/' + created['uuid']],
                         [link['href'] for link in created['links']])
        for name in ('allocations', 'nodes'):
            found = self.read('/allocator/v1/%s?limit=1' % name)
            self.assertIn(base + name + '?limit=1&marker=', found['next'])
        self.assertEqual(base, self.read('/allocator')['versions'][0][
            'links'][0]['href'])

    def test_a_name_is_never_cut(self):
        """The Bare Metal API takes .json off in old versions."""
        self.create(name='one.json')
        self.assertEqual('one.json', self.show('one.json')['name'])
        self.assertEqual(404, self.api.get(URL + '/one').status)
