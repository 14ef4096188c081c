# SPDX-License-Identifier: Apache-2.0
"""The client of a Bare Metal service, against real ones."""

import uuid as uuidlib

import fixtures

from allocator.backends import client
from allocator.backends import connection
from allocator.backends import exception
from allocator.cmd import status_backends
from allocator.tests import fixtures as service_fixtures
from allocator.tests.backends import configured
from allocator.tests.backends import ironic
from allocator.tests.backends import test_ironic
from allocator.tests.functional import keystone
from allocator.tests.functional import waiting


class ClientTestCase(test_ironic.IronicTestCase):
    """A client of an Ironic, as the backend "east"."""

    def setUp(self):
        super().setUp()
        self.useFixture(service_fixtures.Configuration())
        self.backend = self.useFixture(configured.Backend(
            'east', None, **self.ironic.backend_options()))
        self.client = client.Client('east')

    def decided(self, uuid):
        return waiting.until(
            lambda: next((found for found in [self.client.get_allocation(
                uuid)] if found['state'] != 'allocating'), None),
            30, 'it is decided')

    def claim(self, node, **values):
        uuid = str(uuidlib.uuid4())
        self.client.create_allocation(uuid, 'metal', node, **values)
        self.addCleanup(self.forget, uuid)
        return uuid

    def forget(self, uuid):
        if self.operator.allocation(uuid):
            self.operator.release(uuid)


class TestClient(ClientTestCase):

    def test_a_claim_from_its_first_request_to_the_last(self):
        node, = self.operator.enrol(traits=['CUSTOM_A'], owner='p1')
        uuid = self.claim(node, traits=['CUSTOM_A'], owner='p1',
                          extra={'mark': {'attempt': 1}})
        found = self.decided(uuid)
        self.assertEqual(
            ('active', node, 'p1', {'mark': {'attempt': 1}}, ['CUSTOM_A'],
             None),
            tuple(found[field] for field in (
                'state', 'node_uuid', 'owner', 'extra', 'traits', 'name')))
        taken = self.client.get_node(node)
        self.assertEqual(
            (uuid, uuid, ['CUSTOM_A']),
            (taken['instance_uuid'], taken['allocation_uuid'],
             taken['instance_info']['traits']))
        self.assertRaises(exception.Conflict, self.client.create_allocation,
                          uuid, 'metal', node)
        self.assertIn(uuid, [allocation['uuid'] for allocation
                             in self.client.list_allocations(limit=1)])
        self.client.delete_allocation(uuid)
        self.assertRaises(exception.NotFound, self.client.get_allocation,
                          uuid)
        self.assertRaises(exception.NotFound, self.client.delete_allocation,
                          uuid)
        self.assertIsNone(self.client.get_node(node)['instance_uuid'])

    def test_what_is_unsuitable_after_all_becomes_an_error(self):
        node, = self.operator.enrol()
        self.operator.set_maintenance(node)
        found = self.decided(self.claim(node))
        self.assertEqual(('error', None),
                         (found['state'], found['node_uuid']))
        self.assertTrue(found['last_error'])

    def test_an_unknown_candidate_is_refused(self):
        exc = self.assertRaises(
            exception.Refused, self.client.create_allocation,
            str(uuidlib.uuid4()), 'metal', str(uuidlib.uuid4()))
        self.assertIs(exception.Refused, type(exc))
        self.assertEqual(400, exc.status)

    def test_a_deployed_node_is_not_given_back(self):
        node, = self.operator.enrol()
        uuid = self.claim(node)
        self.decided(uuid)
        self.operator.deploy(node)
        exc = self.assertRaises(exception.Conflict,
                                self.client.delete_allocation, uuid)
        self.assertIn(node, exc.reason)
        self.operator.undeploy(node)
        self.assertRaises(exception.NotFound, self.client.get_allocation,
                          uuid)

    def test_pages_have_every_node_once(self):
        mine = set(self.ironic.database.insert_nodes(
            25, shard='pages', traits=['CUSTOM_A', 'CUSTOM_B']))
        for read in (self.client.get_nodes_page,
                     self.client.get_newest_nodes):
            seen, marker = [], None
            while True:
                nodes, marker = read(10, marker,
                                     filters={'shard': ['pages', 'none']})
                seen += nodes
                if marker is None:
                    break
            self.assertEqual(25, len(seen))
            self.assertEqual(mine, {node['uuid'] for node in seen})
            self.assertEqual(['CUSTOM_A', 'CUSTOM_B'],
                             sorted(seen[0]['traits']))
        uuids, marker = self.client.get_node_uuids_page(
            100, filters={'shard': 'pages'})
        self.assertEqual((mine, None), (set(uuids), marker))

    def test_changed_nodes_come_first_and_never_touched_ones_never(self):
        untouched, older, newer = self.ironic.database.insert_nodes(
            3, resource_class='feed')
        filters = {'resource_class': 'feed'}
        self.operator.change(older, extra={'n': 1})
        moment = self.operator.node(older)['updated_at']
        # The second is the least step of its clock.
        waiting.until(
            lambda: self.operator.change(newer, extra={'n': 2})[
                'updated_at'] > moment, 10, 'a second later')
        nodes, marker = self.client.get_changed_nodes(2, filters=filters)
        self.assertEqual([newer, older], [node['uuid'] for node in nodes])
        nodes, _marker = self.client.get_changed_nodes(2, marker, filters)
        self.assertEqual([], nodes)
        nodes, _marker = self.client.get_newest_nodes(3, filters=filters)
        self.assertEqual([newer, older, untouched],
                         [node['uuid'] for node in nodes])
        self.assertIsNone(nodes[-1]['updated_at'])

    def test_the_service_is_asked_about_itself(self):
        oldest, newest = self.client.get_versions()
        self.assertEqual((1, 1), oldest)
        self.assertLessEqual(connection.WANTED, newest)
        self.assertEqual(connection.WANTED, self.client.get_version())
        self.assertEqual([self.ironic.host], [
            conductor['hostname']
            for conductor in self.client.get_conductors()])
        self.assertEqual(self.ironic.url, self.client.get_public_url())

    def test_the_oldest_version_has_all_that_is_needed(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.backends.connection.WANTED', connection.OLDEST))
        self.client = client.Client('east')
        node, = self.operator.enrol(owner='p1')
        uuid = self.claim(node, owner='p1', extra={'mark': 1})
        self.assertEqual(('active', 'p1'), tuple(
            self.decided(uuid)[field] for field in ('state', 'owner')))
        nodes, _marker = self.client.get_changed_nodes(10)
        found = next(found for found in nodes if found['uuid'] == node)
        self.assertEqual(
            (uuid, uuid, 'p1', None, '', [], False),
            tuple(found[field] for field in (
                'instance_uuid', 'allocation_uuid', 'owner', 'lessee',
                'conductor_group', 'traits', 'retired')))
        self.client.get_conductors()
        self.client.delete_allocation(uuid)

    def test_the_request_id_is_in_its_log(self):
        request_id = 'req-' + str(uuidlib.uuid4())
        node, = self.operator.enrol()
        self.client.get_node(node, request_id=request_id)
        waiting.until(lambda: request_id in self.ironic.logs(), 10,
                      'the request id is logged')


class TestPasswordClient(ClientTestCase):

    arguments = {'auth': ironic.HTTP_BASIC}

    def test_the_password_is_sent(self):
        node, = self.operator.enrol()
        self.assertEqual('active', self.decided(self.claim(node))['state'])

    def test_a_wrong_password_is_denied(self):
        self.backend.set('password', 'wrong')
        exc = self.assertRaises(exception.Denied,
                                client.Client('east').get_nodes_page)
        self.assertEqual(401, exc.status)


class TestKeystoneClient(ClientTestCase):

    @classmethod
    def setUpClass(cls):
        cls.keystone = keystone.Keystone()
        cls.keystone.setUp()
        cls.addClassCleanup(cls.keystone.cleanUp)
        cls.arguments = {'auth': ironic.KEYSTONE, 'keystone': cls.keystone}
        super().setUpClass()
        cls.keystone.register(cls.ironic.url, 'baremetal-east', 'east',
                              public='http://192.0.2.1/baremetal/v1')

    def test_a_member_of_the_system_claims_for_any_owner_and_none(self):
        for owner in ('p1', None):
            node, = self.operator.enrol(owner='p1')
            found = self.decided(self.claim(node, owner=owner))
            self.assertEqual(('active', owner), (found['state'],
                                                 found['owner']))
        self.assertTrue(self.client.get_conductors())

    def test_whether_a_user_may_allocate_is_found_out_without_doing_so(self):
        before = set(self.operator.allocations())
        self.assertEqual((status_backends.SUCCESS, None),
                         status_backends.judge('east'))
        self.keystone.add_project('curious')
        for role in ('member', 'admin'):
            self.keystone.add_user(role + '-of-project', role,
                                   project='curious')
            self.backend.set('username', role + '-of-project')
            self.backend.set('password', self.keystone.passwords[
                role + '-of-project'])
            self.backend.set('system_scope', None)
            self.backend.set('project_name', 'curious')
            self.backend.set('project_domain_id', 'default')
            code, text = status_backends.judge('east')
            self.assertEqual(status_backends.FAILURE, code)
            self.assertIn('role "member" on the system', text)
        self.assertEqual(before, set(self.operator.allocations()))

    def test_what_the_catalogue_does_not_know_is_where_the_options_say(self):
        self.assertEqual(self.ironic.url, self.client.get_public_url())

    def test_the_catalogue_knows_where_it_is(self):
        self.backend.set('endpoint_override', None)
        self.backend.set('service_type', 'baremetal-east')
        self.client = client.Client('east')
        self.assertEqual(connection.WANTED, self.client.get_version())
        self.assertEqual('http://192.0.2.1/baremetal',
                         self.client.get_public_url())

    def test_a_service_that_the_catalogue_does_not_know_is_not_asked(self):
        self.backend.set('endpoint_override', None)
        self.backend.set('service_type', 'baremetal-west')
        self.assertRaises(exception.NotSent,
                          client.Client('east').get_nodes_page)

    def test_a_user_without_the_role_is_told(self):
        node, = self.operator.enrol()
        self.keystone.change_role(ironic.USER, 'member', False)
        self.addCleanup(self.keystone.change_role, ironic.USER, 'member',
                        True)
        # No token to be had, or one that is denied.
        self.assertRaises((exception.NotSent, exception.Denied),
                          client.Client('east').create_allocation,
                          str(uuidlib.uuid4()), 'metal', node)

    def test_a_token_that_was_revoked_is_replaced(self):
        node, = self.operator.enrol()
        self.client.get_node(node)
        token = self.client._connection._session.get_token()
        self.keystone.admin.delete(self.keystone.url + '/auth/tokens',
                                   headers={'X-Subject-Token': token})
        self.assertEqual('active', self.decided(self.claim(node))['state'])

    def test_a_project_scoped_user_does_not_read_everything(self):
        self.keystone.add_project('tenants')
        self.keystone.add_user('tenant', 'member', project='tenants')
        self.backend.set('username', 'tenant')
        self.backend.set('password', self.keystone.passwords['tenant'])
        self.backend.set('system_scope', None)
        self.backend.set('project_name', 'tenants')
        self.backend.set('project_domain_id', 'default')
        node, = self.operator.enrol()
        tenant = client.Client('east')
        self.assertRaises(exception.Denied, tenant.get_conductors)
        self.assertRaises(exception.NotFound, tenant.get_node, node)

    def test_without_the_identity_service_nothing_is_sent(self):
        node, = self.operator.enrol()
        self.keystone.stop()
        self.addCleanup(self.keystone.start)
        self.assertRaises(exception.NotSent,
                          client.Client('east').create_allocation,
                          str(uuidlib.uuid4()), 'metal', node)
