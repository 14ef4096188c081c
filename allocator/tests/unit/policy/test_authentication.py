# SPDX-License-Identifier: Apache-2.0
"""Who is let in, and how those are answered who are not."""

import base64
import os
import sys
from unittest import mock

import bcrypt
import fixtures as base_fixtures
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import loading
from oslotest import base
import webob
import webob.exc

from allocator.api import app
from allocator.api import authentication
from allocator.conf import CONF
from allocator.tests import fixtures

LIST = '/v1/allocations'
PUBLIC = ('/', '/v1', '/v1/', '/healthcheck', '/healthcheck/reads')


class _TestAuthentication(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(fixtures.Api())

    def _restart(self):
        self.api.application = app.setup_app()

    def _assert_refused(self, answer, status, sentence):
        self.assertEqual(status, answer.status, answer)
        self.assertIn(sentence, answer.fault)
        self.assertEqual('application/json', answer.headers['Content-Type'])
        self.assertEqual('1.1', answer.headers[
            'X-OpenStack-Ironic-API-Minimum-Version'])
        self.assertIn('openstack-request-id', answer.headers)


class TestHttpBasic(_TestAuthentication):

    def setUp(self):
        super().setUp()
        self.users = os.path.join(
            self.useFixture(base_fixtures.TempDir()).path, 'htpasswd')
        hashed = bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()
        self._write('ann:%s\n' % hashed)
        self.api.configuration.set('auth_strategy', 'http_basic')
        self.api.configuration.set('http_basic_auth_user_file', self.users)
        self.addCleanup(CONF.clear_override, 'http_basic_auth_user_file',
                        group='oslo_middleware')
        self._restart()

    def _write(self, text):
        with open(self.users, 'w') as file:
            file.write(text)

    def _get(self, path, credentials=None, header=None):
        if credentials is not None:
            header = 'Basic ' + base64.b64encode(credentials).decode()
        headers = {'Accept': 'application/json'}
        if header:
            headers['Authorization'] = header
        return self.api.get(path, headers=headers)

    def test_a_user_is_administrator(self):
        answer = self._get(LIST, b'ann:right')
        self.assertEqual(200, answer.status, answer)
        made = self.api.post('/v1/nodes', {'driver': 'fake'}, headers={
            'Authorization': 'Basic ' + base64.b64encode(
                b'ann:right').decode()})
        self.assertEqual(201, made.status, made)

    def test_public_routes_need_no_user(self):
        for path in PUBLIC:
            self.assertEqual(200, self._get(path).status, path)

    def test_all_others_are_401_and_told_how(self):
        for credentials in (b'ann:wrong', b'ann:', b'bob:right', b':', b'',
                            b'ann', b'ann:' + 80 * b'x', b'ann:a\0b',
                            b'\xff:x'):
            answer = self._get(LIST, credentials)
            self._assert_refused(answer, 401, 'authentication')
            self.assertEqual('Basic realm="allocator"',
                             answer.headers['WWW-Authenticate'])
        for header in (None, 'Basic', 'Basic !', 'Bearer x', 'Basic a b'):
            answer = self._get(LIST, header=header)
            self._assert_refused(answer, 401, 'authentication')

    def test_an_error_of_the_api_stays_what_it_is(self):
        self.assertEqual(404, self._get(LIST + '/absent',
                                        b'ann:right').status)

    def test_a_lost_file_of_users_is_503(self):
        os.unlink(self.users)
        self._assert_refused(self._get(LIST, b'ann:right'), 503,
                             'file of users')

    def test_a_broken_file_of_users_is_503(self):
        self._write('ann:{SHA}abc\n')
        self._assert_refused(self._get(LIST, b'ann:right'), 503,
                             'file of users')

    def test_a_missing_file_of_users_ends_the_start_with_a_sentence(self):
        authentication.require_configuration()
        os.unlink(self.users)
        error = self.assertRaises(SystemExit,
                                  authentication.require_configuration)
        self.assertIn(self.users, str(error))
        self.assertIn('No such file', str(error))
        self.assertNotIn('%', str(error))

    def test_a_weak_hash_ends_the_start_with_a_sentence(self):
        self._write('ann:{SHA}abc\n')
        error = self.assertRaises(SystemExit,
                                  authentication.require_configuration)
        self.assertIn('bcrypt', str(error))


class _Middleware:
    """Stands for auth_token: says what it is told to."""

    answer = None

    def __init__(self, application, _conf):
        self._application = application

    def __call__(self, environ, start_response):
        answer = type(self).answer
        if isinstance(answer, Exception) and not callable(answer):
            raise answer
        return (answer or self._application)(environ, start_response)


class TestKeystone(_TestAuthentication):

    def setUp(self):
        super().setUp()
        self.middleware = type('Middleware', (_Middleware,), {})
        self.useFixture(base_fixtures.MonkeyPatch(
            'keystonemiddleware.auth_token.AuthProtocol', self.middleware))
        self.api.configuration.set('auth_strategy', 'keystone')
        self._restart()

    def test_401_keeps_its_challenge(self):
        challenge = 'Keystone uri="http://keystone.example.com/v3"'
        self.middleware.answer = webob.exc.HTTPUnauthorized(
            headers=[('WWW-Authenticate', challenge)])
        answer = self.api.get(LIST)
        self._assert_refused(answer, 401, 'authentication')
        self.assertEqual(challenge, answer.headers['WWW-Authenticate'])

    def test_503_says_that_keystone_is_meant(self):
        self.middleware.answer = webob.exc.HTTPServiceUnavailable()
        answer = self.api.get(LIST)
        self._assert_refused(answer, 503, 'Identity service')
        # python-ironicclient ends with a TypeError where it finds one.
        self.assertNotIn('Retry-After', answer.headers)

    def test_errors_of_the_middleware_tell_clients_no_address(self):
        for error in (ksa_exc.EndpointNotFound('http://10.0.0.1:5000'),
                      ksa_exc.Unauthorized('http://10.0.0.1:5000'),
                      ksa_exc.MissingRequiredOptions([]),
                      ksa_exc.ConnectFailure('http://10.0.0.1:5000')):
            self.middleware.answer = error
            answer = self.api.get(LIST)
            self._assert_refused(answer, 503, 'Identity service')
            self.assertNotIn('10.0.0.1', answer.fault)

    def test_an_unexpected_error_is_500_without_traceback(self):
        self.middleware.answer = RuntimeError('http://10.0.0.1:5000')
        answer = self.api.get(LIST)
        self._assert_refused(answer, 500, 'unexpected')
        self.assertNotIn('10.0.0.1', answer.fault)

    def test_public_routes_ask_nobody(self):
        self.middleware.answer = webob.exc.HTTPServiceUnavailable()
        for path in PUBLIC:
            answer = self.api.get(path, headers={
                'Accept': 'application/json'})
            self.assertEqual(200, answer.status, path)

    def test_public_routes_believe_no_header(self):
        environ = {authentication.PUBLIC: True, 'HTTP_X_ROLES': 'admin',
                   'HTTP_OPENSTACK_SYSTEM_SCOPE': 'all'}
        found = authentication.context_of(environ)
        self.assertEqual(([], None), (found.roles, found.system_scope))

    def test_the_context_keeps_no_token(self):
        found = authentication.context_of({
            'HTTP_X_AUTH_TOKEN': 'secret', 'HTTP_X_PROJECT_ID': 'p'})
        self.assertNotIn('secret', str(vars(found)))


class TestKeystoneConfiguration(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(fixtures.Configuration(
            auth_strategy='keystone'))

    def _refused(self):
        return str(self.assertRaises(
            SystemExit, authentication.require_configuration))

    def test_no_user_of_the_service_ends_the_start_with_a_sentence(self):
        self.assertIn('auth_type is not set', self._refused())

    def test_an_unknown_plugin_ends_the_start_with_a_sentence(self):
        self.configuration.set('auth_type', 'nonsense',
                               group='keystone_authtoken')
        self.assertIn('[keystone_authtoken]', self._refused())

    def test_no_client_of_memcached_ends_the_start_with_a_sentence(self):
        """Once, the first token brought 500 where the extra was missing."""
        self.configuration.set('memcached_servers', ['127.0.0.1:1'],
                               group='keystone_authtoken')
        with mock.patch.dict(sys.modules, {'memcache': None}):
            self.assertIn('Install the extra "memcached"', self._refused())
        # With anything of that name, the next thing is missing.
        with mock.patch.dict(sys.modules, {'memcache': os}):
            self.assertIn('auth_type is not set', self._refused())

    def test_no_cryptography_ends_the_start_with_a_sentence(self):
        """Once, each token brought 500: the extra did not bring it."""
        self._protect('ENCRYPT', 'key')
        with mock.patch.dict(sys.modules, {'cryptography': None}):
            self.assertIn('Install the extra "memcached"', self._refused())
        # With anything of that name, the next thing is missing.
        with mock.patch.dict(sys.modules, {'cryptography': os}):
            self.assertIn('auth_type is not set', self._refused())

    def test_an_unencrypted_cache_needs_no_cryptography(self):
        for strategy in ('MAC', 'None'):
            self._protect(strategy, 'key')
            with mock.patch.dict(sys.modules, {'cryptography': None}):
                self.assertIn('auth_type is not set', self._refused())

    def test_no_key_of_the_cache_ends_the_start_with_a_sentence(self):
        """Once, the workers ended in a traceback."""
        for strategy in ('MAC', 'ENCRYPT'):
            self._protect(strategy)
            self.assertIn('needs a memcache_secret_key', self._refused())

    def _protect(self, strategy, key=None):
        # auth_token asks for it without memcached_servers, too.
        self.configuration.set('memcache_security_strategy', strategy,
                               group='keystone_authtoken')
        self.configuration.set('memcache_secret_key', key,
                               group='keystone_authtoken')

    def test_a_missing_address_ends_the_start_with_a_sentence(self):
        self.addCleanup(self._forget_plugin)
        self.configuration.set('auth_type', 'password',
                               group='keystone_authtoken')
        self.assertIn('[keystone_authtoken]', self._refused())

    def _forget_plugin(self):
        CONF.reset()
        CONF.unregister_opts(
            loading.get_auth_plugin_conf_options('password'),
            group='keystone_authtoken')

    def test_a_hanging_keystone_takes_no_thread_for_ever(self):
        authentication.set_defaults()
        group = CONF.keystone_authtoken
        self.assertEqual(authentication.KEYSTONE_TIMEOUT,
                         group.http_connect_timeout)
        self.assertEqual('baremetal', group.service_type)
