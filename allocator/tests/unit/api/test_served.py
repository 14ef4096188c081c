# SPDX-License-Identifier: Apache-2.0
"""Allocations that wait are served, whatever makes a node suit them."""

from allocator.db import releases
from allocator.tests import fixtures
from allocator.tests.unit.api import allocating
from allocator.tests.unit.api import awaiting

URL = allocating.OWN_URL


class ServedTests(awaiting.WaitingTestCase):

    def test_by_a_node_that_is_released(self):
        held, _node = self.create_active()
        created = self.wait()
        self.api.serve()
        self.assertFalse(self.is_active(created))
        self.api.delete('%s/%s' % (URL, held['uuid']))
        self.api.serving._sweep_at = float('inf')
        self.api.serve()
        self.assertTrue(self.is_active(created))
        self.assertEqual(0, self.count_waiters())

    def test_by_the_node_of_one_that_got_it_as_it_was_deleted(self):
        """It had none yet when its row was read, so nobody was told."""
        first, second = self.wait(), self.wait()
        real = releases.delete_allocation

        def delete(*args):
            fixtures.add_node()
            self.api.serving.ring()
            self.api.serve()
            return real(*args)

        releases.delete_allocation = delete
        self.addCleanup(setattr, releases, 'delete_allocation', real)
        answer = self.api.delete('%s/%s' % (URL, first['uuid']))
        self.assertEqual(204, answer.status)
        self.api.serving._sweep_at = float('inf')
        self.api.serve()
        self.assertTrue(self.is_active(second))

    def test_by_a_node_that_has_become_suitable(self):
        changes = (
            ({'maintenance': True}, 'DELETE', '/maintenance', None),
            ({'power_state': None}, 'PUT', '/states/power',
             {'target': 'power on'}),
            ({'provision_state': 'manageable'}, 'PUT', '/states/provision',
             {'target': 'provide'}),
            ({'resource_class': 'other'}, 'PATCH', '', [
                {'op': 'add', 'path': '/resource_class', 'value': 'metal'}]),
        )
        for columns, method, path, body in changes:
            node = fixtures.add_node(**columns)
            created = self.wait()
            self.api.serve()
            self.assertFalse(self.is_active(created))
            answer = self.api.request(method, '/v1/nodes/%s%s' % (
                node.uuid, path), body)
            self.assertLess(answer.status, 300, answer)
            self.api.serving._sweep_at = float('inf')
            self.api.serve()
            self.assertTrue(self.is_active(created), path)

    def serve_one(self, created, changes):
        """Check that the last of some changes has one served, by a ring.

        :param changes: list of arguments of a request
        """
        self.api.serve()
        self.api.serving._sweep_at = float('inf')
        for change in changes:
            self.assertFalse(self.is_active(created), change)
            answer = self.api.request(*change)
            self.assertLess(answer.status, 300, answer)
            self.api.serve()
        self.assertTrue(self.is_active(created))

    def test_by_a_node_that_is_undeployed(self):
        _held, node = self.create_active()
        fixtures.change_node(node.uuid, provision_state='active')
        self.serve_one(self.wait(), [
            ('PUT', '/v1/nodes/%s/states/provision' % node.uuid,
             {'target': 'deleted'})])

    def test_by_a_property(self):
        node = fixtures.add_node(properties={'memory_mb': 4})
        self.serve_one(
            self.wait(properties={'memory_mb': {'>=': 8}}), [
                ('PATCH', '/v1/nodes/' + node.uuid, [
                    {'op': 'replace', 'path': '/properties/memory_mb',
                     'value': 8}])])

    def test_by_a_new_node(self):
        url = '/v1/nodes/new'
        self.serve_one(self.wait(), [
            ('POST', '/v1/nodes', {'driver': 'fake-hardware', 'name': 'new',
                                   'resource_class': 'metal'}),
            ('PUT', url + '/states/provision', {'target': 'manage'}),
            ('PUT', url + '/states/power', {'target': 'power off'}),
            ('PUT', url + '/states/provision', {'target': 'provide'})])

    def test_by_a_trait(self):
        node = fixtures.add_node()
        created = self.wait(traits=['CUSTOM_A'])
        self.serve_one(created, [
            ('PUT', '/v1/nodes/%s/traits/CUSTOM_A' % node.uuid)])
        self.assertEqual(['CUSTOM_A'], fixtures.get_node(
            node.uuid).instance_info['traits'])
