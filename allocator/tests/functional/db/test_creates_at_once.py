# SPDX-License-Identifier: Apache-2.0
"""Many allocations created at the same time share transactions.

Each has its own row and its own answer all the same, whatever becomes of the
transaction that it shares.
"""

import collections
from concurrent import futures
import threading

import fixtures
from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.common import exception
from allocator.common import states
from allocator.db import allocations
from allocator.db import conductors
from allocator.db import models
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.db import killing
from allocator.tests.functional.db import schema

THREADS = 64

_allocation = models.Allocation.__table__
_waiter = models.Waiter.__table__

CREATED = 'created'
CONFLICTS = (exception.AllocationDuplicateName,
             exception.AllocationAlreadyExists)


def request(number, **values):
    """Make the columns of an allocation that can be told by its extra."""
    return {'uuid': allocations.new_uuid(), 'name': None, 'owner': None,
            'state': states.ALLOCATING, 'resource_class': 'metal',
            'traits': [], 'extra': {'number': number}} | values


class Watch(fixtures.Fixture):
    """Notes how many rows each write of allocations has.

    :ivar sizes: list of the numbers
    """

    def _setUp(self):
        self.sizes = []
        write = allocations._together._write

        def noting(entries):
            self.sizes.append(len(entries))
            return write(entries)

        self.useFixture(fixtures.MockPatchObject(
            allocations._together, '_write', noting))


class CreatesTestCase:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine
        conductors.beat('test')
        self.watch = self.useFixture(Watch())

    def create_at_once(self, requests):
        """Create allocations, each in a thread that begins with the others.

        :returns: list of CREATED or the exception, in the order of requests
        """
        together = threading.Barrier(len(requests))

        def create(values):
            together.wait(60)
            try:
                created = allocations.create(values)
            except Exception as exc:
                return exc
            self.assertEqual(values['uuid'], created['uuid'])
            self.assertEqual(values['extra'], created['extra'])
            return CREATED

        with futures.ThreadPoolExecutor(len(requests)) as executor:
            return list(executor.map(create, requests))

    def rows(self):
        with self.engine.connect() as connection:
            return connection.execute(sa.select(_allocation)).all()

    def assert_stored(self, requests, answers):
        """What was answered is what is there: each row once, as asked for."""
        wanted = {values['uuid']: values for values, answer in zip(
            requests, answers, strict=True) if answer == CREATED}
        rows = self.rows()
        self.assertEqual(sorted(wanted), sorted(row.uuid for row in rows))
        for row in rows:
            for name, value in wanted[row.uuid].items():
                self.assertEqual(value, row._mapping[name])


@testcase.per_database()
class CreatesAtOnceTests(CreatesTestCase):

    def test_each_gets_its_own_row_in_fewer_transactions(self):
        requests = [request(number, name='name-%d' % number,
                            owner='owner-%d' % number,
                            traits=['CUSTOM_%d' % number])
                    for number in range(THREADS)]
        answers = self.create_at_once(requests)
        self.assertEqual([CREATED] * THREADS, answers)
        self.assert_stored(requests, answers)
        self.assertLess(len(self.watch.sizes), THREADS / 2)

    def test_exactly_the_duplicates_are_refused(self):
        """Of each name and each uuid one is created, whoever it is."""
        uuids = [allocations.new_uuid() for _ in range(4)]
        requests = [request(number, name='same-%d' % (number % 4))
                    for number in range(16)]
        requests += [request(number, uuid=uuids[number % 4])
                     for number in range(16, 32)]
        requests += [request(number, name='own-%d' % number)
                     for number in range(32, THREADS)]
        answers = self.create_at_once(requests)
        self.assert_stored(requests, answers)
        refused = collections.Counter()
        for values, answer in zip(requests, answers, strict=True):
            if answer == CREATED:
                continue
            self.assertIsInstance(answer, CONFLICTS)
            same = (values['name'] if isinstance(
                answer, exception.AllocationDuplicateName)
                else values['uuid'])
            self.assertIn(same, str(answer))
            refused[same] += 1
        self.assertEqual(dict.fromkeys(
            ['same-%d' % number for number in range(4)] + uuids, 3), refused)

    def test_those_that_wait_get_their_places(self):
        requests = [request(number, state=states.WAITING, priority=number % 3,
                            wait_timeout=60 + number)
                    if number % 2 else request(number)
                    for number in range(THREADS)]
        self.assertEqual([CREATED] * THREADS, self.create_at_once(requests))
        self.assertGreater(max(self.watch.sizes), 1)
        with self.engine.connect() as connection:
            found = connection.execute(
                sa.select(_allocation, _waiter.c.queue_rank,
                          _waiter.c.deadline)
                .join(_waiter, _waiter.c.allocation_id == _allocation.c.id)
            ).all()
        self.assertEqual(
            {values['uuid'] for values in requests
             if values['state'] == states.WAITING},
            {row.uuid for row in found})
        for row in found:
            self.assertEqual(-row.priority, row.queue_rank)
            self.assertEqual(row.wait_timeout, (
                row.deadline - row.created_at).total_seconds())


@testcase.per_database(*databases.SERVERS)
class KilledCreatesTests(CreatesTestCase):
    """The connection of a group is lost, at every point of it."""

    def fail_once(self, act):
        """Have a group of several, in this test, meet something.

        :param act: function of the connection, as a Connection of SQLAlchemy
        """
        self.met = []
        engine = session.get_engine()

        def before_commit(connection):
            if max(self.watch.sizes, default=0) > 1 and not self.met:
                self.met.append(True)
                act(connection)

        sa.event.listen(engine, 'commit', before_commit)
        self.addCleanup(sa.event.remove, engine, 'commit', before_commit)

    def create_all(self):
        requests = [request(number) for number in range(THREADS)]
        answers = self.create_at_once(requests)
        self.assertEqual([CREATED] * THREADS, answers)
        self.assert_stored(requests, answers)
        self.assertEqual([True], self.met)

    def test_killed_before_its_commit(self):
        self.fail_once(lambda connection: killing.kill_all(self.engine))
        self.create_all()

    def test_killed_after_its_commit(self):
        """It is done, and nobody has been told."""
        def act(connection):
            connection.connection.dbapi_connection.commit()
            killing.kill_all(self.engine)
            raise db_exc.DBConnectionError('gone')

        self.fail_once(act)
        self.create_all()

    def test_refused_at_its_commit(self):
        """As a Galera cluster does with what conflicts elsewhere."""
        def act(connection):
            connection.connection.dbapi_connection.rollback()
            raise db_exc.DBDeadlock()

        self.fail_once(act)
        self.create_all()

    def test_killed_time_and_again(self):
        """Nobody has success without a row, and nobody two rows."""
        done = threading.Event()

        def kill():
            while not done.is_set():
                killing.kill_all(self.engine)
                done.wait(0.3)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            requests = [request(number) for number in range(THREADS)]
            answers = self.create_at_once(requests)
        finally:
            done.set()
            killer.join(30)
        created = {values['uuid'] for values, answer in zip(
            requests, answers, strict=True) if answer == CREATED}
        stored = [row.uuid for row in self.rows()]
        self.assertEqual(len(stored), len(set(stored)))
        self.assertEqual(set(), created - set(stored))
        for answer in answers:
            if answer != CREATED:
                self.assertIsInstance(answer, db_exc.DBConnectionError)
