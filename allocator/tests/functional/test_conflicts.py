# SPDX-License-Identifier: Apache-2.0
"""Requests that meet each other: one of them wins, and nothing breaks."""

import collections
import uuid

from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

TIMES = 16


@testcase.per_database()
class ConflictTests(testcase.ServiceTests):

    def send_at_once(self, method, path, bodies):
        """Send requests at once.

        :returns: collections.Counter of the answers' status codes
        """
        answers = self.client.at_once(
            lambda body: self.client.request(method, path, json=body), bodies)
        return collections.Counter(answer.status_code for answer in answers)

    def test_same_uuid_at_once_is_created_once(self):
        self.service.add_nodes(TIMES)
        body = {'resource_class': 'baremetal', 'uuid': str(uuid.uuid4())}
        self.assertEqual(
            {201: 1, 409: TIMES - 1},
            self.send_at_once('POST', '/v1/allocations', [body] * TIMES))
        [allocation] = self.client.all_settled()
        self.assertEqual(('active', body['uuid']),
                         (allocation['state'], allocation['uuid']))

    def test_same_name_at_once_is_created_once(self):
        self.service.add_nodes(TIMES)
        body = {'resource_class': 'baremetal', 'name': 'one'}
        self.assertEqual(
            {201: 1, 409: TIMES - 1},
            self.send_at_once('POST', '/v1/allocations', [body] * TIMES))
        [allocation] = self.client.all_settled()
        self.assertEqual(('active', 'one'),
                         (allocation['state'], allocation['name']))

    def test_same_name_given_at_once_by_patch_is_given_once(self):
        created = self.client.allocate_all(
            [{'resource_class': 'none'}] * TIMES)
        patch = [{'op': 'add', 'path': '/name', 'value': 'one'}]
        answers = self.client.at_once(
            lambda a: self.client.patch('/v1/allocations/' + a['uuid'],
                                        patch).status_code, created)
        self.assertEqual({200: 1, 409: TIMES - 1},
                         collections.Counter(answers))

    def test_of_two_patches_at_once_none_is_lost(self):
        path = '/v1/allocations/%s' % self.client.allocate(
            resource_class='none')['uuid']
        self.send_at_once('PATCH', path, [
            [{'op': 'add', 'path': '/extra/%d' % number, 'value': number}]
            for number in range(TIMES)])
        self.assertEqual({str(number): number for number in range(TIMES)},
                         self.client.get(path).json()['extra'])

    def test_instance_uuid_of_a_node_as_uuid_is_refused_at_once(self):
        taken = str(uuid.uuid4())
        self.service.add_node(instance_uuid=taken)
        answer = self.client.post('/v1/allocations', {
            'resource_class': 'baremetal', 'uuid': taken})
        self.assertEqual(409, answer.status_code)
        self.assertEqual([], self.client.allocations())

    def test_deleted_at_once_is_deleted_once(self):
        node = self.service.add_node()
        path = '/v1/allocations/%s' % self.client.allocate(
            resource_class='baremetal')['uuid']
        self.assertEqual({204: 1, 404: TIMES - 1},
                         self.send_at_once('DELETE', path, [None] * TIMES))
        self.assertIsNone(self.service.nodes()[node].instance_uuid)

    def test_deleting_what_is_just_being_allocated_leaves_no_claim(self):
        # More requests than nodes: rows of every kind are met.
        self.service.add_nodes(40)

        def allocate_and_delete(_number):
            uuid_ = self.client.allocate(resource_class='baremetal')['uuid']
            return self.client.delete('/v1/allocations/' + uuid_).status_code

        self.assertEqual(
            {204: 150},
            collections.Counter(self.client.at_once(allocate_and_delete,
                                                    range(150))))
        self.assertEqual([], self.client.allocations())
        self.assertEqual({(None, None)},
                         {(row.instance_uuid, row.allocation_id)
                          for row in self.service.nodes().values()})

    def test_claims_and_deletes_at_once_leave_no_deadlock(self):
        self.service.add_nodes(60)
        old = [self.client.settled(a['uuid'])
               for a in self.client.allocate_all(
                   [{'resource_class': 'baremetal'}] * 60)]
        self.assertEqual({'active'}, {a['state'] for a in old})

        def act(allocation):
            # Every other one by way of its node.
            path = ('/v1/allocations/%(uuid)s'
                    if int(allocation['uuid'], 16) % 2 else
                    '/v1/nodes/%(node_uuid)s/allocation') % allocation
            return (self.client.delete(path).status_code,
                    self.client.post('/v1/allocations', {
                        'resource_class': 'baremetal'}).status_code)

        for allocation in old:
            allocation['uuid'] = allocation['uuid'].replace('-', '')
        self.assertEqual({(204, 201): 60},
                         collections.Counter(self.client.at_once(act, old)))
        new = self.client.all_settled()
        # Each request came after a node had been freed for it.
        self.assertEqual({'active': 60},
                         collections.Counter(a['state'] for a in new))

    def test_a_uuid_that_becomes_an_instance_fails_alone(self):
        nodes = self.service.add_nodes(3)
        taken = str(uuid.uuid4())
        self.service.add_node(resource_class='other', instance_uuid=taken)
        # What the API refuses may still come about a moment later.
        before, after = (seeds.add_allocations(self.service.engine)[0]
                         for _ in range(2))
        seeds.add_allocations(self.service.engine, uuid=taken)
        self.client.allocate(resource_class='baremetal')
        found = {a['uuid']: a for a in self.client.all_settled()}
        self.assertEqual(
            ('error', 'The UUID has become the instance UUID of another '
                      'node.'),
            (found[taken]['state'], found[taken]['last_error']))
        del found[taken]
        self.assertEqual({'active'}, {a['state'] for a in found.values()})
        self.assertEqual(set(nodes),
                         {a['node_uuid'] for a in found.values()})

    def test_an_old_version_with_a_bad_body_is_told_of_its_version(self):
        for version, body in (('1.51', b'{"nonsense": 1}'), ('1.51', b'{'),
                              ('1.1', b'')):
            headers = {'X-OpenStack-Ironic-API-Version': version,
                       'Content-Type': 'application/json'}
            answer = self.client.request(
                'POST', '/v1/allocations', data=body, headers=headers)
            self.assertEqual(405, answer.status_code)
            answer = self.client.get('/v1/allocations', headers=headers)
            self.assertEqual(404, answer.status_code)

    def test_a_node_whose_allocation_is_gone_can_be_allocated_again(self):
        """No cycle of foreign keys keeps either row from being deleted."""
        node = self.service.add_node()
        for _ in range(3):
            created = self.client.allocate(resource_class='baremetal')
            found = self.client.settled(created['uuid'])
            self.assertEqual(node, found['node_uuid'])
            path = '/v1/nodes/%s/allocation' % node
            self.assertEqual(204, self.client.delete(path).status_code)
            self.assertEqual(404, self.client.get(path).status_code)
        waiting.until(lambda: not self.client.allocations(), 5,
                      'all allocations are gone')

    def test_an_allocated_node_in_maintenance_gives_its_allocation_up(self):
        node = self.service.add_node()
        created = self.client.allocate(resource_class='baremetal')
        self.client.settled(created['uuid'])
        with self.service.engine.begin() as connection:
            seeds.set_node(connection, node, provision_state='active')
        path = '/v1/allocations/' + created['uuid']
        self.assertEqual(409, self.client.delete(path).status_code)
        with self.service.engine.begin() as connection:
            seeds.set_node(connection, node, maintenance=True)
        self.assertEqual(204, self.client.delete(path).status_code)
        self.assertIsNone(self.service.nodes()[node].instance_uuid)
