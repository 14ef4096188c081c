# SPDX-License-Identifier: Apache-2.0
"""A test class with shortcuts to build an inventory through the API."""

from oslotest import base

from allocator.tests import fixtures


class InventoryTestCase(base.BaseTestCase):
    """Has the API on an empty database as ``self.api``."""

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(fixtures.Api())

    def create(self, version=None, **values):
        """Create a node and return it."""
        answer = self.api.post('/v1/nodes', {'driver': 'fake'} | values,
                               version=version)
        self.assertEqual(201, answer.status, answer)
        return answer.body

    def create_available(self, **values):
        """Create a node that is suitable, by the API alone."""
        node = self.create(**values)
        self.do(node, 'manage')
        self.do(node, 'provide')
        return node

    def create_allocated(self, node=None, **values):
        """Create a node and the allocation that has it.

        :returns: node, allocation
        """
        node = node or self.create_available(resource_class='metal')
        allocation = self.api.post('/v1/allocations', {
            'resource_class': 'metal'} | values).body
        self.api.match()
        node = self.show(node)
        self.assertEqual(allocation['uuid'], node['allocation_uuid'])
        return node, allocation

    def do(self, node, verb, status=202, version=None, **arguments):
        """Request a provision state."""
        answer = self.api.put(
            '/v1/nodes/%s/states/provision' % node['uuid'],
            {'target': verb} | arguments, version=version)
        self.assertEqual(status, answer.status, answer)
        return answer

    def show(self, node, version=None):
        """Read a node."""
        answer = self.api.get('/v1/nodes/' + node['uuid'], version=version)
        self.assertEqual(200, answer.status, answer)
        return answer.body

    def patch(self, node, *operations, status=200, version=None):
        """Patch a node.

        :param operations: tuples of op, path and, but for remove, value
        """
        answer = self.api.patch('/v1/nodes/' + node['uuid'], [
            dict(zip(('op', 'path', 'value'), operation, strict=False))
            for operation in operations], version=version)
        self.assertEqual(status, answer.status, answer)
        return answer if status >= 400 else answer.body

    def uuids(self, path, **options):
        """List the UUIDs that a list of nodes holds."""
        answer = self.api.get(path, **options)
        self.assertEqual(200, answer.status, answer)
        return [node['uuid'] for node in answer.body['nodes']]
