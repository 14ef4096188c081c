# SPDX-License-Identifier: Apache-2.0
"""The Bare Metal services of the tests are real ones, and do as they are told.
"""

import collections
import time
import uuid as uuidlib

import testtools

from allocator.tests.backends import ironic
from allocator.tests.functional import keystone
from allocator.tests.functional import waiting


class IronicTestCase(testtools.TestCase):
    """One Ironic for all tests of a class.

    :cvar arguments: what it is made with
    """

    arguments = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ironic = ironic.Ironic(**cls.arguments)
        cls.ironic.setUp()
        cls.addClassCleanup(cls.ironic.cleanUp)
        cls.operator = cls.ironic.operator

    def setUp(self):
        super().setUp()
        self.addOnException(lambda _error: self.addDetail(
            'ironic', testtools.content.text_content(self.ironic.logs())))


class TestIronic(IronicTestCase):
    """API and conductor in one process, without authentication."""

    def test_an_allocation_takes_an_enrolled_node_and_gives_it_back(self):
        uuid, = self.operator.enrol(traits=['CUSTOM_A'],
                                    resource_class='direct')
        node = self.operator.node(uuid)
        self.assertEqual(
            ('available', 'power off', None, ['CUSTOM_A']),
            (node['provision_state'], node['power_state'],
             node['instance_uuid'], node['traits']))
        made = self.operator.allocate('direct', traits=['CUSTOM_A'])
        self.assertEqual(('active', uuid), (made['state'],
                                            made['node_uuid']))
        self.operator.deploy(uuid)
        self.operator.undeploy(uuid)
        self.assertIsNone(self.operator.allocation(made['uuid']))
        self.assertIsNone(self.operator.node(uuid)['instance_uuid'])

    def test_a_node_is_changed_in_every_way(self):
        uuid, = self.operator.enrol()
        self.operator.change(uuid, resource_class='other', owner='p1',
                             extra={'a': 1})
        self.operator.set_traits(uuid, ['CUSTOM_B'])
        self.operator.set_power(uuid, 'power on')
        self.operator.set_maintenance(uuid)
        node = self.operator.node(uuid)
        self.assertEqual(
            ('other', 'p1', {'a': 1}, ['CUSTOM_B'], 'power on', True),
            tuple(node[field] for field in (
                'resource_class', 'owner', 'extra', 'traits', 'power_state',
                'maintenance')))
        self.operator.set_maintenance(uuid, on=False)
        self.operator.provision(uuid, 'manage')
        node = self.operator.change(uuid, owner=None)
        self.assertEqual((None, 'manageable', False), (
            node['owner'], node['provision_state'], node['maintenance']))
        self.operator.delete_node(uuid)
        self.assertIsNone(self.operator.node(uuid))

    def test_inserted_nodes_are_as_good_as_enrolled_ones(self):
        enrolled, = self.operator.enrol(traits=['CUSTOM_A'])
        inserted = self.ironic.database.insert_nodes(
            600, traits=['CUSTOM_A'], prefix='row', resource_class='row')
        expected = self.operator.node(enrolled)
        found = self.operator.node(inserted[599])
        for field in ('uuid', 'name', 'resource_class', 'links', 'states',
                      'ports', 'portgroups', 'volume', 'created_at',
                      'updated_at', 'provision_updated_at',
                      'driver_internal_info'):
            expected.pop(field), found.pop(field)
        self.assertEqual(expected, found)
        made = self.operator.allocate('row', candidate_nodes=inserted[-1:],
                                      traits=['CUSTOM_A'])
        self.assertEqual(inserted[-1], made['node_uuid'])
        self.operator.deploy(inserted[-1])
        self.operator.undeploy(inserted[-1])

    def test_a_restored_database_has_forgotten_what_came_after(self):
        before, = self.operator.enrol(resource_class='kept')
        lost = self.operator.allocate('kept')
        self.operator.release(lost['uuid'])
        kept = self.operator.allocate('kept')
        snapshot = self.ironic.database.snapshot()
        self.operator.release(kept['uuid'])
        after, = self.operator.enrol(resource_class='kept')
        self.operator.change(before, extra={'changed': True})
        self.ironic.database.restore(snapshot)
        self.assertIsNone(self.operator.node(after))
        node = self.operator.node(before)
        self.assertEqual((kept['uuid'], {}), (node['allocation_uuid'],
                                              node['extra']))
        self.assertEqual([kept['uuid']], list(self.operator.allocations()))
        # It works on: another takes the number of the node that is lost.
        self.operator.enrol(resource_class='kept')
        self.operator.release(kept['uuid'])

    def test_its_cost_is_counted(self):
        before = self.ironic.cpu_seconds()
        self.assertEqual(['ironic'], list(before))
        for _ in range(20):
            self.operator.allocations()
        self.assertLess(before['ironic'], self.ironic.cpu_seconds()['ironic'])

    def test_it_remembers_everything_when_it_is_started_again(self):
        uuid, = self.operator.enrol()
        self.ironic.stop()
        self.ironic.start()
        self.assertEqual('available',
                         self.operator.node(uuid)['provision_state'])


class TestSeparateIronic(IronicTestCase):
    """API and conductor apart: the one lives while the other does not."""

    arguments = {
        'separate': True,
        'options': {'DEFAULT': {'rpc_response_timeout': 5},
                    'conductor': {'heartbeat_interval': 1,
                                  'heartbeat_timeout': 10}}}

    def _post(self, node, uuid):
        return self.operator.request('POST', '/v1/allocations', {
            'resource_class': 'metal', 'candidate_nodes': [node],
            'uuid': uuid}).status_code

    def test_both_are_counted(self):
        found = self.ironic.cpu_seconds()
        self.assertEqual({'ironic-api', 'ironic-conductor'}, set(found))
        self.assertTrue(all(found.values()), found)

    def test_a_stopped_conductor_refuses_at_once_and_leaves_nothing(self):
        node, = self.operator.enrol()
        uuid = str(uuidlib.uuid4())
        self.ironic.conductor.stop()
        self.addCleanup(self.ironic.start)
        started = time.monotonic()
        self.assertEqual(503, self._post(node, uuid))
        self.assertLess(time.monotonic() - started, 5)
        self.assertIsNone(self.operator.allocation(uuid))

    def test_a_killed_conductor_makes_the_api_wait_and_fail(self):
        node, = self.operator.enrol()
        uuid = str(uuidlib.uuid4())
        self.ironic.kill(self.ironic.conductor)
        self.addCleanup(self.ironic.start)
        self.assertIn(self._post(node, uuid), (500, 503, 504))
        self.ironic.start()
        self.assertEqual('available',
                         self.operator.node(node)['provision_state'])

    def test_a_paused_conductor_does_it_later(self):
        node, = self.operator.enrol()
        uuid = str(uuidlib.uuid4())
        self.ironic.pause(self.ironic.conductor)
        self.addCleanup(self.ironic.wake, self.ironic.conductor)
        self.assertIn(self._post(node, uuid), (500, 503, 504))
        self.assertIsNone(self.operator.allocation(uuid))
        self.ironic.wake(self.ironic.conductor)
        waiting.until(lambda: self.operator.allocation(uuid), 30,
                      'what had timed out is carried out')
        self.assertEqual('active', self.operator.wait_decided(uuid)['state'])


class TestPasswordIronic(IronicTestCase):
    """HTTP basic authentication."""

    arguments = {'auth': ironic.HTTP_BASIC}

    def test_only_those_with_a_password_are_let_in(self):
        node, = self.operator.enrol()
        self.assertEqual(node, self.operator.allocate()['node_uuid'])
        stranger = ironic.operator.Operator(
            ironic.session.Session(ironic.noauth.NoAuth()), self.ironic.url)
        self.assertEqual(
            401, stranger.request('GET', '/v1/nodes').status_code)


class TestKeystoneIronic(IronicTestCase):
    """Tokens of an Identity service."""

    @classmethod
    def setUpClass(cls):
        cls.keystone = keystone.Keystone()
        cls.keystone.setUp()
        cls.addClassCleanup(cls.keystone.cleanUp)
        cls.arguments = {'auth': ironic.KEYSTONE, 'keystone': cls.keystone}
        super().setUpClass()
        cls.project = cls.keystone.add_project('tenants')
        cls.keystone.add_user('tenant', 'member', project='tenants')

    def _as(self, user, **scope):
        return ironic.operator.Operator(
            self.keystone.session(user, **scope), self.ironic.url)

    def test_a_member_of_the_system_allocates_for_any_owner_and_none(self):
        member = self._as(ironic.USER, system=True)
        owned, = self.operator.enrol(owner=self.project)
        free, = self.operator.enrol()
        made = [member.allocate(owner=self.project, candidate_nodes=[owned]),
                member.allocate(candidate_nodes=[free])]
        self.assertEqual([owned, free],
                         [allocation['node_uuid'] for allocation in made])
        for allocation in made:
            member.release(allocation['uuid'])

    def test_others_see_less(self):
        owned, = self.operator.enrol(owner=self.project)
        foreign, = self.operator.enrol()
        tenant = self._as('tenant', project='tenants')
        self.assertEqual(owned, tenant.node(owned)['uuid'])
        seen = collections.Counter(
            who.request('GET', path).status_code
            for who in (tenant, self._as(ironic.USER, system=True))
            for path in ('/v1/conductors', '/v1/nodes/' + foreign))
        self.assertEqual({200: 2, 403: 1, 404: 1}, seen)
