# SPDX-License-Identifier: Apache-2.0
"""Lists of nodes: filters, fields, pages."""

import sqlalchemy as sa

from allocator.api import versions
from allocator.api.controllers.v1.nodes import lists as node_listing
from allocator.api.versions import baremetal
from allocator.db import node_filters
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.unit.api import inventory

UUID = '8d4ee4e6-5b0d-4ba3-b1b5-0d5f3c4f1c11'


class FiltersTest(inventory.InventoryTestCase):

    def setUp(self):
        super().setUp()
        self.chassis = self.api.post('/v1/chassis', {}).body['uuid']
        self.plain = self.create()['uuid']
        self.special = self.create(
            resource_class='metal', instance_uuid=UUID, maintenance=True,
            retired=True, owner='p1', lessee='p2', driver='ipmi',
            chassis_uuid=self.chassis, conductor_group='g', shard='s',
            description='A 100% Special_node', instance_name='web')['uuid']
        fixtures.change_node(self.special, provision_state='active')

    def assert_found(self, query, *uuids):
        for path in ('/v1/nodes', '/v1/nodes/', '/v1/nodes/detail'):
            self.assertEqual(list(uuids), self.uuids(path + '?' + query))

    def test_what_the_api_compares_the_database_knows(self):
        self.assertLessEqual({*node_listing._EQUAL, *node_listing._READERS},
                             {*node_filters.EQUAL, *node_filters._READERS})

    def test_equal(self):
        for name, value in (('resource_class', 'metal'), ('owner', 'p1'),
                            ('lessee', 'p2'), ('driver', 'ipmi'),
                            ('conductor_group', 'g'),
                            ('instance_name', 'web'),
                            ('provision_state', 'active'),
                            ('instance_uuid', UUID),
                            ('instance_uuid', UUID.upper()),
                            ('chassis_uuid', self.chassis),
                            ('project', 'p1'), ('project', 'p2'),
                            ('shard', 's'), ('shard', 'r,s')):
            self.assert_found('%s=%s' % (name, value), self.special)
        for query in ('resource_class=x', 'resource_class=METAL', 'owner=',
                      'driver=x', 'provision_state=rescue', 'shard=x',
                      'fault=power failure', 'project=p3', 'conductor=x'):
            self.assert_found(query)
        self.assert_found('conductor=test', self.plain, self.special)

    def test_booleans(self):
        for name in ('associated', 'maintenance', 'retired', 'sharded'):
            for value in ('True', 'true', '1', 'yes'):
                self.assert_found('%s=%s' % (name, value), self.special)
            for value in ('False', 'no', '0'):
                self.assert_found('%s=%s' % (name, value), self.plain)
            self.assertEqual(400, self.api.get(
                '/v1/nodes?%s=perhaps' % name).status)

    def test_description(self):
        for part in ('special', '100%25', 'l_n', 'A+100'):
            self.assert_found('description_contains=' + part, self.special)
        for part in ('1%25', 'l_o', 'SpecialXnode'):
            self.assert_found('description_contains=' + part)

    def test_together(self):
        self.assert_found('owner=p1&maintenance=True', self.special)
        self.assert_found('owner=p1&maintenance=False')

    def test_bad_values(self):
        for query, status in (
                ('nope=1', 400), ('name=x', 400), ('instance_uuid=x', 400),
                ('chassis_uuid=x', 400), ('chassis_uuid=' + UUID, 404),
                ('provision_state=x', 400), ('provision_state=', 400),
                ('fault=x', 400), ('limit=0', 400), ('limit=-1', 400),
                ('limit=x', 400), ('marker=x', 400), ('marker=' + UUID, 404),
                ('sort_dir=x', 400), ('sort_key=nope', 400),
                ('sort_key=extra', 400), ('sort_key=traits', 400),
                ('sort_key=chassis_uuid', 400), ('fields=nope', 400),
                ('fields=uuid&detail=True', 400), ('detail=x', 400),
                ('owner=a&owner=b', 400)):
            self.assertEqual(status, self.api.get(
                '/v1/nodes?' + query).status, query)
        for query in ('fields=uuid', 'detail=True', 'detail=False'):
            self.assertEqual(400, self.api.get(
                '/v1/nodes/detail?' + query).status)

    def test_each_filter_needs_its_version(self):
        values = {'provision_state': 'active', 'fault': 'power failure',
                  'detail': 'True', 'sharded': 'True', 'fields': 'uuid'}
        for name, minor in baremetal.RESOURCES['node'].filters.items():
            url = '/v1/nodes?%s=%s' % (name, values.get(name, 'x'))
            self.assertEqual(
                400 if name == 'detail' else 406,
                self.api.get(url, version=versions.string(minor - 1)).status)
            self.assertEqual(200, self.api.get(
                url, version=versions.string(minor)).status)

    def test_sort_keys(self):
        for key in node_listing.SORTABLE:
            for direction in ('asc', 'desc'):
                found = self.uuids('/v1/nodes?sort_key=%s&sort_dir=%s'
                                   % (key, direction))
                self.assertEqual({self.plain, self.special}, set(found))
        self.assertEqual(406, self.api.get(
            '/v1/nodes?sort_key=owner', version='1.49').status)

    def test_the_second_page_sorted_by_a_boolean_was_500(self):
        for key in ('maintenance', 'retired', 'protected'):
            for direction in ('asc', 'desc'):
                query = '/v1/nodes?sort_key=%s&sort_dir=%s' % (key, direction)
                first, last = self.uuids(query)
                self.assertEqual([last], self.uuids(
                    query + '&marker=' + first))


class FieldsTest(inventory.InventoryTestCase):

    def test_a_list_is_short_unless_asked(self):
        node = self.create()
        short = {'uuid', 'name', 'instance_uuid', 'power_state', 'links',
                 'provision_state', 'maintenance'}
        for path, names in (('', short), ('?detail=False', short),
                            ('?detail=True', set(node)),
                            ('/detail', set(node)),
                            ('?fields=name,OWNER', {'name', 'owner',
                                                    'links'})):
            answer = self.api.get('/v1/nodes' + path)
            self.assertEqual(names, set(answer.body['nodes'][0]), path)
        answer = self.api.get('/v1/nodes', version='1.4')
        self.assertEqual(short - {'name'}, set(answer.body['nodes'][0]))

    def test_fields_of_other_tables(self):
        # The reference implementation answers 500.
        chassis = self.api.post('/v1/chassis', {}).body['uuid']
        node = self.create_available(chassis_uuid=chassis,
                                     resource_class='metal')
        self.api.put('/v1/nodes/%s/traits/CUSTOM_A' % node['uuid'])
        _node, allocation = self.create_allocated(node)
        answer = self.api.get(
            '/v1/nodes?fields=allocation_uuid,chassis_uuid,conductor,traits')
        found = answer.body['nodes'][0]
        del found['links']
        self.assertEqual({
            'allocation_uuid': allocation['uuid'], 'chassis_uuid': chassis,
            'conductor': 'test', 'traits': ['CUSTOM_A']}, found)


class PagesTest(inventory.InventoryTestCase):

    def test_next_keeps_every_parameter(self):
        # The reference implementation lost fields and filters.
        uuids = [fixtures.add_node(owner='p 1', shard='a&b').uuid
                 for _number in range(5)]
        fixtures.add_node()
        path = ('/v1/nodes?limit=2&owner=p+1&fields=uuid,owner&shard=a%26b'
                '&sort_key=created_at&sort_dir=asc')
        found = []
        while path:
            answer = self.api.get(path).body
            found += [node['uuid'] for node in answer['nodes']]
            for node in answer['nodes']:
                self.assertEqual({'uuid', 'owner', 'links'}, set(node))
            path = answer.get('next')
        self.assertEqual(uuids, found)

    def test_next_of_the_other_lists(self):
        chassis = self.api.post('/v1/chassis', {}).body['uuid']
        for _number in range(2):
            self.create(chassis_uuid=chassis)
        for path in ('nodes/detail', 'chassis/%s/nodes' % chassis,
                     'chassis/%s/nodes/detail' % chassis):
            answer = self.api.get('/v1/%s?limit=1' % path).body
            self.assertIn('/v1/%s?' % path, answer['next'])
            self.assertEqual(1, len(self.uuids(answer['next'])))

    def test_a_page_has_at_most_max_limit_nodes(self):
        self.api.configuration.set('max_limit', 2, group='api')
        for _number in range(3):
            fixtures.add_node()
        for query in ('', '?limit=3'):
            answer = self.api.get('/v1/nodes' + query).body
            self.assertEqual(2, len(answer['nodes']))
            self.assertIn('limit=2', answer['next'])

    def test_a_page_costs_the_same_queries_whatever_its_length(self):
        counts = []
        statements = []
        sa.event.listen(session.get_engine(), 'before_cursor_execute',
                        lambda *arguments: statements.append(arguments[2]))
        for number in range(20):
            node = fixtures.add_node(['CUSTOM_%d' % number])
            self.create_allocated({'uuid': node.uuid})
            statements.clear()
            self.assertEqual(number + 1, len(self.uuids('/v1/nodes/detail')))
            counts.append(sum(text.startswith('SELECT')
                              for text in statements))
        self.assertEqual({counts[0]}, set(counts))
        self.assertLessEqual(counts[0], 4)
