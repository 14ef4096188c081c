# SPDX-License-Identifier: Apache-2.0
"""A node is not what it was at the last look: its Ironic refuses it."""

import uuid as uuidlib

from allocator.tests.backends import fronting
from allocator.tests.functional import waiting


class RefusalTests(fronting.FrontTestCase):

    # At once, not after three tries a second apart.
    arguments = {'options': {'conductor': {'node_locked_retry_attempts': 1}}}

    # No look but those that somebody waits for.
    options = {'poll_interval': 600}

    def goes_on(self, change):
        """Have the first of two candidates be another than it was.

        :param change: function that is given its UUID
        :returns: its UUID
        """
        first, second = self.add_nodes(2)
        change(first)
        found = self.settled(candidate_nodes=[first, second])
        self.assertEqual(('active', second), (found['state'],
                                              found['node_uuid']))
        write, = self.writes(found['uuid'])
        # More than two when a second passes before the next is chosen.
        self.assertGreater(write.attempt, 1)
        self.check()
        return first

    def fails(self, node, said):
        """Request a node that is refused.

        :param said: what the error says
        :returns: the row of what was wanted at the backend, if anything was
        """
        found = self.settled(candidate_nodes=[node])
        self.assertEqual('error', found['state'])
        for words in said:
            self.assertIn(words, found['last_error'])
        self.check()
        return next(iter(self.writes(found['uuid'])), None)

    def lock(self, uuid, by='somebody'):
        self.ironic.database.change_rows('nodes', {'uuid': uuid},
                                         reservation=by)

    def test_a_locked_node_is_passed_over(self):
        first = self.goes_on(self.lock)
        self.assertIsNotNone(self.node(first).avoided_until)

    def test_a_locked_node_is_left_alone_for_longer_and_longer(self):
        node, = self.add_nodes()
        self.lock(node)
        refusals = 0
        while refusals < 3:
            waiting.until(self.is_not_avoided(node), fronting.KNOWN,
                          'it is tried again')
            write = self.fails(node, ['1 just refused by their backend',
                                      'east', 'could not reserve'])
            row = self.node(node)
            # More than one more when it is slow to fail.
            self.assertGreater(row.refusals, refusals)
            refusals = row.refusals
            self.assertAlmostEqual(
                2 ** (refusals - 1),
                (row.avoided_until - write.finished_at).total_seconds(),
                delta=0.5)
        self.lock(node, None)
        waiting.until(self.is_not_avoided(node), fronting.KNOWN,
                      'it is tried again')
        self.active(self.allocate(), node)
        self.assertEqual((0, None), (self.node(node).refusals,
                                     self.node(node).avoided_until))

    def is_not_avoided(self, node):
        """Make the condition that a node may be claimed."""
        def found():
            with self.service.engine.connect() as connection:
                return connection.exec_driver_sql(
                    'SELECT 1 FROM nodes WHERE uuid = %s AND (avoided_until '
                    'IS NULL OR avoided_until <= UTC_TIMESTAMP(6))',
                    (node,)).first()
        return found

    def test_in_maintenance_since(self):
        first = self.goes_on(self.operator.set_maintenance)
        self.fails(first, ['1 in maintenance'])

    def test_of_another_class_since(self):
        first = self.goes_on(lambda uuid: self.operator.change(
            uuid, resource_class='another'))
        self.assertEqual('another', self.node(first).resource_class)

    def test_made_manageable_since(self):
        first = self.goes_on(
            lambda uuid: self.operator.provision(uuid, 'manage'))
        self.fails(first, ['1 not available'])

    def test_deleted_since(self):
        first = self.goes_on(self.operator.delete_node)
        # At once: no full look is due for ten minutes.
        self.assertNotIn(first, self.service.nodes())

    def test_taken_since(self):
        made = {}

        def take(uuid):
            made.update(self.operator.allocate(
                self.kind, candidate_nodes=[uuid], extra={'their': 'own'}))

        first = self.goes_on(take)
        self.fails(first, ['2 allocated'])
        # The other claimant's allocation is known here by now.
        found = self.client.allocation(made['uuid'])
        self.assertEqual(('active', first, {'their': 'own'}), tuple(
            found[name] for name in ('state', 'node_uuid', 'extra')))

    def test_an_instance_without_an_allocation_since(self):
        instance = str(uuidlib.uuid4())
        first = self.goes_on(lambda uuid: self.operator.change(
            uuid, instance_uuid=instance))
        self.assertEqual((instance, None), (self.node(first).instance_uuid,
                                            self.node(first).allocation_id))
        self.operator.change(first, instance_uuid=None)

    def test_taken_while_the_claim_was_under_way(self):
        """The look that saw it came too early to count."""
        node, = self.add_nodes()
        stop = self.proxy.keep(**fronting.POST)
        uuid = self.allocate()
        stop.wait()
        made = self.operator.allocate(self.kind, candidate_nodes=[node])
        looks = self.looks()
        self.look()
        self.assertGreater(self.looks(), looks)
        stop.let_go()
        self.assertEqual('error', self.client.settled(uuid)['state'])
        self.check()
        self.assertEqual(node, self.client.allocation(made['uuid'])[
            'node_uuid'])

    def looks(self):
        return sum('/v1/nodes/detail' in path
                   for _method, path, status in self.proxy.requests if status)

    def test_a_uuid_that_is_taken_there_fails(self):
        node, other = self.add_nodes(2)
        uuid = str(uuidlib.uuid4())
        self.ironic.database.change_rows('nodes', {'uuid': other},
                                         resource_class='other')
        stop = self.proxy.keep(**fronting.POST)
        self.allocate(uuid=uuid, candidate_nodes=[node])
        stop.wait()
        self.operator.allocate('other', uuid=uuid)
        stop.let_go()
        found = self.client.settled(uuid)
        self.assertEqual('error', found['state'])
        self.assertIn('taken at backend east', found['last_error'])
        self.assertEqual('active', self.operator.allocation(uuid)['state'])
        self.client.delete('/v1/allocations/' + uuid)
        self.assertEqual('active', self.operator.allocation(uuid)['state'])
        self.operator.release(uuid)
