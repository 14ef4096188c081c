# SPDX-License-Identifier: Apache-2.0
"""What another transaction does in the middle of a claim.

SQLite admits one writer at a time, so there is no middle.
"""

import threading
import uuid

import sqlalchemy as sa

from allocator.conductor import matching
from allocator.db import census
from allocator.db import claims
from allocator.db import models
from allocator.db import releases
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema

_allocation = models.Allocation.__table__


def locks_nodes(statement):
    return 'FOR UPDATE' in statement and 'FROM nodes' in statement


def writes_nodes(statement):
    return statement.startswith('UPDATE') and ' nodes ' in statement


class Claims:

    def setUp(self):
        super().setUp()
        self.database = self.useFixture(schema.Open(self.kind)).database
        self.engine = self.database.engine

    def allocation(self, uuid_):
        with self.engine.connect() as connection:
            return connection.execute(sa.select(_allocation).where(
                _allocation.c.uuid == uuid_)).first()

    def change(self, node, **values):
        """Change a node in a transaction of its own."""
        with self.engine.begin() as connection:
            seeds.set_node(connection, node, **values)


@testcase.per_database(*databases.SERVERS)
class ChangedNodeTests(Claims):
    """A node stops being suitable between its selection and its lock."""

    def check(self, body, values, traits=(), **change):
        node = seeds.add_node(self.engine, traits, **values)
        named = seeds.add_node(self.engine, traits, **values, name='namesake')
        for wanting, target in (
                (body | {'candidate_nodes': [node]}, node),
                (body | {'name': 'namesake'}, named),
                (body, node)):
            [uuid_] = seeds.add_allocations(self.engine, **wanting)
            before = {name: getattr(seeds.nodes(self.engine)[target], name)
                      for name in change}

            def spoil():
                self.change(node, **change)
                self.change(named, **change)

            with schema.before(locks_nodes, spoil):
                batch = claims.claim_pending(10)
            self.assertEqual(
                ([], [uuid_]),
                (batch.claims, [row.uuid for row in batch.unserved]))
            self.assertEqual(change.get('instance_uuid'),
                             seeds.nodes(self.engine)[node].instance_uuid)
            self.change(node, **before)
            self.change(named, **before)
            with self.engine.begin() as connection:
                connection.execute(sa.delete(_allocation))

    def test_owner(self):
        self.check({'owner': 'p'}, {'owner': 'p'}, owner='q')

    def test_lessee(self):
        self.check({'owner': 'p'}, {'lessee': 'p'}, lessee='q')

    def test_power_state(self):
        self.check({}, {}, power_state=None)

    def test_maintenance(self):
        self.check({}, {}, maintenance=True)

    def test_resource_class(self):
        self.check({}, {}, resource_class='other')

    def test_provision_state(self):
        self.check({}, {}, provision_state='manageable')

    def test_traits(self):
        self.check({'traits': ['CUSTOM_A']}, {}, ['CUSTOM_A', 'CUSTOM_B'],
                   trait_set_id=None, trait_count=0)

    def test_the_next_candidate_is_taken(self):
        first, second = seeds.add_nodes(self.engine, 2)
        seeds.add_allocations(self.engine, candidate_nodes=[first, second])
        with schema.before(locks_nodes,
                           lambda: self.change(first, maintenance=True)):
            [claim] = claims.claim_pending(10).claims
        self.assertEqual(second, claim.node.uuid)

    def test_a_deleted_node(self):
        first, second = seeds.add_nodes(self.engine, 2)
        seeds.add_allocations(self.engine, candidate_nodes=[first, second])

        def delete():
            with self.engine.begin() as connection:
                connection.execute(sa.delete(models.Node).where(
                    models.Node.uuid == first))

        with schema.before(locks_nodes, delete):
            [claim] = claims.claim_pending(10).claims
        self.assertEqual(second, claim.node.uuid)


@testcase.per_database(*databases.SERVERS)
class InterruptedClaimTests(Claims):

    def test_an_allocation_deleted_between_lock_and_write_waits(self):
        node = seeds.add_node(self.engine)
        [uuid_] = seeds.add_allocations(self.engine)
        deleter = threading.Thread(target=releases.delete_allocation,
                                   args=(uuid_,))
        with schema.before(writes_nodes, deleter.start):
            self.assertEqual(1, len(claims.claim_pending(10).claims))
        deleter.join(10)
        self.assertFalse(deleter.is_alive())
        self.assertIsNone(self.allocation(uuid_))
        self.assertIsNone(seeds.nodes(self.engine)[node].instance_uuid)

    def test_two_claims_at_once_share_the_queue(self):
        seeds.add_nodes(self.engine, 20)
        seeds.add_allocations(self.engine, 20)
        other = []
        with schema.before(
                writes_nodes,
                # In the middle of the first, so they do meet.
                lambda: other.append(claims.claim_pending(10))):
            batch = claims.claim_pending(10)
        found = batch.claims + other[0].claims
        self.assertEqual(20, len({claim.node.uuid for claim in found}))
        self.assertEqual(20, len({claim.allocation.uuid for claim in found}))

    def test_an_allocation_in_work_elsewhere_is_left_alone(self):
        seeds.add_nodes(self.engine, 2)
        seeds.add_allocations(self.engine)
        other = []
        with schema.before(writes_nodes,
                           lambda: other.append(claims.claim_pending(10))):
            batch = claims.claim_pending(10)
        self.assertEqual((1, 0, 0), (len(batch.claims), other[0].size,
                                     len(other[0].claims)))

    def test_an_instance_uuid_that_comes_during_a_claim_stops_it_alone(self):
        nodes = seeds.add_nodes(self.engine, 3)
        taken = str(uuid.uuid4())
        other = seeds.add_node(self.engine, resource_class='other')
        seeds.add_allocations(self.engine, uuid=taken)
        seeds.add_allocations(self.engine, 2)
        loop = matching.MatchingLoop()
        with schema.before(writes_nodes,
                           lambda: self.change(other, instance_uuid=taken)):
            loop.walk()
        self.assertEqual('error', self.allocation(taken).state)
        rows = seeds.nodes(self.engine)
        self.assertEqual(2, sum(rows[node].instance_uuid is not None
                                for node in nodes))
        self.assertIsNone(rows[other].allocation_id)


@testcase.per_database()
class LastChanceTests(Claims):
    """A node becomes free while an allocation is found to fail."""

    def test_a_node_that_is_freed_after_the_census_is_taken(self):
        node = seeds.add_node(self.engine, maintenance=True)
        [uuid_] = seeds.add_allocations(self.engine)
        take = census.take

        def take_then_free(requirement):
            found = take(requirement)
            self.change(node, maintenance=False)
            return found

        self.patch(census, 'take', take_then_free)
        matching.MatchingLoop().walk()
        self.assertEqual('active', self.allocation(uuid_).state)
        self.assertEqual(uuid_, seeds.nodes(self.engine)[node].instance_uuid)

    def test_an_allocation_deleted_after_the_census_is_forgotten(self):
        [uuid_] = seeds.add_allocations(self.engine)
        take = census.take

        def take_then_delete(requirement):
            releases.delete_allocation(uuid_)
            return take(requirement)

        self.patch(census, 'take', take_then_delete)
        matching.MatchingLoop().walk()
        self.assertIsNone(self.allocation(uuid_))
