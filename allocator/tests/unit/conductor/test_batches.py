# SPDX-License-Identifier: Apache-2.0
"""Batches of which a part, or a node, is broken."""

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.conductor import alone
from allocator.conductor import avoided
from allocator.db import allocations
from allocator.db import claims
from allocator.db import models
from allocator.db import releases
from allocator.db import session
from allocator.tests import fixtures as service_fixtures
from allocator.tests.unit.conductor import breaking

_allocation = models.Allocation.__table__
_node = models.Node.__table__


class BrokenBatchTests(breaking.BreakingTestCase):

    def test_batch_too_large_for_the_database_is_halved(self):
        """It was tried as a whole for ever, and kept every other waiting."""
        for _ in range(16):
            service_fixtures.add_node()
        uuids = self.create(16)
        sizes = self.break_writes(lambda made: len(made) > 4)
        self.loop.walk()
        self.assertEqual(['active'] * 16, self.states(uuids))
        self.assertEqual([16, 8, 4, 4, 8, 4, 4], sizes)

    def test_row_that_fails_alone_fails_with_a_reason(self):
        for _ in range(20):
            service_fixtures.add_node()
        uuids = self.create(16)
        broken = uuids[5]
        self.break_writes(lambda made: any(
            claim.allocation.uuid == broken for claim in made))
        self.loop.walk()
        self.assertEqual(['active'] * 15, self.states(
            uuid for uuid in uuids if uuid != broken))
        self.assertEqual('allocating', allocations.get(broken).state)
        self.walk_until(broken, 'error')
        self.assertEqual(
            alone.UNPROCESSABLE % {'tries': alone.TRIES,
                                     'error': 'DBConnectionError'},
            allocations.get(broken).last_error)
        self.assertIn('Allocation %s failed' % broken, self.log.output)
        self.assertEqual(0, len(self.loop._patience))
        # No node was at fault.
        self.assertEqual(set(), self.loop._batches.left_out())

    def test_row_that_fails_alone_delays_nobody_meanwhile(self):
        # Nothing that failed is due again within this test.
        self.configuration.set('sweep_interval', 600, group='conductor')
        for _ in range(4):
            service_fixtures.add_node()
        [broken] = self.create()
        sizes = self.break_writes(lambda made: any(
            claim.allocation.uuid == broken for claim in made))
        self.loop.walk()
        others = self.create(2)
        del sizes[:]
        self.loop.walk()
        self.assertEqual(['active'] * 2, self.states(others))
        self.assertEqual([2], sizes)

    def test_row_that_failed_alone_and_was_deleted_is_forgotten(self):
        service_fixtures.add_node()
        [broken] = self.create()
        self.break_writes(lambda made: True)
        self.loop.walk()
        self.assertEqual(1, len(self.loop._patience))
        releases.delete_allocation(broken)
        for _ in range(3):
            for entry in self.loop._patience._entries.values():
                entry.due = 0
            self.loop.walk()
        self.assertEqual(0, len(self.loop._patience))

    def test_row_that_cannot_be_read_fails(self):
        [uuid] = self.create()
        with session.writer() as connection:
            connection.execute(
                sa.update(_allocation).where(_allocation.c.uuid == uuid)
                .values(traits=sa.literal('no JSON', sa.Text)))
        for _ in range(alone.TRIES):
            for entry in self.loop._patience._entries.values():
                entry.due = 0
            self.loop.walk()
        with session.reader() as connection:
            found = connection.execute(
                sa.select(_allocation.c.state, _allocation.c.last_error)
                .where(_allocation.c.uuid == uuid)).one()
        self.assertEqual('error', found.state)
        self.assertIn('could not be processed', found.last_error)
        self.assertIn('Allocation %s has failed' % uuid, self.log.output)

    def test_nothing_fails_while_the_database_is_away(self):
        service_fixtures.add_node()
        [uuid] = self.create()
        self.break_writes(lambda made: True)

        def probe():
            raise db_exc.DBConnectionError('away')

        self.patch(claims, 'probe', probe)
        for _ in range(2 * alone.TRIES):
            self.assertRaises(db_exc.DBConnectionError, self.loop.walk)
        self.assertEqual('allocating', allocations.get(uuid).state)
        self.assertEqual(0, len(self.loop._patience))

    def test_duplicate_in_the_last_chance_does_not_end_the_walk(self):
        """claim_or_fail raised DuplicateEntry."""
        [taken] = self.create()
        [other] = self.create(resource_class='other')
        real = claims.claim_or_fail

        def claim_or_fail(*args, **options):
            # Freed after the census; and the UUID is somebody's instance.
            if not nodes:
                nodes.append(service_fixtures.add_node())
                service_fixtures.add_node(instance_uuid=taken)
            return real(*args, **options)

        nodes = []
        self.patch(claims, 'claim_or_fail', claim_or_fail)
        self.loop.walk()
        self.assertEqual(['error', 'error'], self.states([taken, other]))
        self.assertIn('instance UUID', allocations.get(taken).last_error)
        self.assertIn('No suitable node', allocations.get(other).last_error)


class BrokenNodeTests(breaking.BreakingTestCase):

    def add_nodes(self, **broken):
        """Add a broken node, which is found first, and one that is not."""
        first = service_fixtures.add_node()
        second = service_fixtures.add_node()
        service_fixtures.change_node(first.uuid, **broken)
        return first, second

    def check(self, first, second, reason):
        uuids = self.create(2)
        self.loop.walk()
        self.loop.walk()
        self.assertEqual(second.uuid, allocations.get(uuids[0]).node_uuid)
        self.assertEqual('error', allocations.get(uuids[1]).state)
        self.assertIn('suitable nodes exist, but they cannot be claimed.',
                      allocations.get(uuids[1]).last_error)
        self.assertIn('Node %s cannot be claimed and is left out: %s'
                      % (first.uuid, reason), self.log.output)

    def test_instance_info_that_is_no_object(self):
        """Allocations stayed pending although other nodes were free."""
        for value in ([], 'text', 7, sa.literal('null', sa.Text)):
            self.check(*self.add_nodes(instance_info=value),
                       'its instance_info is no JSON object')

    def test_instance_info_that_is_no_json(self):
        self.check(*self.add_nodes(
            instance_info=sa.literal('{broken', sa.Text)),
            'its instance_info is no JSON object')

    def test_node_that_a_stale_allocation_holds(self):
        """It was said that the UUID is taken."""
        first, second = self.add_nodes(description='fine')
        stale = self.hold(first)
        self.check(first, second, 'allocation %s, which is not its own, '
                                  'holds it' % stale)

    def hold(self, node):
        [stale] = self.create(resource_class='stale')
        with session.writer() as connection:
            connection.execute(
                sa.update(_allocation).where(_allocation.c.uuid == stale)
                .values(state='error', node_id=node.id))
        return stale

    def test_candidate_that_cannot_be_claimed_is_passed_over(self):
        first, second = self.add_nodes(instance_info=[])
        uuid = allocations.new_uuid()
        allocations.create(breaking.PENDING | {'uuid': uuid},
                           [first.uuid, second.uuid])
        self.loop.walk()
        self.assertEqual(second.uuid, allocations.get(uuid).node_uuid)

    def test_namesake_that_cannot_be_claimed_is_passed_over(self):
        _first, second = self.add_nodes(instance_info=[], name='mine')
        [uuid] = self.create(name='mine')
        self.loop.walk()
        self.assertEqual(second.uuid, allocations.get(uuid).node_uuid)

    def test_node_that_the_database_refuses_is_left_out(self):
        first, _second = self.add_nodes(description='fine')
        self.break_writes(lambda made: any(
            claim.node.uuid == first.uuid for claim in made))
        [uuid] = self.create()
        self.loop.walk()
        self.assertEqual('active', allocations.get(uuid).state)
        self.assertEqual({first.id}, self.loop._batches.left_out())
        self.assertIn('Node %s cannot be claimed' % first.uuid,
                      self.log.output)

    def test_node_that_was_repaired_is_claimed_at_once(self):
        first, _second = self.add_nodes(instance_info=[])
        [uuid] = self.create()
        self.loop.walk()
        service_fixtures.change_node(first.uuid, instance_info={})
        [other] = self.create()
        self.loop.walk()
        self.assertEqual(['active', 'active'], self.states([uuid, other]))
        self.assertEqual(set(), self.loop._batches.left_out())

    def test_node_left_out_is_tried_again(self):
        self.patch(avoided, 'LEFT_OUT', 0)
        self.add_nodes(instance_info=[])
        [uuid] = self.create()
        self.loop.walk()
        self.assertEqual('active', allocations.get(uuid).state)
        self.assertEqual(set(), self.loop._batches.left_out())
