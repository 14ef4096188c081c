# SPDX-License-Identifier: Apache-2.0
"""The queue goes on, whatever is wrong with single rows or the database."""

import contextlib
import json
import threading
import time

from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.conductor import matching
from allocator.conductor import patience
from allocator.db import claims
from allocator.db import models
from allocator.db import session
from allocator.db import starts
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema

MIB = 2 ** 20

_allocation = models.Allocation.__table__
_node = models.Node.__table__


class Queue:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine
        self.loop = matching.MatchingLoop()

    def allocations(self):
        with self.engine.connect() as connection:
            return {row.uuid: row
                    for row in connection.execute(sa.select(_allocation))}

    def states(self):
        return {row.state for row in self.allocations().values()}


@testcase.per_database(databases.MYSQL)
class LargeBatchTests(Queue):

    def test_a_batch_larger_than_a_packet_is_claimed_in_parts(self):
        """64 times a MiB exceed max_allowed_packet, 16 MiB by default."""
        with self.engine.connect() as connection:
            limit = connection.exec_driver_sql(
                'SELECT @@max_allowed_packet').scalar()
        count = min(64, limit // MIB * 2)
        seeds.add_nodes(self.engine, count,
                        instance_info={'large': 'x' * MIB})
        seeds.add_allocations(self.engine, count)
        self.loop.walk()
        self.assertEqual({'active'}, self.states())


@testcase.per_database()
class BrokenNodeTests(Queue):

    def check(self):
        """The first of two nodes cannot be claimed, which is its own fault."""
        first, second = seeds.add_nodes(self.engine, 2)
        with self.engine.begin() as connection:
            yield connection, first
        [uuid] = seeds.add_allocations(self.engine)
        self.loop.walk()
        rows = seeds.nodes(self.engine)
        self.assertIsNone(rows[first].instance_uuid)
        self.assertEqual(uuid, rows[second].instance_uuid)
        self.assertEqual('active', self.allocations()[uuid].state)

    def test_a_stale_allocation_holds_the_node(self):
        with contextlib.contextmanager(self.check)() as (connection, node):
            id_ = connection.execute(sa.select(_node.c.id).where(
                _node.c.uuid == node)).scalar()
            connection.execute(sa.insert(_allocation).values(
                uuid=node, state='error', node_id=id_, traits=[],
                candidate_nodes=[], extra={}))

    def test_instance_info_is_no_object(self):
        with contextlib.contextmanager(self.check)() as (connection, node):
            connection.execute(
                sa.update(_node).where(_node.c.uuid == node)
                .values(instance_info=sa.literal(json.dumps([1]), sa.Text)))


@testcase.per_database(*databases.SERVERS)
class DumpTests(Queue):
    """A dump sees the database of its begin, so nothing can be purged."""

    @contextlib.contextmanager
    def dump(self):
        begin = {databases.MYSQL: 'START TRANSACTION WITH CONSISTENT SNAPSHOT',
                 databases.POSTGRESQL: 'SELECT 1'}[self.kind]
        with self.engine.connect().execution_options(
                isolation_level='REPEATABLE READ') as connection:
            connection.exec_driver_sql(begin)
            connection.execute(sa.select(sa.func.count()).select_from(_node))
            yield
            connection.rollback()

    def test_a_sweep_during_a_dump_locks_nothing_that_is_decided(self):
        seeds.add_nodes(self.engine, 1001)
        with self.dump():
            seeds.add_allocations(self.engine, 1000)
            self.loop.walk()
            seeds.add_allocations(self.engine)
            with schema.statements() as seen:
                self.loop.walk(announced=False)
        [lowest, *_] = seen
        self.assertNotIn('FOR UPDATE', lowest[0])
        [queue] = [parameters for statement, parameters in seen
                   if statement.startswith('SELECT allocations')
                   and 'FOR UPDATE' in statement]
        self.assertIn(1000, dict(queue).values()
                      if isinstance(queue, dict) else queue)

    def test_a_row_committed_late_is_found_by_a_bell(self):
        """Ids are given out before the rows are committed."""
        seeds.add_nodes(self.engine, 3)
        with self.engine.connect() as late:
            late.begin()
            late.execute(sa.insert(_allocation).values(
                uuid='late', state='allocating', resource_class='baremetal',
                traits=[], candidate_nodes=[], extra={},
                created_at=timeutils.utcnow()))
            self.loop._sweep_at = time.monotonic() + 3600
            [other] = seeds.add_allocations(self.engine)
            self.loop.walk()
            self.assertEqual('active', self.allocations()[other].state)
            late.commit()
        self.loop.walk()
        self.assertEqual('active', self.allocations()['late'].state)
        self.assertLess(self.allocations()['late'].id,
                        self.allocations()[other].id)


@testcase.per_database()
class LongWaitTests(Queue):

    def test_many_that_wait_are_passed_over_in_parts(self):
        self.patch(matching, 'PASSED_OVER', 10)
        # A busy machine makes a statement more.
        self.patch(starts, '_pace', starts._Pace())
        self.patch(starts, 'SLOW', 60)
        seeds.add_allocations(self.engine, 25, resource_class='none')
        self.loop.claim()
        seeds.add_nodes(self.engine, 1)
        [uuid] = seeds.add_allocations(self.engine)
        with schema.statements() as seen:
            self.loop.claim(announced=False)
        self.assertEqual('active', self.allocations()[uuid].state)
        # The queue in three parts, and the claim.
        self.assertLessEqual(len(seen), 9, seen)
        self.loop.walk()
        self.assertEqual({'active', 'error'}, self.states())


@testcase.per_database(*databases.SERVERS)
class DecisionTests(Queue):
    """Another thread decides on what the walk passes over."""

    # With these, and half as many new ones, MariaDB reads them all.
    COUNT = 200

    def setUp(self):
        super().setUp()
        seeds.add_allocations(self.engine, self.COUNT)
        self.loop.claim()
        self.ids = claims.list_pending(self.COUNT)

    def test_a_walk_locks_nothing_that_it_passes_over(self):
        """Failures waited for a sweep when requests came in between."""
        lockable = []

        def look():
            with session.writer() as connection:
                lockable.append(len(claims.lock_pending(connection,
                                                        self.ids)))

        def waited_for(*_arguments):
            # In the walk's transaction, which has its rows.
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
            return []

        self.patch(claims.waiters, 'waited_for', waited_for)
        seeds.add_allocations(self.engine, self.COUNT // 2)
        self.loop.claim()
        self.assertEqual({self.COUNT}, set(lockable))

    def test_who_was_locked_when_it_was_decided_on_is_met_again(self):
        self.loop._sweep_at = time.monotonic() + 3600
        with session.writer() as connection:
            claims.lock_pending(connection, self.ids[:3])
            self.loop._decider.decide()
            self.assertEqual(3, self.count('allocating'))
        self.assertLessEqual(self.loop._pause(), patience.LOCKED)
        time.sleep(patience.LOCKED)
        self.loop.walk()
        self.assertEqual(self.COUNT, self.count('error'))

    def test_who_is_locked_when_it_is_due_stays_due(self):
        self.loop._sweep_at = time.monotonic() + 3600
        for id_ in self.ids:
            self.loop._patience.put_off(id_, 0)
        with session.writer() as connection:
            claims.lock_pending(connection, self.ids[:3])
            self.loop._claim_due()
        self.assertLessEqual(self.loop._pause(), patience.LOCKED)
        self.loop._decider.decide()
        time.sleep(patience.LOCKED)
        self.loop.walk()
        self.assertEqual(self.COUNT, self.count('error'))

    def count(self, state):
        return sum(row.state == state for row in self.allocations().values())
