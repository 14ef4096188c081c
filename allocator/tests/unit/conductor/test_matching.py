# SPDX-License-Identifier: Apache-2.0
"""The matching loop when something is wrong."""

import threading

from oslotest import base
import sqlalchemy as sa

from allocator.conductor import heartbeat
from allocator.conductor import matching
from allocator.db import allocations
from allocator.db import census
from allocator.db import claims
from allocator.db import conductors
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures

PENDING = {'name': None, 'resource_class': 'metal', 'traits': [],
           'extra': {}, 'owner': None, 'state': 'allocating'}

_allocation = models.Allocation.__table__


class Matching(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())
        self.loop = matching.MatchingLoop()

    def _create(self):
        uuid = allocations.new_uuid()
        allocations.create(PENDING | {'uuid': uuid})
        return uuid

    def test_row_that_cannot_be_read_does_not_keep_the_others(self):
        fixtures.add_node()
        broken, fine = self._create(), self._create()
        with session.writer() as connection:
            connection.execute(
                sa.update(_allocation).where(_allocation.c.uuid == broken)
                .values(traits=sa.literal('no JSON', sa.Text)))
        self.loop.walk()
        self.assertEqual('active', allocations.get(fine).state)

    def test_only_the_allocation_whose_uuid_is_taken_fails(self):
        fixtures.add_node()
        taken, fine = self._create(), self._create()
        fixtures.add_node(instance_uuid=taken)
        self.loop.walk()
        self.assertEqual('error', allocations.get(taken).state)
        self.assertEqual('active', allocations.get(fine).state)

    def test_node_freed_after_the_census_is_taken(self):
        uuid = self._create()
        real = census.take

        def take(requirement):
            counted = real(requirement)
            fixtures.add_node()
            return counted

        self.patch(census, 'take', take)
        self.loop.walk()
        self.assertEqual('active', allocations.get(uuid).state)

    def test_node_free_but_locked_after_the_census_is_waited_for(self):
        uuid = self._create()
        self.patch(claims, '_take', lambda *args: [])
        real = census.take

        def take(requirement):
            counted = real(requirement)
            fixtures.add_node()
            return counted

        self.patch(census, 'take', take)
        self.loop.walk()
        self.assertEqual('allocating', allocations.get(uuid).state)

    def test_failing_walk_does_not_spin(self):
        self.configuration.set('sweep_interval', 60, 'conductor')
        walked, walks = threading.Event(), []

        def walk(announced):
            walks.append(True)
            # What was put off is long due, and nobody gets to it.
            self.loop._due[1] = self.loop._waiting_since[1] = 0
            walked.set()
            raise RuntimeError('broken')

        self.patch(self.loop, 'walk', walk)
        thread = threading.Thread(target=self.loop.run)
        thread.start()
        walked.wait(10)
        thread.join(0.2)
        self.loop.stop()
        thread.join(10)
        self.assertEqual(1, len(walks))


class Heartbeats(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())

    def _names(self):
        return [row.hostname for row, _alive in conductors.list_all()]

    def test_row_goes_at_once(self):
        beating = heartbeat.Heartbeat()
        beaten = threading.Event()
        real = conductors.beat

        def beat(hostname):
            beaten.set()
            return real(hostname)

        self.patch(conductors, 'beat', beat)
        thread = threading.Thread(target=beating.run)
        thread.start()
        beaten.wait(10)
        beating.stop()
        self.assertEqual([], self._names())
        thread.join(10)

    def test_row_of_a_killed_predecessor_goes_too(self):
        conductors.beat('test')
        heartbeat.Heartbeat().stop()
        self.assertEqual([], self._names())

    def test_row_of_the_successor_stays(self):
        """A process that is replaced leaves after its successor's first."""
        last = conductors.beat('test')
        conductors.beat('test')
        conductors.leave('test', last)
        self.assertEqual(['test'], self._names())
