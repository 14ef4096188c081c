# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is while somebody has it locked.

SQLite admits one writer at a time, and locks no rows.
"""

import contextlib

import sqlalchemy as sa

from allocator.conductor import avoided
from allocator.conductor import matching
from allocator.conductor import serving
from allocator.db import models
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema

_allocation = models.Allocation.__table__


@testcase.per_database(*databases.SERVERS)
class TurnTests:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine
        going_around = avoided.Avoided()
        self.matching = matching.MatchingLoop(going_around)
        self.serving = serving.ServingLoop(going_around)
        self.first, self.second = seeds.add_waiters(self.engine, 2, [[]])
        self.node = seeds.add_node(self.engine)

    def holder(self):
        return seeds.nodes(self.engine)[self.node].instance_uuid

    @contextlib.contextmanager
    def locked(self, uuid):
        """Be a client who changes an allocation, and takes its time."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(_allocation).where(
                _allocation.c.uuid == uuid).values(name='changed'))
            yield

    def serve(self):
        self.serving.ring()
        self.serving.walk()

    def test_who_is_locked_keeps_its_turn(self):
        """The one behind it got the node."""
        with self.locked(self.first):
            self.serve()
            self.assertIsNone(self.holder())
            # It is tried again soon, without a message.
            self.assertLessEqual(self.serving._pause(), serving.AGAIN)
        self.serve()
        self.assertEqual(self.first, self.holder())

    def test_a_new_request_does_not_overtake_who_is_locked(self):
        [new] = seeds.add_allocations(self.engine)
        with self.locked(self.first):
            self.matching.walk()
        self.assertIsNone(self.holder())
        with self.engine.connect() as connection:
            self.assertEqual('allocating', connection.execute(sa.select(
                _allocation.c.state).where(
                    _allocation.c.uuid == new)).scalar())

    def test_another_class_does_not_reset_for_how_long_it_is_locked(self):
        seeds.add_waiters(self.engine, 1, [[]], resource_class='other')
        self.patch(avoided, 'LOCKED', 3600)
        going_around = self.serving._avoided
        with self.locked(self.first):
            self.serve()
            before = dict(going_around._locked['baremetal'])
            self.serve()
        self.assertEqual(1, len(before))
        self.assertEqual(before, going_around._locked['baremetal'])

    def test_who_stays_locked_is_passed_over(self):
        """A process that is paused stops nobody."""
        self.patch(avoided, 'LOCKED', 0)
        with self.locked(self.first):
            self.serve()
            self.serve()
            self.assertEqual(self.second, self.holder())
