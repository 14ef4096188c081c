# SPDX-License-Identifier: Apache-2.0
"""The matching loop when something is wrong."""

import contextlib
import datetime
import threading
import time

from oslotest import base
import sqlalchemy as sa

from allocator.conductor import batches
from allocator.conductor import heartbeat
from allocator.conductor import matching
from allocator.db import allocations
from allocator.db import census
from allocator.db import claims
from allocator.db import conductors
from allocator.db import models
from allocator.db import releases
from allocator.db import session
from allocator.db import taking
from allocator.tests import fixtures
from allocator.tests import statements
from allocator.tests.functional import waiting

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

    def test_claim_does_not_read_extra_that_nobody_is_told(self):
        fixtures.add_node()
        fine, hopeless = self._create(), self._create()
        with statements.Statements() as made:
            self.loop.walk()
        self.assertEqual(['active', 'error'],
                         [allocations.get(uuid).state
                          for uuid in (fine, hopeless)])
        reading = [text for text in made.texts if text.startswith('SELECT')
                   and 'allocations.traits' in text]
        self.assertNotEqual([], reading)
        for text in reading:
            self.assertNotIn('allocations.extra', text)

    def test_claim_reads_extra_for_listeners(self):
        self.configuration.set('notification_level', 'info')
        self._create()
        batch = claims.claim_pending(1)
        self.assertEqual({}, batch.unserved[0].extra)

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
        self.patch(taking, 'take', lambda *args: [])
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

        def claim(announced):
            walks.append(True)
            # What was put off is long due, and nobody gets to it.
            self.loop._patience.put_off(1, 0)
            walked.set()
            raise RuntimeError('broken')

        self.patch(self.loop, 'claim', claim)
        with self._running():
            walked.wait(10)
            self.assertFalse(self._ended.wait(0.2))
        self.assertEqual(1, len(walks))

    @contextlib.contextmanager
    def _running(self):
        """Run the loop in a thread, and stop it."""
        self._ended = threading.Event()

        def run():
            self.loop.run()
            self._ended.set()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            self.loop.stop()
            thread.join(10)
            self.assertTrue(self._ended.is_set())

    def _until(self, condition, what):
        waiting.until(condition, 10, what)

    def test_what_waits_is_forgotten_once_it_is_decided(self):
        """Each failure stayed in memory if nothing is tried again."""
        self.configuration.set('node_locked_retry_attempts', 0, 'conductor')
        uuid = self._create()
        self.patch(taking, 'take', lambda *args: [])
        fixtures.add_node()
        self.loop.walk()
        self.assertIn('kept all of them locked',
                      allocations.get(uuid).last_error)
        self.assertEqual(0, len(self.loop._patience))

    def test_what_waits_is_forgotten_when_it_is_deleted(self):
        self.configuration.set('node_locked_retry_interval', 0.01,
                               'conductor')
        uuid = self._create()
        self.patch(taking, 'take', lambda *args: [])
        fixtures.add_node()
        self.loop.walk()
        self.assertEqual(1, len(self.loop._patience))
        releases.delete_allocation(uuid)

        def is_forgotten():
            self.loop.walk()
            return not len(self.loop._patience)

        self._until(is_forgotten, 'the deleted allocation is forgotten')

    def test_walk_of_a_bell_begins_near_the_last_row_seen(self):
        begun = []
        real = claims.claim_pending

        def claim_pending(limit, after_id, *args, **options):
            begun.append(after_id)
            return real(limit, after_id, *args, **options)

        self.patch(claims, 'claim_pending', claim_pending)
        # As with a database server; see the next test.
        self.patch(claims, 'begin', lambda after_id: max(0, after_id))
        self.loop._sweep_at = time.monotonic() + 60
        self.loop._last_seen = matching.LATE + 7
        self.loop.walk()
        self._create()
        self.loop.walk(announced=False)
        self.loop._sweep_at = 0
        self._create()
        self.loop.walk()
        # Sweeps find the lowest pending row, here the only one.
        self.assertEqual([7, 0, 1], begun)

    def test_an_id_that_is_used_again_is_found_by_the_walk_of_a_bell(self):
        """SQLite gives the ids of deleted rows to new ones."""
        self.loop._sweep_at = time.monotonic() + 60
        self.loop._last_seen = matching.LATE + 7
        created = self._create()
        self.loop.walk()
        self.assertNotEqual('allocating', allocations.get(created).state)

    def test_constant_load_does_not_keep_the_late_waiting(self):
        """A walk that is never at its end went back to no lower id."""
        self.configuration.set('batch_size', 1, 'conductor')
        self.patch(matching, 'BACK', 0)
        first, created, late = self._create(), [self._create()], []
        releases.delete_allocation(first)
        real = batches.Batches.next

        def next_(*args):
            yield from real(*args)
            # Each batch is full, for the next allocation is always there.
            if late and allocations.get(late[0]).state == 'error':
                self.loop.stop()
            elif len(created) < 100:
                created.append(self._create())
            if len(created) == 3:
                late.append(self._commit_late())

        self.patch(batches.Batches, 'next', next_)
        with self._running():
            self.assertTrue(self._ended.wait(30))
        self.assertLess(len(created), 100)

    def _commit_late(self):
        """Commit a row whose id was given out before those of others."""
        uuid = self._create()
        with session.writer() as connection:
            connection.execute(
                sa.update(_allocation).where(_allocation.c.uuid == uuid)
                .values(id=1))
        return uuid

    def test_sweeps_are_made_although_the_bell_never_rests(self):
        self.configuration.set('sweep_interval', 0.1, 'conductor')
        real = claims.list_pending
        swept = []

        def list_pending(*args, **options):
            swept.append(args)
            self.loop.ring()
            return real(*args, **options)

        self.patch(claims, 'list_pending', list_pending)
        with self._running():
            for _ in range(3):
                done = len(swept)

                def has_swept(done=done):
                    self.loop.ring()
                    return len(swept) > done

                self._until(has_swept, 'a sweep is made')


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

    def test_conductors_that_never_come_back_are_removed(self):
        """Their rows stayed for ever."""
        conductors.beat('gone')
        conductors.beat('away')
        self._age('gone', days=2)
        self._age('away', hours=2)
        self.assertEqual({'test', 'gone', 'away'}, set(self._names()))
        beating = heartbeat.Heartbeat()
        thread = threading.Thread(target=beating.run)
        thread.start()
        waiting.until(lambda: 'gone' not in self._names(), 10,
                      'the conductor that is gone is removed')
        self.assertEqual({'test', 'away'}, set(self._names()))
        beating.stop()
        thread.join(10)
        # It would come back with its next heartbeat.
        conductors.beat('gone')
        self.assertIn('gone', self._names())

    def _age(self, name, **ago):
        table = models.Conductor.__table__
        with session.writer() as connection:
            last = connection.execute(sa.select(table.c.updated_at).where(
                table.c.hostname == name)).scalar()
            connection.execute(
                sa.update(table).where(table.c.hostname == name)
                .values(updated_at=last - datetime.timedelta(**ago)))
