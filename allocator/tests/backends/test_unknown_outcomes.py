# SPDX-License-Identifier: Apache-2.0
"""What became of a request at a real Ironic is unknown: nothing is twice."""

import uuid as uuidlib

from allocator.tests.backends import fronting
from allocator.tests.functional import waiting


class UnknownTests(fronting.FrontTestCase):
    """Answers are lost, replaced or late."""

    # Whoever waits for a decision may not find it at once. What a late
    # request leaves that fails is found in full looks alone.
    options = {'request_timeout': 3, 'sweep_interval': 5}

    def posts(self):
        """List what Ironic has answered to each POST of an allocation."""
        return [status for method, path, status in self.proxy.requests
                if method == 'POST' and path == '/v1/allocations']

    def claimed(self, *statuses):
        """Claim a node, and check what Ironic was asked for.

        :param statuses: what it is to answer to the first requests
        """
        before = len(self.posts())
        node, = self.add_nodes()
        uuid = self.allocate()
        self.active(uuid, node)
        self.assertEqual(list(statuses), self.posts()[before:])
        self.assertEqual(1, self.writes(uuid)[0].attempt)
        self.assertEqual(204, self.release(uuid))
        self.check()

    def test_an_answer_lost_after_the_deed(self):
        self.proxy.cut_answer(**fronting.POST)
        self.claimed(201)

    def test_half_an_answer(self):
        self.proxy.cut_answer(part=0.8, **fronting.POST)
        self.claimed(201)

    def test_a_request_lost_before_the_deed(self):
        self.proxy.cut_request(**fronting.POST)
        self.claimed(None, 201)

    def test_500_after_the_deed(self):
        self.proxy.answer(500, is_passed=True, **fronting.POST)
        self.claimed(201)

    def test_500_before_the_deed(self):
        self.proxy.answer(500, **fronting.POST)
        self.claimed(None, 201)

    def test_questions_that_get_no_answer(self):
        self.proxy.cut_answer(**fronting.POST)
        self.proxy.answer(503, times=2, **fronting.ASK)
        self.claimed(201)

    def test_carried_out_after_the_same_was_asked_again(self):
        """The first request comes last, and is refused there."""
        stop = self.proxy.keep(**fronting.POST)
        before = len(self.posts())
        node, = self.add_nodes()
        uuid = self.allocate()
        stop.wait()
        self.active(uuid, node)
        stop.let_go()
        waiting.until(lambda: self.posts()[before:] == [409, 201],
                      fronting.KNOWN, 'the late one is answered')
        self.active(uuid, node)

    def test_carried_out_after_all_is_over(self):
        """What a late request leaves is found by its mark, and undone."""
        stop = self.proxy.keep(**fronting.POST)
        node, = self.add_nodes()
        uuid = self.allocate()
        stop.wait()
        self.active(uuid, node)
        self.assertEqual(204, self.release(uuid))
        stop.let_go()
        waiting.until(lambda: self.operator.allocation(uuid),
                      fronting.KNOWN, 'it is carried out')
        waiting.until(lambda: not self.operator.allocation(uuid),
                      fronting.KNOWN, 'it is undone')
        self.check()
        # The node is as good as before.
        self.active(self.allocate(), node)

    def test_another_node_once_patience_is_over(self):
        node, = self.add_nodes()
        stop = self.proxy.keep(times=None, **fronting.POST)
        uuid = self.allocate()
        stop.wait()
        own = self.service.add_node(resource_class=self.kind)
        found = self.client.settled(uuid, fronting.SETTLED)
        self.assertEqual(('active', own), (found['state'],
                                           found['node_uuid']))
        # Nobody else gets the node that nothing is known of.
        self.assertEqual(uuid, self.node(node).instance_uuid)
        self.assertEqual('error', self.settled()['state'])
        stop.let_go()
        self.check()
        self.assertIsNone(self.operator.allocation(uuid))
        waiting.until(lambda: self.operator.node(node)['instance_uuid']
                      is None, fronting.KNOWN, 'the node is free')
        self.active(self.allocate(), node)
        self.assertEqual(own, self.client.allocation(uuid)['node_uuid'])

    def test_a_release_while_the_claim_is_unknown(self):
        node, = self.add_nodes()
        stop = self.proxy.keep(times=None, **fronting.POST)
        uuid = self.allocate()
        stop.wait()
        self.assertEqual(204, self.release(uuid))
        self.assertEqual(uuid, self.node(node).instance_uuid)
        stop.let_go()
        self.check()
        self.assertIsNone(self.operator.allocation(uuid))
        self.active(self.allocate(), node)

    def released(self):
        node, = self.add_nodes()
        uuid = self.allocate()
        self.active(uuid, node)
        self.assertEqual(204, self.release(uuid))
        self.assertTrue(self.is_gone(uuid))
        self.check()
        self.assertIsNone(self.operator.allocation(uuid))
        self.active(self.allocate(), node)

    def test_a_release_whose_answer_is_lost(self):
        self.proxy.cut_answer(**fronting.DELETE)
        self.released()

    def test_a_release_that_is_answered_500(self):
        self.proxy.answer(500, times=2, **fronting.DELETE)
        self.released()

    def test_a_release_that_is_refused_without_anybody_waiting(self):
        """The node is deployed before Ironic hears of the release."""
        node, = self.add_nodes()
        uuid = self.allocate(name='kept-one', extra={'a': 1})
        self.active(uuid, node)
        stop = self.proxy.keep(times=None, **fronting.DELETE)
        self.assertEqual(204, self.release(uuid))
        self.operator.deploy(node)
        stop.let_go()
        waiting.until(lambda: not self.is_gone(uuid), fronting.SETTLED,
                      'the allocation is there again')
        self.active(uuid, node)
        self.assertEqual(('kept-one', {'a': 1}), tuple(
            self.client.allocation(uuid)[name] for name in (
                'name', 'extra')))
        self.operator.undeploy(node)
        waiting.until(lambda: self.is_gone(uuid), fronting.KNOWN,
                      'it has ended')
        self.check()

    def test_a_failed_one_whose_removal_is_late(self):
        """No request of an earlier attempt hits a later one."""
        first, second = self.add_nodes(2)
        self.ironic.database.change_rows(
            'nodes', {'uuid': first}, maintenance=True)
        stop = self.proxy.keep(**fronting.DELETE)
        uuid = self.allocate(candidate_nodes=[first, second])
        stop.wait()
        self.active(uuid, second)
        stop.let_go()
        waiting.until(lambda: all(
            status for method, path, status in self.proxy.requests
            if method == 'DELETE'), fronting.KNOWN, 'it is answered')
        self.active(uuid, second)
        self.ironic.database.change_rows(
            'nodes', {'uuid': first}, maintenance=False)

    def test_a_uuid_that_is_free_here_and_not_yet_there(self):
        """The same UUID again is refused until it is certain."""
        node, = self.add_nodes()
        uuid = str(uuidlib.uuid4())
        stop = self.proxy.keep(times=None, **fronting.POST)
        self.allocate(uuid=uuid)
        stop.wait()
        self.assertEqual(204, self.release(uuid))
        again = self.client.post('/v1/allocations', {
            'resource_class': self.kind, 'uuid': uuid})
        self.assertEqual(409, again.status_code)
        stop.let_go()
        self.check()
        self.allocate(uuid=uuid)
        self.active(uuid, node)

    def test_a_silent_backend_is_left_alone_and_comes_back(self):
        nodes = self.add_nodes(5)
        self.proxy.answer(503, times=None, method='POST', path='/v1/alloc')
        first = [self.allocate() for _ in range(3)]
        waiting.until(lambda: self.backend()['status'] == 'silent',
                      fronting.KNOWN, 'it is silent')
        # The conductors ask that twice a second.
        self.look()
        late = self.settled()
        self.assertEqual('error', late['state'])
        self.assertIn('of a backend that does not hand out nodes now',
                      late['last_error'])
        self.proxy.heal()
        found = [self.client.settled(uuid, fronting.SETTLED)
                 for uuid in first]
        self.assertEqual({'active'}, {one['state'] for one in found})
        self.assertEqual(3, len({one['node_uuid'] for one in found}))
        self.assertLessEqual({one['node_uuid'] for one in found}, set(nodes))
        waiting.until(lambda: self.backend()['status'] == 'up',
                      fronting.KNOWN, 'it is up')
        self.check()

    def backend(self):
        return self.client.get('/allocator/v1/backends/east').json()
