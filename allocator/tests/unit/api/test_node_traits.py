# SPDX-License-Identifier: Apache-2.0
"""Traits of nodes."""


import fixtures as base_fixtures

from allocator.db import node_changes
from allocator.db import nodes
from allocator.db import profiles
from allocator.tests import fixtures
from allocator.tests.unit.api import inventory


class TraitsTest(inventory.InventoryTestCase):

    def setUp(self):
        super().setUp()
        self.node = self.create()
        self.url = '/v1/nodes/%s/traits' % self.node['uuid']

    def traits(self):
        found = self.api.get(self.url).body['traits']
        self.assertEqual(found, self.show(self.node)['traits'])
        return found

    def test_all_at_once(self):
        self.assertEqual([], self.traits())
        for given, kept in (
                (['CUSTOM_B', 'CUSTOM_A', 'CUSTOM_B'],
                 ['CUSTOM_A', 'CUSTOM_B']),
                (['HW_CPU_X86_VMX'], ['HW_CPU_X86_VMX']), ([], [])):
            answer = self.api.put(self.url, {'traits': given})
            self.assertEqual((204, None), (answer.status, answer.body))
            self.assertEqual(kept, self.traits())

    def test_one_by_one(self):
        for _attempt in range(2):
            answer = self.api.put(self.url + '/CUSTOM_A', headers={
                'Content-Type': 'application/json'})
            self.assertEqual(204, answer.status)
            self.assertEqual('http://localhost' + self.url + '/CUSTOM_A',
                             answer.headers['Location'])
        self.api.put(self.url + '/CUSTOM_B', {})
        self.assertEqual(['CUSTOM_A', 'CUSTOM_B'], self.traits())
        self.assertEqual(204, self.api.delete(
            self.url + '/CUSTOM_A').status)
        self.assertEqual(404, self.api.delete(
            self.url + '/CUSTOM_A').status)
        self.assertEqual(['CUSTOM_B'], self.traits())
        self.assertEqual(204, self.api.delete(self.url).status)
        self.assertEqual([], self.traits())

    def test_bad_requests(self):
        for body in ({}, {'traits': None}, {'traits': 'CUSTOM_A'},
                     {'traits': ['custom']}, {'traits': ['CUSTOM_A\n']},
                     {'traits': ['CUSTOM_A'], 'x': 1}, [],
                     {'traits': ['CUSTOM_%d' % n for n in range(51)]}):
            self.assertEqual(400, self.api.put(self.url, body).status)
        self.assertEqual(400, self.api.put(self.url + '/custom').status)
        self.assertEqual(405, self.api.get(self.url + '/CUSTOM_A').status)
        self.assertEqual(404, self.api.get('/v1/nodes/x/traits').status)

    def test_fifty_and_no_more(self):
        fifty = ['CUSTOM_%d' % n for n in range(50)]
        self.api.put(self.url, {'traits': fifty})
        self.assertEqual(204, self.api.put(self.url + '/CUSTOM_7').status)
        self.assertEqual(400, self.api.put(self.url + '/CUSTOM_A').status)
        self.assertEqual(sorted(fifty), self.traits())

    def test_old_versions_have_none(self):
        for method, path, status in (
                ('GET', '', 406), ('PUT', '', 405), ('DELETE', '', 404),
                ('PUT', '/CUSTOM_A', 405), ('DELETE', '/CUSTOM_A', 404)):
            answer = self.api.request(method, self.url + path,
                                      raw=b'{', version='1.36')
            self.assertEqual(status, answer.status)

    def interrupt(self, rivals):
        """Have the node get other traits whenever a request has read its own.

        :param rivals: iterator of lists of traits
        """
        show = nodes.show

        def interrupted(uuid, names):
            found = show(uuid, names)
            rival = next(rivals, None)
            if rival is not None:
                fixtures.change_node(uuid, **profiles.intern(
                    profiles.wanted(rival, {})))
            return found

        self.useFixture(base_fixtures.MockPatchObject(
            nodes, 'show', side_effect=interrupted, autospec=True))

    def test_traits_added_at_the_same_time_are_all_kept(self):
        self.interrupt(iter([['CUSTOM_B'], ['CUSTOM_B', 'CUSTOM_C']]))
        self.assertEqual(204, self.api.put(self.url + '/CUSTOM_A').status)
        self.assertEqual(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C'], self.traits())

    def test_a_node_that_never_holds_still_is_a_conflict(self):
        self.interrupt(['CUSTOM_%d' % n]
                       for n in range(node_changes.ATTEMPTS))
        answer = self.api.put(self.url + '/CUSTOM_A')
        self.assertEqual(409, answer.status)
        self.assertNotIn('CUSTOM_A', self.traits())

    def test_allocations_find_nodes_by_traits(self):
        node = self.create_available(resource_class='metal')
        self.api.put('/v1/nodes/%s/traits/CUSTOM_A' % node['uuid'])
        self.create_allocated(node, traits=['CUSTOM_A'])
