# SPDX-License-Identifier: Apache-2.0
"""How many SQL statements each request costs on SQLite.

What servers are sent besides is counted by
allocator.tests.functional.db.test_round_trips.

A test here that fails tells of a request that has become dearer, which may
have its reason; the number is then changed with it.
"""

import fixtures as fixtures_

from allocator.db import backends
from allocator.db import known_conductors
from allocator.tests import fixtures
from allocator.tests import statements
from allocator.tests.unit.api import allocating

URL = allocating.URL
NODES = '/v1/nodes'


class StatementTests(allocating.AllocationTestCase):

    def count(self, method, path, body=None, status=200):
        """Send a request; return how many statements it caused."""
        # Whether there are backends is remembered for some seconds, and
        # whether there is a conductor for one: too short on a busy machine.
        self.useFixture(fixtures_.MockPatchObject(
            known_conductors, 'REMEMBERED', 600))
        backends.exist()
        known_conductors.require()
        with statements.Statements() as made:
            answer = self.api.request(method, path, body)
        self.assertEqual(status, answer.status, answer)
        return len(made.texts)

    def test_create(self):
        # The row.
        self.assertEqual(1, self.count(
            'POST', URL, {'resource_class': 'metal'}, status=201))

    def test_create_with_a_uuid_of_the_client(self):
        # Whether a node has it as its instance, besides.
        self.assertEqual(2, self.count(
            'POST', URL, {'resource_class': 'metal', 'uuid':
                          'c6b9f3a6-6a1c-4f43-9a3e-1b1f6d8ac0f5'},
            status=201))

    def test_create_with_candidates(self):
        # All candidates at once, besides.
        names = ['node-%d' % number for number in range(10)]
        for name in names:
            fixtures.add_node(name=name)
        self.assertEqual(2, self.count(
            'POST', URL, {'resource_class': 'metal',
                          'candidate_nodes': names}, status=201))

    def test_show(self):
        created = self.create()
        self.assertEqual(1, self.count('GET', URL + '/' + created['uuid']))

    def test_list(self):
        for _ in range(3):
            self.create_active()
        self.assertEqual(1, self.count('GET', URL))
        # The marker's row.
        uuid = self.read(URL)['allocations'][0]['uuid']
        self.assertEqual(2, self.count('GET', URL + '?marker=' + uuid))

    def test_lists_read_only_what_they_show(self):
        """Every column was decoded, whatever ``fields`` said."""
        self.create_active()
        self.api.post('/v1/chassis', {})
        for path, column in ((URL, 'allocations.extra'),
                             (NODES, 'nodes.extra'),
                             ('/v1/chassis', 'chassis.extra')):
            with statements.Statements() as made:
                self.read(path + '?fields=uuid')
            for text in made.texts:
                self.assertNotIn(column, text)
            with statements.Statements() as made:
                self.read(path + '?fields=extra')
            self.assertIn(column, ' '.join(made.texts))

    def test_patch(self):
        # Read for the policy; lock, write; read for the answer.
        created = self.create()
        self.assertEqual(4, self.count(
            'PATCH', URL + '/' + created['uuid'],
            [{'op': 'replace', 'path': '/name', 'value': 'new'}]))

    def test_delete(self):
        # Read for the policy; lock both sides, free the node, delete; whether
        # somebody waits for such a node.
        created, _node = self.create_active()
        self.assertEqual(6, self.count(
            'DELETE', URL + '/' + created['uuid'], status=204))

    def test_delete_of_an_allocation_without_node(self):
        created = self.create()
        self.assertEqual(4, self.count(
            'DELETE', URL + '/' + created['uuid'], status=204))

    def test_backfill(self):
        # The node; lock it, look for the uuid on others, write both sides;
        # read for the answer.
        node = fixtures.add_node(provision_state='active')
        self.assertEqual(6, self.count(
            'POST', URL, {'node': node.uuid, 'resource_class': 'metal'},
            status=201))

    def test_show_the_allocation_of_a_node(self):
        _created, node = self.create_active()
        self.assertEqual(2, self.count(
            'GET', '%s/%s/allocation' % (NODES, node.uuid)))

    def test_show_a_node(self):
        # The node for the policy; with allocation and chassis; its traits;
        # the time and the conductors, one of which is shown.
        node = fixtures.add_node(['CUSTOM_A', 'CUSTOM_B'])
        self.assertEqual(5, self.count('GET', NODES + '/' + node.uuid))

    def test_list_nodes(self):
        for number in range(3):
            fixtures.add_node(['CUSTOM_%d' % number])
        self.assertEqual(1, self.count('GET', NODES))
        self.assertEqual(4, self.count('GET', NODES + '/detail'))
