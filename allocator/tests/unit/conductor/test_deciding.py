# SPDX-License-Identifier: Apache-2.0
"""The thread that decides on allocations without a node."""

import threading

from oslo_db import exception as db_exc
from oslotest import base

from allocator.conductor import deciding
from allocator.conductor import matching
from allocator.db import allocations
from allocator.db import census
from allocator.tests import fixtures
from allocator.tests.functional import waiting

PENDING = {'name': None, 'resource_class': 'metal', 'traits': [],
           'extra': {}, 'owner': None, 'state': 'allocating'}


class DeciderTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())
        self.loop = matching.MatchingLoop()
        self.taken = []
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()
        real = census.take

        def take(requirement):
            self.taken.append(requirement)
            self.reached.set()
            self.gate.wait(30)
            return real(requirement)

        self.patch(census, 'take', take)

    def create(self, **values):
        uuid = allocations.new_uuid()
        allocations.create(PENDING | values | {'uuid': uuid})
        self.loop.ring()
        return uuid

    def start(self):
        thread = threading.Thread(target=self.loop.run)
        thread.start()
        self.addCleanup(thread.join, 10)
        self.addCleanup(self.loop.stop)
        self.addCleanup(self.gate.set)
        return thread

    def assert_becomes(self, state, uuid):
        waiting.until(lambda: allocations.get(uuid).state == state, 10,
                      'the allocation is ' + state)

    def test_one_census_per_requirement_and_second(self):
        self.patch(deciding, 'CENSUS_AGE', 60)
        uuids = [self.create() for _ in range(3)]
        self.loop.walk()
        uuids.append(self.create())
        self.loop.walk()
        self.assertEqual(1, len(self.taken))
        for uuid in uuids:
            self.assertEqual('error', allocations.get(uuid).state)

    def test_a_census_is_taken_anew_after_a_second(self):
        self.patch(deciding, 'CENSUS_AGE', 0)
        for _ in range(2):
            self.create()
            self.loop.walk()
        self.assertEqual(2, len(self.taken))

    def test_no_owner_learns_of_anothers_nodes(self):
        fixtures.add_node(owner='p', maintenance=True)
        mine, other = self.create(owner='p'), self.create(owner='q')
        self.loop.walk()
        self.assertEqual(2, len(self.taken))
        self.assertIn('of 1 in', allocations.get(mine).last_error)
        self.assertIn('there is no node', allocations.get(other).last_error)

    def test_a_node_freed_after_an_old_census_is_taken(self):
        self.patch(deciding, 'CENSUS_AGE', 60)
        self.create()
        self.loop.walk()
        fixtures.add_node()
        # The loop does not see it, and the census is the old one.
        uuid = self.create()
        self.patch(self.loop, '_claim_next', self._hand_only)
        self.loop.walk()
        self.assertEqual(1, len(self.taken))
        self.assertEqual('active', allocations.get(uuid).state)

    def _hand_only(self, position, announced):
        self.loop._decider.hand(_pending_rows())

    def test_a_storm_of_hopeless_requests_keeps_nobody_waiting(self):
        """Each of them cost a census inside of the loop."""
        self.gate.clear()
        fixtures.add_node(resource_class='other')
        self.start()
        hopeless = [self.create(resource_class='none-%d' % number)
                    for number in range(5)]
        self.assertTrue(self.reached.wait(10))
        fine = self.create(resource_class='other')
        self.assert_becomes('active', fine)
        for uuid in hopeless:
            self.assertEqual('allocating', allocations.get(uuid).state)
        self.gate.set()
        for uuid in hopeless:
            self.assert_becomes('error', uuid)

    def test_what_is_being_decided_is_not_looked_at_again(self):
        self.gate.clear()
        self.configuration.set('sweep_interval', 0.1, 'conductor')
        self.start()
        uuid = self.create()
        self.assertTrue(self.reached.wait(10))
        id_ = allocations.get(uuid).id
        self.assertEqual(([id_], None), self.loop._patience.above(0, 10))
        self.gate.set()
        self.assert_becomes('error', uuid)
        waiting.until(lambda: not len(self.loop._patience), 10,
                      'what is decided is forgotten')

    def test_stop_ends_both_threads_and_leaves_the_rest_to_others(self):
        self.gate.clear()
        self.configuration.set('batch_size', 1, 'conductor')
        thread = self.start()
        uuids = [self.create(resource_class='none-%d' % number)
                 for number in range(3)]
        self.assertTrue(self.reached.wait(10))
        self.loop.stop()
        self.gate.set()
        thread.join(10)
        self.assertFalse(thread.is_alive())
        self.assertEqual(1, len(self.taken))
        # Another conductor's sweep finds what was handed over.
        matching.MatchingLoop().walk(announced=False)
        for uuid in uuids:
            self.assertEqual('error', allocations.get(uuid).state)

    def test_what_a_database_outage_interrupts_is_decided_later(self):
        real, failed = census.take, []

        def take(requirement):
            if not failed:
                failed.append(True)
                raise db_exc.DBConnectionError('away')
            return real(requirement)

        self.patch(census, 'take', take)
        uuid = self.create()
        self.assertRaises(db_exc.DBConnectionError, self.loop.walk)
        self.assertEqual('allocating', allocations.get(uuid).state)
        self.loop.walk()
        self.assertEqual('error', allocations.get(uuid).state)

    def test_a_census_that_fails_keeps_no_other_waiting(self):
        real = census.take

        def take(requirement):
            if requirement.resource_class == 'broken':
                raise ValueError('broken')
            return real(requirement)

        self.patch(census, 'take', take)
        self.configuration.set('sweep_interval', 0.1, 'conductor')
        broken = self.create(resource_class='broken')
        other = self.create()
        self.loop.walk()
        self.assertEqual('error', allocations.get(other).state)
        self.start()
        self.assert_becomes('error', broken)


def _pending_rows():
    from allocator.db import claims
    from allocator.db import session
    with session.reader() as connection:
        return connection.execute(claims._pending()).all()
