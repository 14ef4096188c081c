# SPDX-License-Identifier: Apache-2.0
"""The service behind a real Keystone."""

import json
import os
import re

import fixtures
from keystoneauth1 import adapter
import openstack
from openstack import proxy
from openstack import service_description

from allocator.api.versions import own as own_versions
from allocator.tests import microversions
from allocator.tests.functional import client
from allocator.tests.functional import databases
from allocator.tests.functional import keystone
from allocator.tests.functional import processes
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# The headers that auth_token makes, sent by a client.
FORGED = {'X-Roles': 'admin,member,reader', 'X-Role': 'admin',
          'X-Project-Id': 'another', 'X-Tenant-Id': 'another',
          'X-Tenant': 'another', 'X-Identity-Status': 'Confirmed',
          'OpenStack-System-Scope': 'all', 'X-User-Id': 'root'}


@testcase.per_database(databases.SQLITE)
class TestKeystone(testcase.ServiceTests):
    """Tokens of every kind, and the public clients with a clouds.yaml."""

    @classmethod
    def setUpClass(cls):
        cls.keystone = keystone.Keystone()
        cls.keystone.setUp()
        cls.addClassCleanup(cls.keystone.cleanUp)
        cls._add_people(cls.keystone)
        cls.options = {
            'DEFAULT': {'auth_strategy': 'keystone', 'debug': True},
            'keystone_authtoken': cls.keystone.middleware_options('allocator'),
        }
        super().setUpClass()
        cls.keystone.register(cls.service.endpoint)
        cls.keystone.register(cls.service.endpoint + '/allocator',
                              'allocator', 'allocator-own')

    @classmethod
    def _add_people(cls, identity):
        identity.add_project('service')
        cls.owner = identity.add_project('owner')
        cls.stranger = identity.add_project('stranger')
        identity.add_user('allocator', 'service', project='service')
        identity.add_user('operator', 'admin', system=True)
        identity.add_user('auditor', 'reader', system=True)
        identity.add_user('tenant', 'member', project='owner')
        identity.add_user('spectator', 'reader', project='owner')
        identity.add_user('foreigner', 'member', project='stranger')
        identity.add_user('landlord', 'admin', domain=True)

    def _send(self, method, path, token=None, headers=None, **options):
        headers = dict(headers or {})
        if token:
            headers['X-Auth-Token'] = token
        return self.client.request(method, path, headers=headers, **options)

    def _list(self, token=None, headers=None):
        return self._send('GET', '/v1/allocations', token, headers)

    def _allocate(self, token, **body):
        return self._send('POST', '/v1/allocations', token, json={
            'resource_class': 'baremetal'} | body)

    def _assert_refused(self, answer, status, sentence):
        self.assertEqual(status, answer.status_code, answer.text)
        self.assertIn(sentence, client.fault(answer))
        self.assertNotIn('Traceback', answer.text)
        self.assertNotIn('127.0.0.1', answer.text)
        self.assertEqual(microversions.NEWEST, answer.headers[
            'X-OpenStack-Ironic-API-Maximum-Version'])
        self.assertIn('openstack-request-id', answer.headers)
        if status == 401:
            self.assertEqual('Keystone uri="%s"' % self.keystone.url,
                             answer.headers['WWW-Authenticate'])

    def test_public_routes_need_no_token(self):
        for path in ('/', '/v1', '/v1/', '/healthcheck'):
            answer = self.client.get(path)
            self.assertEqual(200, answer.status_code, answer.text)

    def test_no_token_and_a_bad_one_are_401(self):
        for token in (None, 'nonsense', 'a' * 3000):
            self._assert_refused(self._list(token), 401, 'authentication')

    def test_forged_headers_give_nothing(self):
        self._assert_refused(self._list(headers=FORGED), 401,
                             'authentication')
        self._assert_refused(
            self._list(self.keystone.token('tenant'), headers=FORGED), 403,
            'neither a project nor the system')
        tenant = self.keystone.token('tenant', project='owner')
        made = self._send('POST', '/v1/allocations', tenant, headers=FORGED,
                          json={'resource_class': 'baremetal'})
        self.assertEqual(self.owner, made.json()['owner'])

    def test_tokens_without_project_or_system_are_403(self):
        for scope in ({}, {'domain': True}):
            self._assert_refused(
                self._list(self.keystone.token('landlord', **scope)), 403,
                'neither a project nor the system')

    def test_a_tenant_allocates_its_own_nodes_only(self):
        tenant = self.keystone.token('tenant', project='owner')
        foreigner = self.keystone.token('foreigner', project='stranger')
        operator = self.keystone.token('operator', system=True)
        node = self.service.add_node(owner=self.owner)
        made = self._allocate(foreigner, candidate_nodes=[node])
        self.assertEqual(400, made.status_code)
        allocation = self._allocate(tenant).json()
        self.assertEqual(self.owner, allocation['owner'])
        path = '/v1/allocations/' + allocation['uuid']
        self._wait_for(path, tenant, 'active')
        for token, status in ((foreigner, 404), (operator, 200)):
            self.assertEqual(status, self._send(
                'GET', path, token).status_code)
        self.assertEqual([], self._list(foreigner).json()['allocations'])
        self.assertEqual(404, self._send(
            'DELETE', path, foreigner).status_code)
        self.assertEqual(204, self._send('DELETE', path, tenant).status_code)

    def _wait_for(self, path, token, state):
        waiting.until(
            lambda: self._send('GET', path, token).json()['state'] == state,
            30, '%s is %s' % (path, state))

    def test_readers_read_and_change_nothing(self):
        operator = self.keystone.token('operator', system=True)
        made = self._allocate(operator, owner=self.owner).json()
        path = '/v1/allocations/' + made['uuid']
        for user, scope in (('auditor', {'system': True}),
                            ('spectator', {'project': 'owner'})):
            token = self.keystone.token(user, **scope)
            self.assertEqual(200, self._send('GET', path, token).status_code)
            self.assertEqual(403, self._allocate(token).status_code)
            self.assertEqual(403, self._send(
                'DELETE', path, token).status_code)

    def test_application_credentials(self):
        credential = self.keystone.add_application_credential(
            'tenant', 'owner')
        made = self._allocate(self.keystone.credential_token(credential))
        self.assertEqual(self.owner, made.json()['owner'])

    def test_access_rules_of_an_application_credential(self):
        credential = self.keystone.add_application_credential(
            'tenant', 'owner', access_rules=[
                {'service': 'baremetal', 'method': 'GET',
                 'path': '/v1/allocations'}])
        token = self.keystone.credential_token(credential)
        self.assertEqual(200, self._list(token).status_code)
        self._assert_refused(self._allocate(token), 401, 'authentication')

    def test_access_rules_for_the_own_api(self):
        """They name its type, and open nothing of the other API."""
        path = '/allocator/v1/allocations'
        credential = self.keystone.add_application_credential(
            'tenant', 'owner', access_rules=[
                {'service': 'allocator', 'method': 'GET', 'path': path}])
        token = self.keystone.credential_token(credential)
        self.assertEqual(200, self._send('GET', path, token).status_code)
        self._assert_refused(self._list(token), 401, 'authentication')
        refused = self._send('POST', path, token, json={})
        self.assertEqual(
            (401, 'allocator.unauthenticated'),
            (refused.status_code, refused.json()['errors'][0]['code']))

    def _adapter(self, **options):
        return adapter.Adapter(
            self.keystone.session('tenant', project='owner'),
            service_type='allocator', interface='public',
            region_name=keystone.REGION, **options)

    def test_the_own_api_is_discovered_from_the_catalogue(self):
        own = self._adapter(min_version='1', max_version='1.latest')
        found = own.get_endpoint_data()
        self.assertEqual(
            (self.service.endpoint + '/allocator/v1/', (1, 0), (1, 0),
             (1, own_versions.MAX)),
            (found.url, found.api_version, found.min_microversion,
             found.max_microversion))
        answer = own.get('/allocations', microversion='1.0')
        self.assertEqual('allocator 1.0',
                         answer.headers['OpenStack-API-Version'])
        self.assertEqual([], [
            row for row in answer.json()['allocations']
            if row['owner'] != self.owner])
        refused = own.get('/allocations', microversion='1.999',
                          raise_exc=False)
        self.assertEqual(406, refused.status_code)

    def test_the_own_api_is_discovered_by_the_url_of_its_version(self):
        own = self._adapter(endpoint_override=self.service.endpoint
                            + '/allocator/v1')
        found = own.get_endpoint_data()
        self.assertEqual(((1, 0), (1, own_versions.MAX)),
                         (found.api_version, found.max_microversion))
        self.assertEqual(200, own.get('/nodes').status_code)

    def test_openstacksdk_finds_the_own_api(self):
        self._use_clouds()
        connection = openstack.connect(cloud='tenant')
        self.addCleanup(connection.close)
        connection.add_service(service_description.ServiceDescription(
            'allocator', {'1': proxy.Proxy}))
        own = connection.allocator
        made = own.post('/allocations', json={
            'resource_class': 'none-such', 'name': 'sdk-own'},
            microversion='1.0')
        self.assertEqual(201, made.status_code, made.text)
        self.assertIsNone(own.get(made.headers['Location']).json()['backend'])
        self.assertEqual(204, own.delete('/allocations/sdk-own').status_code)

    def test_an_expired_token_counts_with_a_service_token_only(self):
        expired = self.keystone.expired_token('tenant', project='owner')
        self._assert_refused(self._list(expired), 401, 'authentication')
        tenant = self.keystone.token('tenant', project='owner')
        self._assert_refused(
            self._list(expired, {'X-Service-Token': tenant}), 401,
            'authentication')
        service = self.keystone.token('allocator', project='service')
        answer = self._list(expired, {'X-Service-Token': service})
        self.assertEqual(200, answer.status_code, answer.text)

    def test_a_revoked_token_is_401(self):
        token = self.keystone.token('tenant', project='owner')
        self.keystone.admin.delete(
            self.keystone.url + '/auth/tokens',
            headers={'X-Subject-Token': token})
        self._assert_refused(self._list(token), 401, 'authentication')

    def test_keystone_away_is_503_until_it_is_back(self):
        known = self.keystone.token('tenant', project='owner')
        self.assertEqual(200, self._list(known).status_code)
        unknown = self.keystone.token('spectator', project='owner')
        self.keystone.stop()
        try:
            # Checked before, and kept in the cache of the middleware.
            self.assertEqual(200, self._list(known).status_code)
            refused = self._list(unknown)
            self.assertEqual(200, self.client.get('/v1').status_code)
            self._assert_refused(self._list(), 401, 'authentication')
        finally:
            self.keystone.start()
        self._assert_refused(refused, 503, 'Identity service')
        self.assertEqual(200, self._list(unknown).status_code)

    def test_no_secret_is_in_a_debug_log(self):
        tokens = [self.keystone.token('tenant', project='owner'),
                  self.keystone.token('operator', system=True)]
        for token in tokens:
            self.assertEqual(201, self._allocate(token).status_code)
        self._list('nonsense-that-nobody-issued')
        log = self.service.logs()
        self.assertIn('DEBUG', log)
        for secret in (*tokens, *self.keystone.passwords.values(),
                       'nonsense-that-nobody-issued'):
            self.assertNotIn(secret, log)

    def _use_clouds(self):
        self.useFixture(fixtures.EnvironmentVariable(
            'OS_CLIENT_CONFIG_FILE', self.keystone.write_clouds(
                tenant={'project': 'owner'}, operator={'system': True},
                foreigner={'project': 'stranger'})))
        # Where the client keeps the version of each endpoint.
        self.useFixture(fixtures.EnvironmentVariable(
            'XDG_CACHE_HOME', self.useFixture(fixtures.TempDir()).path))
        for name in os.environ:
            if name.lower().endswith('_proxy'):
                self.useFixture(fixtures.EnvironmentVariable(name))

    def _cli(self, cloud, *arguments):
        done = processes.run('openstack', '--os-cloud', cloud, 'baremetal',
                             *arguments, '-f', 'json')
        self.assertEqual(0, done.returncode, done.stdout)
        # Warnings may come before it.
        begin = re.search(r'^[\[{]', done.stdout, re.MULTILINE).start()
        return json.loads(done.stdout[begin:])

    def test_openstack_client(self):
        self._use_clouds()
        self.service.add_node(owner=self.owner, name='mine')
        self.service.add_node(name='theirs')
        made = self._cli('tenant', 'allocation', 'create', '--wait', '30',
                         '--resource-class', 'baremetal', '--name', 'cli')
        self.assertEqual(('active', self.owner),
                         (made['state'], made['owner']))
        found = self._cli('operator', 'node', 'list')
        self.assertEqual({'mine', 'theirs'}, {row['name'] for row in found})

    def test_openstacksdk(self):
        self._use_clouds()
        node = self.service.add_node(owner=self.owner)
        tenant = openstack.connect(cloud='tenant').baremetal
        made = tenant.create_allocation(resource_class='baremetal', name='sdk')
        self.assertEqual(node, tenant.wait_for_allocation(made).node_id)
        self.assertEqual([node], [found.id for found in tenant.nodes()])
        foreigner = openstack.connect(cloud='foreigner').baremetal
        self.assertEqual([], list(foreigner.allocations()))
        self.assertRaises(openstack.exceptions.NotFoundException,
                          foreigner.get_allocation, 'sdk')
        operator = openstack.connect(cloud='operator').baremetal
        operator.delete_allocation('sdk', ignore_missing=False)
