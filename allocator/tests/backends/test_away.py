# SPDX-License-Identifier: Apache-2.0
"""The conductor of a real Ironic is stopped, killed, paused or overloaded."""

from allocator.tests.backends import fronting
from allocator.tests.functional import waiting


class AwayTests(fronting.FrontTestCase):

    arguments = {
        'separate': True,
        'options': {'DEFAULT': {'rpc_response_timeout': 3},
                    'conductor': {'heartbeat_interval': 1,
                                  'heartbeat_timeout': 10,
                                  'node_locked_retry_attempts': 1}}}
    options = {'request_timeout': 6}

    def wait_unknown(self, uuid):
        """Wait until a request for an allocation has got no answer."""
        return waiting.until(
            lambda: [write for write in self.writes(uuid)
                     if write.last_error and write.sent_at],
            fronting.SETTLED, 'the outcome is unknown')

    def wait_elsewhere(self, uuid):
        """Have an allocation go to a node of this service itself."""
        own = self.service.add_node(resource_class=self.kind)
        found = self.client.settled(uuid, fronting.SETTLED)
        self.assertEqual(('active', own), (found['state'],
                                           found['node_uuid']))

    def wait_free(self, uuid, node):
        """Wait until nothing of an allocation is left, then use the node."""
        waiting.until(lambda: not self.writes_open(uuid),
                      fronting.SETTLED, 'nothing is open')
        self.check()
        self.assertIsNone(self.operator.allocation(uuid))
        self.active(self.allocate(), node)

    def writes_open(self, uuid):
        return [write for write in self.writes(uuid)
                if write.finished_at is None]

    def start_again(self):
        self.ironic.start()
        self.look()

    def test_stopped_and_started(self):
        node, = self.add_nodes()
        self.ironic.conductor.stop()
        self.addCleanup(self.ironic.start)
        uuid = self.allocate()
        write, = self.wait_unknown(uuid)
        self.assertIn('503', write.last_error)
        self.start_again()
        self.active(uuid, node)

    def test_killed(self):
        """What was to be released while it was away is released after."""
        nodes = self.add_nodes(2)
        held = self.settled()['uuid']
        self.ironic.kill(self.ironic.conductor)
        self.addCleanup(self.ironic.start)
        uuid = self.allocate()
        self.wait_unknown(uuid)
        self.wait_elsewhere(uuid)
        self.assertEqual(204, self.release(held))
        self.start_again()
        self.check()
        self.assertEqual({}, {uuid_: found for uuid_, found
                              in self.operator.allocations().items()
                              if uuid_ in (uuid, held)})
        found = [self.settled()['node_uuid'] for _ in nodes]
        self.assertEqual(set(nodes), set(found))

    def test_paused_for_longer_than_our_patience(self):
        node, = self.add_nodes()
        self.ironic.pause(self.ironic.conductor)
        self.addCleanup(self.ironic.wake, self.ironic.conductor)
        uuid = self.allocate()
        self.wait_unknown(uuid)
        self.wait_elsewhere(uuid)
        # It may be carried out yet: nobody is given its node.
        self.assertEqual(uuid, self.node(node).instance_uuid)
        self.ironic.wake(self.ironic.conductor)
        self.wait_free(uuid, node)

    def test_paused_with_nothing_else_to_give(self):
        node, = self.add_nodes()
        self.ironic.pause(self.ironic.conductor)
        self.addCleanup(self.ironic.wake, self.ironic.conductor)
        uuid = self.allocate()
        begun = self.wait_unknown(uuid)[0].sent_at
        waiting.until(lambda: self.writes(uuid)[0].tries > 2,
                      fronting.SETTLED, 'it is tried again')
        self.assertEqual('allocating', self.client.allocation(uuid)['state'])
        self.assertEqual(begun, self.writes(uuid)[0].sent_at)
        self.ironic.wake(self.ironic.conductor)
        self.active(uuid, node)
        self.assertEqual(1, self.writes(uuid)[0].attempt)

    def test_paused_during_a_release(self):
        node, = self.add_nodes()
        uuid = self.settled()['uuid']
        self.ironic.pause(self.ironic.conductor)
        self.addCleanup(self.ironic.wake, self.ironic.conductor)
        self.assertEqual(204, self.release(uuid))
        self.assertEqual(uuid, self.node(node).instance_uuid)
        self.ironic.wake(self.ironic.conductor)
        self.wait_free(uuid, node)


class FullTests(fronting.FrontTestCase):
    """It has no worker left for an allocation that it has written down.

    What it answers then is 503, and what it has written stays undecided.
    """

    arguments = {'options': {'conductor': {
        'workers_pool_size': 8, 'periodic_max_workers': 1,
        'sync_power_state_workers': 1, 'node_locked_retry_interval': 3}}}
    options = {'request_timeout': 4}

    def fill(self):
        """Give Ironic more to do than it has workers."""
        locked = self.add_nodes(16, resource_class='locked')
        for node in locked:
            self.lock(node, 'somebody')
            made = self.operator.request('POST', '/v1/allocations', {
                'resource_class': 'locked', 'candidate_nodes': [node]})
            if made.status_code == 503:
                return
        self.fail('Ironic took everything')

    def lock(self, node, by):
        self.ironic.database.change_rows('nodes', {'uuid': node},
                                         reservation=by)

    def start_again(self):
        """End what has wedged Ironic."""
        self.ironic.kill(self.ironic.conductor)
        with self.ironic.database.engine.begin() as connection:
            connection.exec_driver_sql(
                "DELETE FROM allocations WHERE resource_class = 'locked'")
        self.ironic.start()

    def test_503_that_leaves_a_row(self):
        nodes = self.add_nodes(2)
        self.fill()
        uuids = [self.allocate() for _ in nodes]
        waiting.until(
            lambda: self.proxy.requests.count(
                ('POST', '/v1/allocations', 503)) >= 2,
            fronting.KNOWN, 'both are answered 503')
        # It goes, and is made again, as often as it is tried.
        waiting.until(
            lambda: 'allocating' in [found['state'] for found in map(
                self.operator.allocation, uuids) if found],
            fronting.KNOWN, 'one has left its row')
        kept, released = uuids
        self.assertEqual(204, self.release(released))
        # What is not decided in time is not waited for.
        waiting.until(lambda: any(
            (method, status) == ('DELETE', 204) and kept in path
            for method, path, status in self.proxy.requests),
            fronting.KNOWN, 'it is removed before the next try')
        self.start_again()
        found = self.client.settled(kept, fronting.SETTLED)
        self.active(kept, found['node_uuid'])
        self.assertEqual(1, self.writes(kept)[0].attempt)
        self.assertIsNone(self.operator.allocation(released))
        self.assertIn(self.settled()['node_uuid'], nodes)
