# SPDX-License-Identifier: Apache-2.0
"""How many round trips a claim takes, however many rows there are.

BEGIN and COMMIT are two of them; on SQLite, which has no wire, statements are
counted.
"""

import fixtures

from allocator.conductor import matching
from allocator.db import allocations
from allocator.db import claims
from allocator.db import known_profiles
from allocator.db import session
from allocator.db import starts
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema

TRAITS = ['CUSTOM_A', 'CUSTOM_B']


@testcase.per_database()
class StatementTests:

    def setUp(self):
        super().setUp()
        opened = self.useFixture(schema.Open(self.kind))
        self.engine = opened.database.engine
        self.relay = None
        if self.kind in databases.SERVERS:
            self.relay = schema.relayed(self, opened)
            session.ping()
        # However busy the machine is: see there.
        self.useFixture(fixtures.MockPatchObject(
            starts, 'is_needed', return_value=False))

    def remember_profiles(self):
        """Have this process know all profiles, as it does after a while."""
        with session.reader() as connection:
            known_profiles.get().refresh(connection)

    def count(self, function, *arguments, **options):
        """Call a function.

        :returns: number of round trips that it made, and its result
        """
        if self.relay is not None:
            before = self.relay.count
            found = function(*arguments, **options)
            return self.relay.count - before, found
        with schema.statements() as seen:
            found = function(*arguments, **options)
        return len(seen), found

    def cost(self, statements, transactions=1):
        """Tell how many round trips statements that write make.

        :param statements: number of the statements
        :param transactions: number of the transactions that they are in
        """
        ends = 0 if self.relay is None else 2 * transactions
        return statements + ends

    def claim(self, count):
        sent, batch = self.count(claims.claim_pending, 500)
        self.assertEqual(count, len(batch.claims))
        return sent

    def test_a_batch_of_equal_requests_takes_as_many_as_one(self):
        seeds.add_nodes(self.engine, 101)
        seeds.add_allocations(self.engine, 1)
        one = self.claim(1)
        seeds.add_allocations(self.engine, 100)
        # Queue, whether somebody waits, nodes, and an update of each table.
        self.assertEqual([self.cost(5)] * 2, [one, self.claim(100)])

    def test_a_batch_with_traits_takes_no_more(self):
        """The first release asked for the sets of traits that will do."""
        seeds.add_nodes(self.engine, 100, TRAITS)
        seeds.add_allocations(self.engine, 100, traits=TRAITS)
        self.remember_profiles()
        self.assertEqual(self.cost(5), self.claim(100))

    def test_traits_of_nodes_are_not_read_one_by_one(self):
        for number in range(50):
            seeds.add_nodes(self.engine, 2,
                            TRAITS + ['CUSTOM_%d' % number])
        seeds.add_allocations(self.engine, 100, traits=TRAITS)
        self.remember_profiles()
        self.assertEqual(self.cost(5), self.claim(100))

    def test_a_batch_for_an_owner_does_not_grow_with_its_size(self):
        seeds.add_nodes(self.engine, 50, owner='p')
        seeds.add_nodes(self.engine, 50, lessee='p')
        seeds.add_allocations(self.engine, 100, owner='p')
        self.assertLessEqual(self.claim(100), self.cost(8))

    def test_candidates_are_read_at_once(self):
        nodes = seeds.add_nodes(self.engine, 100, maintenance=True)
        nodes += seeds.add_nodes(self.engine, 1)
        seeds.add_allocations(self.engine, 1, candidate_nodes=nodes)
        # Queue, whether somebody waits, candidates, the lock on one of them,
        # and two updates.
        self.assertEqual(self.cost(6), self.claim(1))

    def test_losers_do_not_read_every_candidate(self):
        """150 requests for 100 nodes settle without 50 searches."""
        seeds.add_nodes(self.engine, 100)
        seeds.add_allocations(self.engine, 150)
        self.claim(100)
        many, _ = self.count(matching.MatchingLoop().walk)
        seeds.add_allocations(self.engine, 1)
        one, _ = self.count(matching.MatchingLoop().walk)
        self.assertEqual(many, one)
        # Twice the queue, whether somebody waits and two searches, the census,
        # and an update.
        self.assertLessEqual(one, self.cost(13, transactions=3))

    def test_an_empty_queue_takes_one(self):
        seeds.add_nodes(self.engine, 10)
        self.assertEqual(self.cost(1), self.claim(0))

    def test_a_page_of_allocations_takes_one(self):
        seeds.add_nodes(self.engine, 100)
        seeds.add_allocations(self.engine, 100)
        self.claim(100)
        sent, page = self.count(
            allocations.get_page, {}, ['node_uuid', 'extra'], sort_key='id',
            descending=False, limit=100)
        self.assertEqual((1, 100),
                         (sent, sum(row.node_uuid is not None
                                    for row in page.rows)))
