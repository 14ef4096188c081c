# SPDX-License-Identifier: Apache-2.0
"""A node for which a claim is refused is read anew at once."""

import fixtures as base_fixtures

from allocator.backends import doubted
from allocator.backends import exception as backend_exception
from allocator.backends import facts
from allocator.backends import registry
from allocator.backends import writer
from allocator.common import exception
from allocator.db import backend_writes
from allocator.db import nodes
from allocator.db import single_nodes
from allocator.tests import fixtures
from allocator.tests.unit.backends import mirroring


class ReadAnewTests(mirroring.MirrorTestCase):

    def refused(self, change):
        """Have a claim be refused since the node has changed.

        :param change: function of the node's UUID that changes it there
        :returns: UUID of the node
        """
        node, = self.store().enrol()
        self.look()
        self.allocate()
        self.loop.walk()
        change(node)
        self.assertEqual(1, self.write())
        return node

    def test_refused_the_node_is_read_anew_at_once(self):
        for values in ({'resource_class': 'another'}, {'maintenance': True},
                       {'provision_state': 'manageable'}, {'owner': 'x'}):
            node = self.refused(lambda uuid, values=values: (
                self.store().change_node(uuid, **{
                    'reservation': 'somebody'} | values)))
            row = self.node(node)
            self.assertEqual(values, {
                name: getattr(row, name) for name in values})

    def test_refused_the_node_is_read_anew_but_for_a_name_that_is_taken(self):
        other, = self.store().enrol(resource_class='other')

        def change(node):
            # As if it had just lost the name there.
            fixtures.change_node(other, name='db')
            self.store().change_node(node, name='db', maintenance=True)

        node = self.refused(change)
        row = self.node(node)
        self.assertEqual((None, True), (row.name, row.maintenance))

    def test_refused_it_is_matched_before_the_node_is_read_anew(self):
        """It waited for an answer that could take request_timeout."""
        rung, asked = [], []
        self.writers['east'] = writer.Writers('east', lambda: rung.append(1))
        service = self.services['east']
        get_nodes = service._get_nodes

        def get(*arguments):
            asked.append(len(rung))
            return get_nodes(*arguments)

        def change(node):
            self.useFixture(base_fixtures.MockPatchObject(
                service, '_get_nodes', get))
            self.store().change_node(node, maintenance=True)

        self.refused(change)
        self.assertEqual([1], asked)

    def test_refused_it_stays_so_if_the_node_cannot_be_written_anew(self):
        """The write, which had ended, was put off."""
        self.useFixture(base_fixtures.MockPatchObject(
            single_nodes, 'apply', side_effect=ValueError))
        self.refused(lambda node: self.store().change_node(
            node, maintenance=True))
        self.assertEqual([], backend_writes.list_open())

    def test_refused_since_it_is_deleted_the_node_is_gone_at_once(self):
        node = self.refused(self.store().delete_node)
        self.assertRaises(exception.NodeNotFound, nodes.get, node)
        self.look()
        self.look(full=True)

    def test_what_may_only_be_hidden_stays(self):
        """From a user that lost the right to see all nodes."""
        self.services['east'].is_full_reader = False
        node = self.refused(self.store().delete_node)
        self.assertIsNotNone(nodes.get(node))

    def test_refused_since_it_left_the_filters_it_is_gone_at_once(self):
        self.options['east'].set('resource_class', ['metal'])
        node = self.refused(lambda uuid: self.store().change_node(
            uuid, resource_class='another'))
        self.assertRaises(exception.NodeNotFound, nodes.get, node)

    def test_a_node_read_anew_too_late_does_not_count(self):
        """Something has been written of it since it was asked for."""
        node, = self.store().enrol()
        self.look()
        row = self.node(node)
        found = facts.of_node(self.store().nodes[node]._values | {
            'maintenance': True})
        fixtures.change_node(node, generation=row.generation + 1)
        single_nodes.apply(row.backend_id, found, row.generation)
        single_nodes.remove(row.backend_id, node, row.generation)
        self.assertFalse(self.node(node).maintenance)
        single_nodes.apply(row.backend_id, found, row.generation + 1)
        self.assertTrue(self.node(node).maintenance)

    def outrun(self, change, undo):
        """Read a node anew while it is changed back, and the mirror looks.

        :param change: dict of what the backend says of it at first; None if
            it says that there is none
        :param undo: dict of what its row must say in the end
        """
        node, = self.store().enrol()
        self.look()
        self.allocate()
        self.loop.walk()
        self.store().change_node(node, reservation='somebody')
        client = registry.get('east')
        real = client.get_node

        def get_node(uuid, *args):
            try:
                if change is None:
                    raise backend_exception.NotFound(
                        backend='east', reason='no node')
                self.store().change_node(uuid, **change)
                return real(uuid, *args)
            finally:
                self.store().change_node(uuid, reservation=None, **undo)
                self.look()

        self.useFixture(base_fixtures.MockPatchObject(
            registry.get('east'), 'get_node', get_node))
        self.write()
        self.look()
        row = self.node(node)
        self.assertEqual(undo, {name: getattr(row, name) for name in undo})
        self.assertEqual(2, row.free)

    def test_what_was_read_before_the_mirror_looked_is_put_right(self):
        """By the next look: the mirror had found what it knew already."""
        self.outrun({'maintenance': True}, {'maintenance': False})

    def test_a_node_that_was_back_when_the_mirror_looked_comes_back(self):
        self.outrun(None, {'maintenance': False})

    def test_a_node_in_the_filters_when_the_mirror_looked_comes_back(self):
        self.options['east'].set('resource_class', ['metal'])
        self.outrun({'resource_class': 'x'}, {'resource_class': 'metal'})

    def test_a_node_read_anew_for_too_long_does_not_count(self):
        self.useFixture(base_fixtures.MockPatchObject(doubted, 'AGE', -1))
        node = self.refused(lambda uuid: self.store().change_node(
            uuid, reservation='somebody', maintenance=True))
        self.assertFalse(self.node(node).maintenance)
