# SPDX-License-Identifier: Apache-2.0
"""The client of a Bare Metal service, against a simulated one."""

import uuid as uuidlib

import testtools

from allocator.backends import client
from allocator.backends import exception
from allocator.tests import fixtures
from allocator.tests.backends import configured
from allocator.tests.backends import simulator
from allocator.tests.functional import waiting


class ClientTestCase(testtools.TestCase):
    """A client of the simulated service "east"."""

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration())
        server = simulator.Simulator('east')
        server.start()
        self.addCleanup(server.stop)
        self.service = server.services['east']
        self.store = self.service.store
        self.store.decision = 0
        self.backend = self.useFixture(
            configured.Backend('east', self.service.url))
        self.client = client.Client('east')

    def allocate(self, node, **values):
        uuid = str(uuidlib.uuid4())
        self.client.create_allocation(uuid, 'metal', node, **values)
        return uuid


class TestNodes(ClientTestCase):

    def test_pages_have_every_node_once(self):
        uuids = self.store.enrol(25)
        seen, marker = [], None
        while True:
            nodes, marker = self.client.get_nodes_page(10, marker)
            seen += [node['uuid'] for node in nodes]
            if marker is None:
                break
        self.assertEqual(uuids, seen)

    def test_a_page_has_what_matching_needs(self):
        uuid, = self.store.enrol(
            1, name='n1', traits=['CUSTOM_A'], owner='p1', shard='s1',
            conductor_group='rack', extra={'a': 1})
        (node,), _marker = self.client.get_nodes_page()
        self.assertEqual(uuid, node['uuid'])
        self.assertEqual(
            ('n1', 'metal', ['CUSTOM_A'], 'available', 'power off', False,
             'p1', None, 's1', 'rack', {'a': 1}, None, None, None),
            tuple(node[field] for field in (
                'name', 'resource_class', 'traits', 'provision_state',
                'power_state', 'maintenance', 'owner', 'lessee', 'shard',
                'conductor_group', 'extra', 'instance_uuid',
                'allocation_uuid', 'updated_at')))

    def test_filters_stay_on_the_next_page(self):
        self.store.enrol(5, owner='p1')
        theirs = self.store.enrol(5, owner='p2')
        nodes, marker = self.client.get_nodes_page(
            3, filters={'owner': 'p2'})
        more, marker = self.client.get_nodes_page(
            3, marker, filters={'owner': 'p2'})
        self.assertEqual(theirs, [node['uuid'] for node in nodes + more])
        self.assertIsNone(marker)

    def test_several_shards_are_one_filter(self):
        self.store.enrol(1, shard='c')
        chosen = self.store.enrol(1, shard='a') + self.store.enrol(
            1, shard='b')
        uuids, _marker = self.client.get_node_uuids_page(
            filters={'shard': ['a', 'b']})
        self.assertEqual(chosen, uuids)

    def test_a_service_without_shards_is_not_asked_for_them(self):
        self.service.max_version = (1, 79)
        exc = self.assertRaises(
            exception.Incompatible, self.client.get_nodes_page,
            filters={'shard': ['a']})
        self.assertIn('shards need 1.82', str(exc))

    def test_changed_nodes_come_last_change_first(self):
        first, second, third = self.store.enrol(3)
        for uuid in (third, first, second):
            self.store.change_node(uuid, extra={'touched': True})
        nodes, marker = self.client.get_changed_nodes(2)
        self.assertEqual([second, first], [node['uuid'] for node in nodes])
        nodes, marker = self.client.get_changed_nodes(2, marker)
        self.assertEqual([third], [node['uuid'] for node in nodes])
        self.assertIsNone(marker)

    def test_newest_nodes_come_last_enrolled_first(self):
        uuids = self.store.enrol(3)
        nodes, marker = self.client.get_newest_nodes(2)
        self.assertEqual(uuids[:0:-1], [node['uuid'] for node in nodes])
        nodes, marker = self.client.get_newest_nodes(2, marker)
        self.assertEqual(uuids[:1], [node['uuid'] for node in nodes])

    def test_an_empty_list_is_no_page_to_go_on_from(self):
        self.assertEqual(([], None), self.client.get_nodes_page())

    def test_a_node_is_found_by_its_uuid(self):
        uuid, = self.store.enrol(1, name='n1')
        self.assertEqual('n1', self.client.get_node(uuid)['name'])

    def test_a_deleted_node_is_not_found(self):
        uuid, = self.store.enrol()
        self.store.delete_node(uuid)
        exc = self.assertRaises(exception.NotFound, self.client.get_node,
                                uuid)
        self.assertEqual(404, exc.status)
        self.assertEqual('east', exc.backend)
        self.assertIn(uuid, str(exc))


class TestAllocations(ClientTestCase):

    def test_an_allocation_takes_its_one_candidate(self):
        node = self.store.enrol(3, traits=['CUSTOM_A'], owner='p1')[1]
        uuid = self.allocate(node, traits=['CUSTOM_A'], owner='p1',
                             extra={'mark': 7})
        found = self.client.get_allocation(uuid)
        self.assertEqual(
            (uuid, 'active', node, 'p1', {'mark': 7}, ['CUSTOM_A'], [node],
             None),
            tuple(found[field] for field in (
                'uuid', 'state', 'node_uuid', 'owner', 'extra', 'traits',
                'candidate_nodes', 'name')))
        node = self.client.get_node(node)
        self.assertEqual((uuid, uuid), (node['instance_uuid'],
                                        node['allocation_uuid']))

    def test_a_new_allocation_is_not_decided(self):
        self.store.decision = 60
        node, = self.store.enrol()
        made = self.client.create_allocation(str(uuidlib.uuid4()), 'metal',
                                             node)
        self.assertEqual('allocating', made['state'])
        self.assertIsNone(made['node_uuid'])

    def test_an_unsuitable_node_makes_an_error(self):
        node, = self.store.enrol(maintenance=True)
        found = self.client.get_allocation(self.allocate(node))
        self.assertEqual('error', found['state'])
        self.assertIsNone(found['node_uuid'])

    def test_the_same_uuid_again_is_a_conflict(self):
        node, = self.store.enrol()
        uuid = self.allocate(node)
        exc = self.assertRaises(
            exception.Conflict, self.client.create_allocation, uuid, 'metal',
            node)
        self.assertEqual(409, exc.status)

    def test_an_unknown_candidate_is_refused(self):
        exc = self.assertRaises(exception.Refused, self.allocate,
                                str(uuidlib.uuid4()))
        self.assertEqual(400, exc.status)

    def test_a_deleted_allocation_frees_its_node(self):
        node, = self.store.enrol()
        uuid = self.allocate(node)
        waiting.until(
            lambda: self.client.get_node(node)['instance_uuid'], 5, 'taken')
        self.client.delete_allocation(uuid)
        self.assertIsNone(self.client.get_node(node)['instance_uuid'])
        for question in (self.client.get_allocation,
                         self.client.delete_allocation):
            self.assertRaises(exception.NotFound, question, uuid)

    def test_the_allocation_of_a_deployed_node_stays(self):
        node, = self.store.enrol()
        uuid = self.allocate(node)
        self.client.get_allocation(uuid)
        self.store.change_node(node, provision_state='active')
        self.assertRaises(exception.Conflict,
                          self.client.delete_allocation, uuid)
        self.assertEqual('active', self.client.get_allocation(uuid)['state'])

    def test_all_allocations_are_listed_page_by_page(self):
        made = [self.allocate(node) for node in self.store.enrol(7)]
        found = [allocation['uuid']
                 for allocation in self.client.list_allocations(limit=3)]
        self.assertEqual(made, found)
        self.assertEqual(3, self.service.requests['GET', 'allocations'])

    def test_allocations_are_filtered(self):
        nodes = self.store.enrol(2)
        made = [self.allocate(node) for node in nodes]
        found = list(self.client.list_allocations(node=nodes[1]))
        self.assertEqual([made[1]], [allocation['uuid']
                                     for allocation in found])


class TestService(ClientTestCase):

    def test_versions_are_those_of_the_service(self):
        self.assertEqual(((1, 1), (1, 115)), self.client.get_versions())

    def test_the_version_is_the_wanted_or_the_newest_there(self):
        self.assertEqual((1, 107), self.client.get_version())
        self.service.max_version = (1, 79)
        self.assertEqual((1, 79), client.Client('east').get_version())

    def test_a_service_that_is_too_old_is_sent_nothing(self):
        self.service.max_version = (1, 64)
        node, = self.store.enrol()
        exc = self.assertRaises(exception.Incompatible, self.allocate, node)
        self.assertIn('1.64', str(exc))
        self.assertEqual(0, self.service.requests['POST', 'allocations'])

    def test_a_service_that_goes_back_to_an_older_version_is_asked_on(self):
        uuid, = self.store.enrol()
        self.client.get_node(uuid)
        self.service.max_version = (1, 90)
        self.assertEqual(uuid, self.client.get_node(uuid)['uuid'])
        self.assertEqual((1, 90), self.client.get_version())

    def test_conductors_are_for_full_readers(self):
        self.assertEqual(1, len(self.client.get_conductors()))
        self.service.is_full_reader = False
        exc = self.assertRaises(exception.Denied, self.client.get_conductors)
        self.assertEqual(403, exc.status)

    def test_clients_are_sent_to_the_endpoint_or_the_public_url(self):
        self.assertEqual(self.service.url, self.client.get_public_url())
        self.backend.set('public_url', 'https://east.example.com/baremetal/')
        self.assertEqual('https://east.example.com/baremetal',
                         self.client.get_public_url())

    def test_an_endpoint_may_end_in_the_version(self):
        self.backend.set('endpoint_override', self.service.url + '/v1/')
        uuid, = self.store.enrol()
        self.assertEqual(uuid, client.Client('east').get_node(uuid)['uuid'])

    def test_what_is_no_bare_metal_service_is_said_to_be_none(self):
        self.backend.set('endpoint_override',
                         self.service.url.replace('east', 'west'))
        exc = self.assertRaises(exception.NotSent,
                                client.Client('east').get_node, 'x')
        self.assertEqual(404, exc.status)
