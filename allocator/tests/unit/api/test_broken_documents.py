# SPDX-License-Identifier: Apache-2.0
"""Nodes with documents that something else has broken."""

import sqlalchemy as sa

from allocator.db import models
from allocator.db import session
from allocator.db import types
from allocator.tests import fixtures
from allocator.tests.unit.api import inventory

_node = models.Node.__table__

# What is no JSON object, and what is no JSON.
BROKEN = ('[1]', '"text"', '7', 'null', '{broken', '[' * 100000)


class BrokenDocumentTests(inventory.InventoryTestCase):

    def spoil(self, node, text, *names):
        """Write what is no object into columns of a node."""
        fixtures.change_node(node['uuid'], **dict.fromkeys(
            names or ('instance_info',), sa.literal(text, sa.Text)))
        return node

    def spoilt(self, **values):
        """Make nodes with each kind of broken instance_info."""
        for text in BROKEN:
            yield self.spoil(self.create(**values), text)

    def test_the_documented_command_repairs_the_node(self):
        """The answer was 400, or 500 for what is no JSON."""
        for node in self.spoilt():
            # openstack baremetal node set --instance-info display_name=a
            repaired = self.patch(
                node, ('add', '/instance_info/display_name', 'a'))
            self.assertEqual(({'display_name': 'a'}, 'a'), (
                repaired['instance_info'], repaired['instance_name']))

    def test_a_node_is_repaired_by_a_whole_document(self):
        """Every patch of the node was answered with 500."""
        for node in self.spoilt():
            self.assertEqual({'a': 1}, self.patch(
                node, ('replace', '/instance_info', {'a': 1}))[
                'instance_info'])

    def test_other_changes_leave_what_is_broken(self):
        for node in self.spoilt():
            self.assertEqual('new', self.patch(
                node, ('add', '/description', 'new'))['description'])
            self.assertIsNone(types.read_object(self.stored(node)))

    def stored(self, node):
        """Read instance_info as a text."""
        with session.reader() as connection:
            return connection.execute(sa.select(sa.type_coerce(
                _node.c.instance_info, sa.Text)).where(
                _node.c.uuid == node['uuid'])).scalar_one()

    def test_broken_documents_are_shown_as_empty_ones(self):
        """Where one was shown, the whole page was answered with 500."""
        names = ('instance_info', 'driver_info', 'properties', 'extra',
                 'network_data')
        nodes = [self.spoil(self.create(), text, *names, 'interfaces')
                 for text in BROKEN]
        empty = [{}] * len(names)
        for node in nodes:
            shown = self.show(node)
            self.assertEqual(empty, [shown[name] for name in names])
        for path in ('/v1/nodes/detail',
                     '/v1/nodes?fields=' + ','.join(names)):
            page = self.api.get(path)
            self.assertEqual(200, page.status, page)
            self.assertEqual([empty] * len(nodes), [
                [shown[name] for name in names]
                for shown in page.body['nodes']])

    def test_a_broken_node_is_deleted(self):
        for node in self.spoilt():
            answer = self.api.delete('/v1/nodes/' + node['uuid'])
            self.assertEqual(204, answer.status, answer)

    def test_a_broken_node_is_released(self):
        for text in BROKEN:
            node, allocation = self.create_allocated(
                self.create_available(resource_class='metal'))
            self.spoil(node, text)
            answer = self.api.delete('/v1/allocations/' + allocation['uuid'])
            self.assertEqual(204, answer.status, answer)
            node = self.show(node)
            self.assertEqual((None, {}), (node['instance_uuid'],
                                          node['instance_info']))
            self.assertEqual(204, self.api.delete(
                '/v1/nodes/' + node['uuid']).status)

    def test_a_broken_node_is_backfilled(self):
        for text in BROKEN:
            node = self.create_available(resource_class='metal')
            self.do(node, 'active')
            self.spoil(node, text)
            answer = self.api.post('/v1/allocations', {
                'resource_class': 'metal', 'node': node['uuid']})
            self.assertEqual(201, answer.status, answer)
            self.assertEqual({'traits': []},
                             self.show(node)['instance_info'])

    def test_a_repaired_node_is_claimed(self):
        for text in BROKEN:
            node = self.create_available(resource_class='metal')
            self.spoil(node, text)
            self.patch(node, ('add', '/instance_info/a', 1))
            uuid = self.api.post('/v1/allocations', {
                'resource_class': 'metal'}).body['uuid']
            self.api.match()
            allocation = self.api.get('/v1/allocations/' + uuid).body
            self.assertEqual(('active', node['uuid']), (
                allocation['state'], allocation['node_uuid']))
            self.assertEqual({'a': 1, 'traits': []},
                             self.show(node)['instance_info'])
