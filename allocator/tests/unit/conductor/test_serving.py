# SPDX-License-Identifier: Apache-2.0
"""Serving: the order of those that wait, and that no node stays idle."""

import hypothesis
from hypothesis import strategies as st
import sqlalchemy as sa

from allocator.common import states
from allocator.conductor import serving as serving_loop
from allocator.db import allocations
from allocator.db import claims
from allocator.db import class_queue
from allocator.db import models
from allocator.db import serving
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests import statements
from allocator.tests.unit.conductor import queueing

TRAITS = ('CUSTOM_A', 'CUSTOM_B')


class OrderTests(queueing.ServingTestCase):

    def test_priority_then_age(self):
        late, first, second, best = (
            self.wait(priority=-1), self.wait(), self.wait(),
            self.wait(priority=5))
        for uuid in (best, first, second, late):
            node = fixtures.add_node()
            self.serve()
            self.assertEqual(node.uuid, self.node_of(uuid))

    def test_who_asks_for_something_rare_is_not_in_the_way(self):
        rare, plain = self.wait(traits=['CUSTOM_A']), self.wait()
        fixtures.add_node()
        self.serve()
        self.assertEqual((None, True), (
            self.node_of(rare), self.node_of(plain) is not None))

    def test_the_older_one_gets_a_node_that_suits_both(self):
        plain, rare = self.wait(), self.wait(traits=['CUSTOM_A'])
        node = fixtures.add_node(['CUSTOM_A'])
        self.serve()
        self.assertEqual(node.uuid, self.node_of(plain))
        node = fixtures.add_node(['CUSTOM_A'])
        self.serve()
        self.assertEqual(node.uuid, self.node_of(rare))

    def test_a_new_request_does_not_overtake(self):
        """Nor does the conductor's first look at it."""
        [node] = self.free_later()
        waits = self.wait()
        self.release(node)
        new = self.wait(0)
        self.api.match()
        self.assertEqual((node.uuid, 'error'), (
            self.node_of(waits), allocations.get(new).state))

    def test_a_new_request_gets_what_suits_nobody_before_it(self):
        self.wait(traits=['CUSTOM_A'])
        node = fixtures.add_node()
        new = self.wait(0)
        self.api.match()
        self.assertEqual(node.uuid, self.node_of(new))

    def test_a_new_request_of_a_higher_priority_goes_first(self):
        [node] = self.free_later()
        waits = self.wait()
        self.release(node)
        new = self.wait(0, priority=1)
        self.api.match()
        self.assertEqual((None, node.uuid), (self.node_of(waits),
                                             self.node_of(new)))

    def test_another_class_does_not_wait(self):
        self.wait()
        node = fixtures.add_node(resource_class='other')
        new = self.wait(0, resource_class='other')
        self.api.match()
        self.assertEqual(node.uuid, self.node_of(new))

    def test_a_candidate_goes_to_who_names_it(self):
        [node] = self.free_later()
        rich, poor = (self.wait(candidates=[node.uuid]), self.wait())
        other = fixtures.add_node()
        self.serve()
        self.assertEqual((None, other.uuid), (self.node_of(rich),
                                              self.node_of(poor)))
        self.release(node)
        self.serve()
        self.assertEqual(node.uuid, self.node_of(rich))

    def test_who_names_a_node_that_does_not_suit_is_not_in_the_way(self):
        """However many they are."""
        self.patch_ahead(2)
        [node] = self.free_later()
        for _ in range(5):
            self.wait(candidates=[node.uuid], traits=['CUSTOM_A'])
        fine = self.wait(candidates=[node.uuid])
        self.release(node)
        self.serve()
        self.assertEqual(node.uuid, self.node_of(fine))

    def exclude(self, *uuids):
        return {'constraints': {'excluded_nodes': list(uuids)}}

    def test_who_leaves_a_node_out_hides_nobody_behind(self):
        """However many do, and whatever else each of them leaves out."""
        self.patch_ahead(2)
        node, *others = self.free_later(10)
        for other in others:
            self.wait(**self.exclude(node.uuid, other.uuid))
        fine, late = self.wait(), self.wait()
        self.release(node)
        self.serve()
        self.assertEqual((node.uuid, None), (self.node_of(fine),
                                             self.node_of(late)))

    def test_each_gets_a_node_that_it_does_not_leave_out(self):
        self.patch_ahead(2)
        first, second, third = self.free_later(3)
        picky = self.wait(**self.exclude(first.uuid, second.uuid))
        hopeless = self.wait(**self.exclude(first.uuid, second.uuid,
                                            third.uuid))
        other = self.wait(**self.exclude(second.uuid))
        plain = self.wait()
        self.release(first, second, third)
        self.serve()
        self.assertEqual(
            [third.uuid, None, first.uuid, second.uuid],
            [self.node_of(uuid) for uuid in (picky, hopeless, other, plain)])

    def test_who_leaves_nodes_out_takes_few_statements(self):
        """Whoever cannot be served is read, and not tried one by one."""
        node, *others = self.free_later(101)
        for other in others:
            self.wait(**self.exclude(node.uuid, other.uuid))
        fine = self.wait()
        self.release(node)
        with statements.Statements() as made:
            self.serve()
        self.assertEqual(node.uuid, self.node_of(fine))
        self.assertLess(len(made.texts), 40)

    def test_what_is_no_longer_remembered_is_read_again(self):
        """Whoever asked for what was forgotten was taken to be gone."""
        real = class_queue.REMEMBERED
        class_queue.REMEMBERED = 2
        self.addCleanup(setattr, class_queue, 'REMEMBERED', real)
        class_queue._demanded.clear()
        wanted = {trait: self.wait(traits=[trait])
                  for trait in ('CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C',
                                'CUSTOM_D', 'CUSTOM_E')}
        for trait, uuid in wanted.items():
            node = fixtures.add_node([trait])
            self.serve()
            self.assertEqual(node.uuid, self.node_of(uuid))

    def patch_ahead(self, number):
        real = class_queue.AHEAD
        class_queue.AHEAD = number
        self.addCleanup(setattr, class_queue, 'AHEAD', real)

    def test_a_namesake_is_preferred(self):
        plain, named = self.free_later(2)
        fixtures.change_node(named.uuid, name='me')
        waits = self.wait(name='me')
        self.release(plain, named)
        self.serve()
        self.assertEqual(named.uuid, self.node_of(waits))

    def test_owners_get_their_own(self):
        mine, other = self.wait(owner='p'), self.wait(owner='q')
        node = fixtures.add_node(lessee='q')
        self.serve()
        self.assertEqual((None, node.uuid), (self.node_of(mine),
                                             self.node_of(other)))

    def test_more_than_a_batch(self):
        self.api.configuration.set('batch_size', 3, group='conductor')
        uuids = [self.wait() for _ in range(8)]
        for _ in range(7):
            fixtures.add_node()
        self.serve()
        self.assertEqual([True] * 7 + [False],
                         [self.node_of(uuid) is not None for uuid in uuids])

    def test_very_many_free_nodes_of_another_kind(self):
        self.patch_few(3)
        waits = self.wait(traits=['CUSTOM_A'])
        other = self.wait(traits=['CUSTOM_B'])
        for _ in range(5):
            fixtures.add_node()
        node = fixtures.add_node(['CUSTOM_A'])
        self.serve()
        self.assertEqual((node.uuid, None), (self.node_of(waits),
                                             self.node_of(other)))

    def patch_few(self, number):
        real = serving.FEW_FREE
        serving.FEW_FREE = number
        self.addCleanup(setattr, serving, 'FEW_FREE', real)


class HaltTests(queueing.ServingTestCase):
    """What ends the waiting of one keeps nobody else waiting."""

    def test_whose_uuid_is_an_instance_already(self):
        taken, fine = self.wait(priority=1), self.wait()
        fixtures.add_node(instance_uuid=taken, provision_state='active')
        node = fixtures.add_node()
        self.serve()
        self.assertEqual(node.uuid, self.node_of(fine))
        found = allocations.get(taken)
        self.assertEqual('error', found.state)
        self.assertIn('instance UUID', found.last_error)

    def test_a_class_that_is_served_elsewhere_is_tried_again(self):
        self.wait()
        fixtures.add_node()
        tried = []

        def lock_queue(connection, resource_class):
            tried.append(resource_class)
            return len(tried) > 2

        self.patch_lock(lock_queue)
        self.serve()
        self.assertEqual(1, len(tried))
        self.assertLessEqual(self.api.serving._pause(), serving_loop.AGAIN)
        self.assertTrue(self.api.serving._due)

    def test_a_new_request_steps_aside_meanwhile(self):
        self.wait(traits=['CUSTOM_A'])
        node = fixtures.add_node()
        new = self.wait(0)
        locked = iter([False])
        real = class_queue.lock
        self.patch_lock(lambda connection, name: next(locked, None)
                        is None and real(connection, name))
        self.api.match()
        self.assertEqual('allocating', allocations.get(new).state)
        # It is time.
        self.api.loop._patience.step_aside(allocations.get(new).id, -1)
        self.api.match()
        self.assertEqual(node.uuid, self.node_of(new))

    def patch_lock(self, function):
        real = class_queue.lock
        class_queue.lock = function
        self.addCleanup(setattr, class_queue, 'lock', real)


def _requests():
    return st.fixed_dictionaries({
        'traits': st.lists(st.sampled_from(TRAITS), unique=True),
        'priority': st.integers(-2, 2),
        'owner': st.sampled_from([None, None, 'p', 'q']),
        'named': st.booleans(),
        'excluded': st.sets(st.integers(0, 4), max_size=3),
        'waits': st.sampled_from([True, True, True, False]),
    })


def _nodes():
    return st.fixed_dictionaries({
        'traits': st.lists(st.sampled_from(TRAITS), unique=True),
        'owner': st.sampled_from([None, None, 'p', 'q']),
    })


class ModelTests(queueing.ServingTestCase):
    """Whoever is served, the rules of the order hold."""

    @hypothesis.settings(max_examples=25, deadline=None)
    @hypothesis.given(st.lists(_nodes(), min_size=1, max_size=5),
                      st.lists(_requests(), min_size=1, max_size=8),
                      st.data())
    def test_no_node_idle_and_nobody_overtaken(self, pool, requests, data):
        self.clear()
        nodes = [self.free_later(1, node['traits'], owner=node['owner'])[0]
                 for node in pool]
        order = {}
        for request in requests:
            candidates = ([nodes[0].uuid] if request.pop('named') else [])
            request['candidates'] = candidates
            request['constraints'] = {'excluded_nodes': sorted(
                nodes[number].uuid for number in request.pop('excluded')
                if number < len(nodes)
                and nodes[number].uuid not in candidates)}
            uuid = self.wait(60 if request.pop('waits') else 0, **request)
            order[uuid] = allocations.get(uuid)
        released = []
        while nodes:
            count = data.draw(st.integers(1, len(nodes)))
            self.release(*nodes[:count])
            released += nodes[:count]
            pending = self.pending(order)
            self.match(order)
            self.serve()
            self.check(order, released, nodes[:count], pending)
            nodes = nodes[count:]

    def clear(self):
        with session.writer() as connection:
            for table in reversed(models.Base.metadata.sorted_tables):
                if table.name in ('nodes', 'waiter_candidates', 'waiters',
                                  'allocations'):
                    connection.execute(sa.delete(table))

    def pending(self, order):
        return [uuid for uuid in order
                if allocations.get(uuid).state == states.ALLOCATING]

    def match(self, order):
        """Match until nobody is put off, as behind many that wait."""
        for _ in order:
            for uuid in self.pending(order):
                # It is time.
                self.api.loop._patience.step_aside(
                    allocations.get(uuid).id, -1)
            self.api.match()
        self.assertEqual([], self.pending(order))

    def suits(self, node, row):
        set_ = set(fixtures_traits(node))
        return (set_.issuperset(row.traits)
                and row.owner in (None, node.owner)
                and (not row.candidate_nodes
                     or node.uuid in row.candidate_nodes)
                and node.uuid not in row.constraints['excluded_nodes'])

    def check(self, order, released, just, pending):
        """See that whoever got a node, or none, is the right one.

        :param order: rows by UUID
        :param released: nodes that have been released so far
        :param just: those of this round
        :param pending: UUIDs of those that do not wait and were matched in
            this round, after all these had been released
        """
        now = {uuid: allocations.get(uuid) for uuid in order}
        failed = [now[uuid] for uuid in pending
                  if now[uuid].state == states.ERROR]
        for node in (fixtures.get_node(node.uuid) for node in released):
            # What is idle now was free when they were matched.
            if node.instance_uuid is None:
                self.assertFalse([row.uuid for row in failed
                                  if self.suits(node, row)])
        waiting = sorted(
            (row for row in now.values() if row.state == states.WAITING),
            key=lambda row: (-(row.priority or 0), row.id))
        for node in (fixtures.get_node(node.uuid) for node in just):
            if node.instance_uuid is None:
                self.assertFalse([row.uuid for row in waiting
                                  if self.suits(node, row)])
                continue
            served = now[node.instance_uuid]
            place = -(served.priority or 0), served.id
            # Whoever did not wait was matched before any waiter was served;
            # among each other these have no such order.
            passed = waiting + (failed if served.wait_timeout else [])
            for row in passed:
                if (-(row.priority or 0), row.id) < place:
                    self.assertFalse(self.suits(node, row))


def fixtures_traits(node):
    """List the traits of a node's row."""
    member = models.TraitSetMember.__table__
    with session.reader() as connection:
        return connection.execute(sa.select(member.c.trait).where(
            member.c.trait_set_id == node.trait_set_id)).scalars().all()


class StatementTests(queueing.ServingTestCase):

    def test_nobody_is_walked_without_a_free_node(self):
        for number in range(30):
            self.wait(traits=['CUSTOM_%d' % (number % 3)])
        seen = []
        sa.event.listen(session.get_engine(), 'before_cursor_execute',
                        lambda *args: seen.append(args[2]))
        self.assertEqual([], claims.serve('metal', 64).claims)
        self.assertLessEqual(len(seen), 6, seen)
