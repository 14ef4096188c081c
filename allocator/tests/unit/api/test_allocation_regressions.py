# SPDX-License-Identifier: Apache-2.0
"""Bugs that other allocation services had, or have: none of them is here.

Each test has the name of what is right; its first comment tells what went
wrong.
"""

import threading
from urllib import parse

from oslo_utils import uuidutils

from allocator.db import known_conductors
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests import statements
from allocator.tests.unit.api import allocating

URL = allocating.URL


class VersionTests(allocating.AllocationTestCase):

    def test_the_version_is_checked_before_the_body(self):
        # An old client learned from a 400 that the API exists.
        for method in ('POST', 'PATCH', 'DELETE'):
            for path in (URL, URL + '/one'):
                self.refuse(405, self.api.request(
                    method, path, raw=b'{no JSON', version='1.51'))

    def test_the_version_is_checked_before_policy(self):
        self.api.act_as('nothing', project='p')
        self.refuse(404, self.api.get(URL, version='1.51'))
        self.refuse(405, self.api.post(URL, {}, version='1.51'))

    def test_an_old_version_gets_404_to_get_and_405_to_the_rest(self):
        for version in ('1.1', '1.51'):
            self.refuse(404, self.api.get(URL, version=version))
            self.refuse(404, self.api.get(URL + '/one', version=version))
            self.refuse(405, self.api.post(URL, version=version))
            self.refuse(405, self.api.delete(URL + '/one', version=version))
        for version in ('1.1', '1.52', '1.56'):
            self.refuse(405, self.api.patch(URL + '/one', version=version))

    def test_403_comes_before_406(self):
        # Who may not create at all heard of versions instead.
        self.api.act_as('reader', project='p')
        answer = self.api.post(URL, {'resource_class': 'x', 'owner': 'p'},
                               version='1.59')
        self.refuse(403, answer)

    def test_an_owner_is_set_though_the_version_knows_none(self):
        # It gave 406, for the service itself had set the owner.
        self.api.act_as('member', 'reader', project='p')
        created = self.create(version='1.52')
        self.assertNotIn('owner', created)
        self.assertEqual('p', self.show(created['uuid'])['owner'])


class CreateTests(allocating.AllocationTestCase):

    def test_a_project_creates_for_itself_and_nobody_else(self):
        # It always failed; before that, everybody created for anybody.
        self.api.act_as('member', 'reader', project='p')
        self.assertEqual('p', self.create()['owner'])
        self.assertEqual('p', self.create(owner='p')['owner'])
        self.assertEqual('p', self.create(owner=None)['owner'])
        before = self.rows()
        self.refuse(403, self.api.post(
            URL, {'resource_class': 'x', 'owner': 'another'}))
        self.assertEqual(before, self.rows())

    def test_candidates_take_one_query(self):
        # It was one for each.
        nodes = [fixtures.add_node(name='n%d' % n) for n in range(20)]
        idents = [node.uuid for node in nodes[:10]] + [
            node.name for node in nodes[10:]]
        counts = []
        for count in (1, 20):
            # Otherwise one of the two may ask for it.
            known_conductors.forget()
            noted = statements.Statements()
            with noted:
                self.create(candidate_nodes=idents[:count])
            counts.append(len(noted.texts))
        self.assertEqual(counts[0], counts[1])

    def test_candidates_keep_the_clients_order_without_repeats(self):
        one, two = fixtures.add_node(name='one'), fixtures.add_node(name='two')
        created = self.create(candidate_nodes=[
            'two', one.uuid.upper(), two.uuid, 'one',
            one.uuid.replace('-', '')])
        self.assertEqual([two.uuid, one.uuid], created['candidate_nodes'])

    def test_unknown_candidates_are_all_named(self):
        fixtures.add_node(name='known')
        unknown = uuidutils.generate_uuid()
        self.refuse(400, self.api.post(URL, {
            'resource_class': 'x',
            'candidate_nodes': ['known', 'what', unknown]}), 'what', unknown)
        self.assertEqual([], self.rows())

    def test_the_node_of_the_same_name_comes_first(self):
        # Names went to other nodes, and machines were mixed up.
        nodes = {name: fixtures.add_node(name=name).uuid
                 for name in ('a', 'b', 'c', 'd')}
        created = {name: self.create(name=name)['uuid']
                   for name in ('d', 'c', 'b', 'a')}
        self.api.match()
        for name, uuid in created.items():
            self.assertEqual(nodes[name], self.show(uuid)['node_uuid'])

    def test_a_uuid_is_a_uuid_and_stored_in_its_canonical_form(self):
        # Any string was taken; the allocation could not be found again.
        for uuid in ('no-uuid', 'x' * 36, ' ', '12345'):
            self.refuse(400, self.api.post(
                URL, {'resource_class': 'x', 'uuid': uuid}), 'uuid')
        uuid = uuidutils.generate_uuid()
        created = self.create(uuid=uuid.upper())
        self.assertEqual(uuid, created['uuid'])
        for form in (uuid, uuid.upper(), uuid.replace('-', '')):
            self.assertEqual(uuid, self.show(form)['uuid'])
            self.refuse(409, self.api.post(
                URL, {'resource_class': 'x', 'uuid': form}), uuid)

    def test_the_uuid_of_a_nodes_instance_is_taken_at_once(self):
        # The allocation failed, but only later.
        uuid = uuidutils.generate_uuid()
        fixtures.add_node(provision_state='active', instance_uuid=uuid)
        self.refuse(409, self.api.post(
            URL, {'resource_class': 'x', 'uuid': uuid.upper()}), uuid)
        self.assertEqual([], self.rows())

    def test_names_and_traits_do_not_end_in_a_newline(self):
        # Patterns ending in "$" let it pass.
        for values in ({'name': 'one\n'}, {'traits': ['CUSTOM_A\n']},
                       {'name': '\n'}, {'traits': ['HW_CPU_X86_VMX\n']}):
            self.refuse(400, self.api.post(
                URL, {'resource_class': 'x'} | values))

    def test_an_empty_name_is_none(self):
        self.refuse(400, self.api.post(
            URL, {'resource_class': 'x', 'name': ''}), 'name')

    def test_traits_are_few_and_different(self):
        traits = ['CUSTOM_%d' % n for n in range(50)]
        self.assertEqual(traits, self.create(traits=traits * 3)['traits'])
        self.refuse(400, self.api.post(
            URL, {'resource_class': 'x', 'traits': [*traits, 'CUSTOM_51']}),
            'traits', '50')

    def test_nan_is_no_json(self):
        # It was given back, and no other parser could read the answer.
        for number in (b'NaN', b'Infinity', b'-Infinity', b'1e999'):
            self.refuse(400, self.api.post(URL, raw=(
                b'{"resource_class": "x", "extra": {"a": %s}}' % number)))
        self.assertEqual([], self.rows())

    def test_no_request_is_turned_away_for_being_busy(self):
        # Each held a thread of a pool; what came later was 503 for ever,
        # and its row stayed in "allocating".
        nodes = {fixtures.add_node().uuid for _ in range(40)}
        created = [self.create()['uuid'] for _ in range(40)]
        self.api.match()
        self.assertEqual(nodes, {self.show(uuid)['node_uuid']
                                 for uuid in created})

    def test_a_refused_request_leaves_nothing_behind(self):
        # The row was written before a conductor was looked for.
        with session.writer() as connection:
            connection.exec_driver_sql('DELETE FROM conductors')
        answer = self.api.post(URL, {'resource_class': 'x', 'name': 'one'})
        self.refuse(503, answer, 'conductor')
        self.assertEqual([], self.rows())

    def test_a_failure_tells_what_ruled_the_nodes_out(self):
        # It said that all nodes were filtered out, and no more.
        fixtures.add_node(maintenance=True)
        fixtures.add_node(power_state=None)
        fixtures.add_node(provision_state='manageable')
        created = self.create(traits=['CUSTOM_GPU'])
        self.api.match()
        found = self.show(created['uuid'])
        self.assertEqual('error', found['state'])
        for word in ('metal', '3', 'maintenance', 'power', 'available'):
            self.assertIn(word, found['last_error'])


class ConfigurationTests(allocating.AllocationTestCase):

    def test_options_are_read_when_used(self):
        # Decorators read them at import, so they never changed.
        for _ in range(3):
            self.create()
        self.api.configuration.set('max_limit', 2, group='api')
        self.assertEqual(2, len(self.read(URL)['allocations']))
        self.api.configuration.set('max_limit', 1, group='api')
        self.assertEqual(1, len(self.read(URL)['allocations']))
        self.api.configuration.set('max_request_body_size', 1024,
                                   group='api')
        self.refuse(413, self.api.post(
            URL, {'resource_class': 'x', 'extra': {'a': 'x' * 1024}}))


class ListTests(allocating.AllocationTestCase):

    def test_next_keeps_every_parameter_and_is_a_url(self):
        # It lost "fields" first, then all filters, and blanks broke it.
        owner = 'a b&c=d+é%'
        _allocation, node = self.create_active()
        for _ in range(2):
            self.create(owner=owner)
        query = {'owner': owner, 'resource_class': 'metal',
                 'state': 'allocating', 'fields': 'uuid,name', 'limit': '1',
                 'sort_key': 'created_at', 'sort_dir': 'desc'}
        first = self.read(URL + '?' + parse.urlencode(query))
        following = parse.urlsplit(first['next'])
        self.assertEqual(('http', 'localhost', URL), following[:3])
        self.assertEqual(
            query | {'marker': first['allocations'][0]['uuid']},
            dict(parse.parse_qsl(following.query, strict_parsing=True)))
        second = self.read(first['next'].removeprefix('http://localhost'))
        self.assertEqual(1, len(second['allocations']))
        self.assertNotEqual(first['allocations'], second['allocations'])
        one = self.read('%s?node=%s&limit=1' % (URL, node.uuid))
        self.assertIn('node=' + node.uuid, one['next'])

    def test_a_node_in_a_filter_counts_for_system_users_too(self):
        # It was not even looked at.
        _allocation, node = self.create_active(
            node=fixtures.add_node(name='one'))
        other = fixtures.add_node(name='two')
        self.api.act_as('reader', system=True)
        for ident in ('one', node.uuid):
            found = self.read(URL + '?node=' + ident)['allocations']
            self.assertEqual([node.uuid], [a['node_uuid'] for a in found])
        self.assertEqual(
            [], self.read(URL + '?node=' + other.uuid)['allocations'])
        self.refuse(400, self.api.get(URL + '?node=three'), 'three')

    def test_a_page_takes_one_query_whatever_is_on_it(self):
        # It was one more for each allocation.
        for _ in range(10):
            self.create_active()
        for limit in (1, 5, 10):
            noted = statements.Statements()
            with noted:
                page = self.read('%s?limit=%d' % (URL, limit))
            self.assertEqual(limit, len(page['allocations']))
            self.assertIsNotNone(page['allocations'][0]['node_uuid'])
            self.assertEqual(1, len(noted.texts), noted.texts)

    def test_a_marker_takes_one_query_more(self):
        marker = [self.create()['uuid'] for _ in range(5)][1]
        noted = statements.Statements()
        with noted:
            self.read('%s?marker=%s&sort_key=name' % (URL, marker))
        self.assertEqual(2, len(noted.texts), noted.texts)


class ChangeTests(allocating.AllocationTestCase):

    def test_a_name_is_patched_to_null(self):
        for operation in (('replace', '/name', None), ('add', '/name', None),
                          ('remove', '/name')):
            uuid = self.create(name='one')['uuid']
            self.assertIsNone(self.patch(uuid, operation).body['name'])
            self.assertIsNone(self.show(uuid)['name'])

    def test_a_patch_takes_every_value_that_post_takes(self):
        # Lists and floats were refused.
        extra = {'list': [1, 2.5, None, True, {'a': []}], 'float': 0.1,
                 'null': None, 'number': 10 ** 30, 'text': '\x00\ud800😀'}
        posted = self.create(extra=extra)
        self.assertEqual(extra, self.show(posted['uuid'])['extra'])
        patched = self.create()['uuid']
        self.patch(patched, *(('add', '/extra/' + key, value)
                              for key, value in extra.items()))
        self.assertEqual(extra, self.show(patched)['extra'])


class DeleteTests(allocating.AllocationTestCase):

    def assert_free(self, node):
        row = fixtures.get_node(node.uuid)
        self.assertEqual((None, None, {}), (
            row.instance_uuid, row.allocation_id, row.instance_info))

    def test_what_is_being_processed_is_deleted_without_a_trace(self):
        # A traceback at first; a deadlock between the two later.
        nodes = [fixtures.add_node() for _ in range(5)]
        thread = threading.Thread(target=self.api.loop.run)
        thread.start()
        try:
            for _ in range(20):
                uuid = self.create()['uuid']
                self.api.loop.ring()
                self.assertEqual(
                    204, self.api.delete('%s/%s' % (URL, uuid)).status)
        finally:
            self.api.loop.stop()
            thread.join()
        self.assertEqual([], self.rows())
        for node in nodes:
            self.assert_free(node)

    def test_a_node_in_maintenance_is_deleted_with_its_allocation(self):
        # It gave 500; rows that refer to each other blocked the delete.
        allocation, node = self.create_active()
        fixtures.change_node(node.uuid, maintenance=True)
        self.assertEqual(204, self.api.delete(
            '/v1/nodes/' + node.uuid).status)
        self.refuse(404, self.api.get('%s/%s' % (URL, allocation['uuid'])))
        self.refuse(404, self.api.get('/v1/nodes/' + node.uuid))

    def test_an_allocation_is_deleted_while_its_node_is_in_maintenance(self):
        allocation, node = self.create_active()
        fixtures.change_node(node.uuid, maintenance=True,
                             provision_state='active')
        self.assertEqual(204, self.api.delete(
            '%s/%s' % (URL, allocation['uuid'])).status)
        self.assert_free(node)

    def test_a_released_node_keeps_no_traits_of_its_instance(self):
        allocation, node = self.create_active(
            node=fixtures.add_node(traits=['CUSTOM_A'],
                                   instance_info={'other': 1}),
            traits=['CUSTOM_A'])
        self.assertEqual({'other': 1, 'traits': ['CUSTOM_A']},
                         node.instance_info)
        self.api.delete('%s/%s' % (URL, allocation['uuid']))
        self.assertEqual({'other': 1},
                         fixtures.get_node(node.uuid).instance_info)


class OwnerTests(allocating.AllocationTestCase):

    def test_the_owner_of_an_allocated_node_cannot_be_changed(self):
        _allocation, node = self.create_active()
        answer = self.api.patch('/v1/nodes/' + node.uuid, [
            {'op': 'add', 'path': '/owner', 'value': 'p'}])
        self.refuse(409, answer)
        self.assertIsNone(fixtures.get_node(node.uuid).owner)

    def test_a_backfill_considers_the_owner(self):
        node = fixtures.add_node(provision_state='active', owner='p',
                                 lessee='q')
        self.refuse(400, self.api.post(
            URL, {'node': node.uuid, 'owner': 'r'}), 'owner')
        answer = self.api.post(URL, {'node': node.uuid, 'owner': 'q'})
        self.assertEqual((201, 'q'), (answer.status, answer.body['owner']))

    def test_a_refused_backfill_leaves_name_and_uuid_free(self):
        # It gave 500, and an allocation in "error" kept them.
        node = fixtures.add_node(provision_state='active',
                                 instance_uuid=uuidutils.generate_uuid())
        body = {'node': node.uuid, 'name': 'one',
                'uuid': node.instance_uuid}
        for mismatch in ({'traits': ['CUSTOM_A']}, {'owner': 'p'},
                         {'resource_class': 'other'},
                         {'candidate_nodes': [fixtures.add_node().uuid]}):
            self.refuse(400, self.api.post(URL, body | mismatch))
            self.assertEqual([], self.rows())
        answer = self.api.post(URL, body)
        self.assertEqual((201, 'active'),
                         (answer.status, answer.body['state']))
