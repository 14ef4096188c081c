# SPDX-License-Identifier: Apache-2.0
"""How many policies each request asks for, remembered answers included.

A test here that fails tells of a request that has become dearer, which may
have its reason; the number is then changed with it.
"""

from unittest import mock

from allocator.common import policy
from allocator.tests import fixtures
from allocator.tests.unit.api import allocating

URL = allocating.URL
NODES = '/v1/nodes'


class PolicyCheckTests(allocating.AllocationTestCase):

    def setUp(self):
        super().setUp()
        self.api.act_as('member', 'reader', project='tenant')

    def asked(self, method, path, status=200):
        """Send a request; return the policies that it asked for."""
        with mock.patch.object(policy, 'is_allowed', autospec=True,
                               side_effect=policy.is_allowed) as check:
            answer = self.api.request(method, path)
        self.assertEqual(status, answer.status, answer)
        return [call.args[0].removeprefix('baremetal:')
                for call in check.call_args_list]

    def test_a_page_of_nodes_asks_once_per_owner_and_lessee(self):
        for _ in range(3):
            for owner, lessee in (('tenant', None), ('other', 'tenant'),
                                  (None, 'tenant')):
                fixtures.add_node(owner=owner, lessee=lessee, driver_info={
                    'address': owner})
        asked = self.asked('GET', NODES + '/detail')
        self.assertEqual(
            ['node:list', 'node:list_all', 'node:get:filter_threshold',
             *3 * ['node:get:driver_info']], asked)
        for node in self.read(NODES + '/detail')['nodes']:
            self.assertEqual(node['owner'] == 'tenant',
                             'address' in node['driver_info'], node)

    def test_a_page_of_allocations_asks_nothing_per_row(self):
        for _ in range(3):
            self.create()
        self.assertEqual(['allocation:list', 'allocation:list_all'],
                         self.asked('GET', URL))

    def test_a_delete_asks_once_for_each_right(self):
        created = self.create()
        self.assertEqual(['allocation:get', 'allocation:delete'],
                         self.asked('DELETE', URL + '/' + created['uuid'],
                                    status=204))

    def test_a_delete_by_the_node_asks_once_for_each_right(self):
        node = fixtures.add_node(owner='tenant')
        self.create()
        self.api.match()
        self.assertEqual(
            ['allocation:get', 'allocation:delete'],
            self.asked('DELETE', '%s/%s/allocation' % (NODES, node.uuid),
                       status=204))
