# SPDX-License-Identifier: Apache-2.0
"""Serving where a transaction, a node or somebody who waits is broken."""

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.conductor import alone
from allocator.conductor import expiry
from allocator.db import allocations
from allocator.db import claims
from allocator.db import failures
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.unit.conductor import breaking

_allocation = models.Allocation.__table__
_node = models.Node.__table__
_waiter = models.Waiter.__table__


def add_nodes(count, **columns):
    return [fixtures.add_node(**columns) for _ in range(count)]


def write_badly(table, column, value, **where):
    """Put what cannot be read into a column."""
    with session.writer() as connection:
        connection.execute(sa.update(table).where(
            *[table.c[name] == found for name, found in where.items()])
            .values({column: sa.literal(value, sa.Text)}))


def waiters():
    with session.reader() as connection:
        return connection.execute(sa.select(
            _waiter.c.allocation_id)).scalars().all()


class BrokenWaiterTests(breaking.BreakingTestCase):

    def nodes_of(self, uuids):
        return [allocations.get(uuid).node_uuid for uuid in uuids]

    def serve_until(self, uuid, state):
        for _ in range(alone.TRIES + 1):
            self.serving._avoided._waiters.clear()
            self.serving.ring()
            self.serving.walk()
            if allocations.get(uuid).state == state:
                return
        self.fail('%s is not %s' % (uuid, state))

    def test_what_is_too_large_for_the_database_is_halved(self):
        uuids = self.wait(16)
        add_nodes(16)
        sizes = self.break_writes(lambda made: len(made) > 4)
        self.serving.walk()
        self.assertEqual(['active'] * 16, self.states(uuids))
        self.assertEqual([16, 8, 4, 5, 2, 3, 4, 3], sizes)

    def test_after_one_that_is_broken_many_are_served_at_once_again(self):
        self.configuration.set('sweep_interval', 600, group='conductor')
        broken, *fine = self.wait(40)
        add_nodes(42)
        sizes = self.break_writes(lambda made: any(
            claim.allocation.uuid == broken for claim in made))
        self.serving.walk()
        self.assertEqual(['active'] * 39, self.states(fine))
        self.assertGreaterEqual(max(sizes[-3:]), 7, sizes)

    def test_node_that_the_database_refuses_is_left_out(self):
        uuids = self.wait(3)
        bad, *_others = add_nodes(4)
        self.break_writes(lambda made: any(
            claim.node.id == bad.id for claim in made))
        self.serving.walk()
        self.assertEqual(['active'] * 3, self.states(uuids))
        self.assertNotIn(bad.uuid, self.nodes_of(uuids))
        self.assertIn('Node %s cannot be claimed' % bad.uuid,
                      self.log.output)
        self.assertEqual({bad.id}, self.loop._batches.left_out())

    def test_the_only_free_node_is_at_fault_if_nobody_can_have_it(self):
        """Everybody it suited failed for it, one after the other."""
        uuids = self.wait(3)
        [bad] = add_nodes(1)
        self.break_writes(lambda made: any(
            claim.node.id == bad.id for claim in made))
        for _ in range(alone.TRIES + 1):
            self.serving.ring()
            self.serving.walk()
        self.assertEqual(['waiting'] * 3, self.states(uuids))
        self.assertIn('Node %s cannot be claimed' % bad.uuid,
                      self.log.output)
        self.assertEqual({bad.id}, self.loop._batches.left_out())
        # Nobody has lost its turn.
        [good] = add_nodes(1)
        self.serving.ring()
        self.serving.walk()
        self.assertEqual([good.uuid, None, None], self.nodes_of(uuids))

    def test_who_alone_cannot_have_the_only_node_is_at_fault(self):
        broken, fine = self.wait(2)
        [node] = add_nodes(1)
        self.break_writes(lambda made: any(
            claim.allocation.uuid == broken for claim in made))
        self.serving.walk()
        self.assertEqual(node.uuid, self.nodes_of([fine])[0])
        self.assertEqual('waiting', allocations.get(broken).state)

    def test_who_spoils_every_claim_fails_and_delays_nobody(self):
        self.configuration.set('sweep_interval', 600, group='conductor')
        broken, *others = self.wait(4)
        add_nodes(6)
        self.break_writes(lambda made: any(
            claim.allocation.uuid == broken for claim in made))
        self.serving.walk()
        self.assertEqual(['active'] * 3, self.states(others))
        self.assertEqual('waiting', allocations.get(broken).state)
        self.serve_until(broken, 'error')
        self.assertEqual(
            alone.UNPROCESSABLE % {'tries': alone.TRIES,
                                   'error': 'DBConnectionError'},
            allocations.get(broken).last_error)
        self.assertEqual([], waiters())
        self.assertEqual(set(), self.loop._batches.left_out())

    def test_a_new_request_gets_past_who_spoils_every_claim(self):
        self.configuration.set('sweep_interval', 600, group='conductor')
        [broken] = self.wait()
        add_nodes(2)
        self.break_writes(lambda made: any(
            claim.allocation.uuid == broken for claim in made))
        [new] = self.create()
        self.loop.walk()
        # It is not to blame.
        self.assertEqual('allocating', allocations.get(new).state)
        self.serving.walk()
        self.walk_until(new, 'active')

    def test_who_cannot_be_read_fails_and_delays_nobody(self):
        self.configuration.set('sweep_interval', 600, group='conductor')
        for number, (column, value) in enumerate((
                ('traits', 'no JSON'), ('traits', '5'), ('traits', 'null'),
                ('constraints', '[1]'), ('constraints', '[' * 100000),
                ('constraints', '{"properties": {"a": {"~": 1}}}'))):
            self.check_unreadable(column, value, {
                'resource_class': 'class-%d' % number})

    def check_unreadable(self, column, value, kind):
        broken, fine = self.wait(2, **kind)
        [other] = self.wait(traits=['CUSTOM_A'], **kind)
        write_badly(_allocation, column, value, uuid=broken)
        [new] = self.create(**kind)
        self.loop.walk()
        add_nodes(2, **kind)
        fixtures.add_node(['CUSTOM_A'], **kind)
        self.serving.ring()
        self.serving.walk()
        self.assertEqual(['active'] * 2, self.states([fine, other]))
        for _ in range(alone.TRIES):
            self.serving._avoided._waiters.clear()
            self.serving.ring()
            self.serving.walk()
        self.assertEqual('error', self.state(broken), value)
        self.assertEqual([], waiters())
        self.assertEqual('error', self.state(new))
        self.assertIn('No suitable node', allocations.get(new).last_error)

    def state(self, uuid):
        """Read a state, whatever cannot be read beside it."""
        with session.reader() as connection:
            return connection.execute(sa.select(_allocation.c.state).where(
                _allocation.c.uuid == uuid)).scalar()

    def test_who_cannot_be_read_does_not_keep_others_from_their_end(self):
        broken, fine = self.wait(2)
        write_badly(_allocation, 'traits', 'no JSON', uuid=broken)
        with session.writer() as connection:
            connection.execute(sa.update(_waiter).values(
                deadline=_waiter.c.created_at))
        expiry.Expiry().walk()
        self.assertEqual(['error'] * 2, [self.state(broken),
                                         self.state(fine)])
        self.assertEqual([], waiters())

    def test_a_new_request_whose_turn_did_not_come_is_looked_at_again(self):
        """The transaction for it was about somebody who waits."""
        taken, = self.wait()
        fixtures.add_node(instance_uuid=taken)
        add_nodes(2)
        [new] = self.create()
        self.loop.walk()
        self.assertEqual('error', self.state(taken))
        self.assertIn(allocations.get(new).id, self.loop._patience._entries)
        self.walk_until(new, 'active')

    def test_node_that_cannot_be_claimed_is_left_out_and_logged(self):
        [uuid] = self.wait()
        bad = fixtures.add_node()
        write_badly(_node, 'instance_info', '[1]', id=bad.id)
        self.serving.walk()
        self.assertEqual('waiting', allocations.get(uuid).state)
        self.assertIn('Node %s cannot be claimed' % bad.uuid,
                      self.log.output)
        self.assertEqual({bad.id}, self.loop._batches.left_out())
        [good] = add_nodes(1)
        self.serving.ring()
        self.serving.walk()
        self.assertEqual([good.uuid], self.nodes_of([uuid]))

    def test_who_has_a_nodes_instance_as_uuid_fails_at_once(self):
        first, second = self.wait(2)
        fixtures.add_node(instance_uuid=first)
        [free] = add_nodes(1)
        self.serving.walk()
        self.assertEqual(['error', 'active'], self.states([first, second]))
        self.assertEqual(failures.UUID_TAKEN,
                         allocations.get(first).last_error)
        self.assertEqual([free.uuid], self.nodes_of([second]))

    def test_no_class_is_forgotten_while_the_database_is_away(self):
        uuids = self.wait() + self.wait(resource_class='other')
        add_nodes(1)
        add_nodes(1, resource_class='other')
        real = claims.probe

        def probe():
            raise db_exc.DBConnectionError('away')

        self.patch(claims, 'probe', probe)
        is_away = [True]
        self.break_writes(lambda made: is_away[0])
        self.assertRaises(db_exc.DBConnectionError, self.serving.walk)
        self.patch(claims, 'probe', real)
        is_away[0] = False
        self.serving._sweep_at = float('inf')
        for name in self.serving._due:
            self.serving._due[name] = 0
        self.serving.walk()
        self.assertEqual(['active'] * 2, self.states(uuids))
