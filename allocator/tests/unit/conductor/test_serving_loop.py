# SPDX-License-Identifier: Apache-2.0
"""The loop that serves those that wait, and the rows of their classes."""

import threading

import sqlalchemy as sa

from allocator.conductor import upkeep
from allocator.db import allocations
from allocator.db import claims
from allocator.db import models
from allocator.db import releases
from allocator.db import session
from allocator.db import waiters
from allocator.tests import fixtures
from allocator.tests.functional import waiting
from allocator.tests.unit.conductor import queueing


class QueueRowTests(queueing.ServingTestCase):

    def queues(self):
        with session.reader() as connection:
            return connection.execute(sa.select(
                models.Queue.resource_class)).scalars().all()

    def test_what_nobody_waits_for_keeps_no_row(self):
        """Each class that anybody invented had one for ever."""
        uuid = self.wait()
        self.wait(resource_class='invented')
        self.assertEqual(0, waiters.remove_queues())
        releases.delete_allocation(uuid)
        self.assertEqual(1, waiters.remove_queues())
        self.assertEqual(['invented'], self.queues())

    def test_who_came_as_its_row_was_removed_is_served(self):
        uuid = self.wait()
        with session.writer() as connection:
            connection.execute(sa.delete(models.Queue))
        node = fixtures.add_node()
        self.api.serving.walk()
        self.assertEqual(node.uuid, self.node_of(uuid))

    def test_the_upkeep_removes_them(self):
        releases.delete_allocation(self.wait())
        upkeep.Upkeep().round()
        self.assertEqual([], self.queues())


class LoopTests(queueing.ServingTestCase):

    def ring_without_end(self, happens=lambda count: None):
        """Have a class ring at each transaction, and the loop end at last.

        :param happens: function that is given the number of the transaction
        :returns: list of the classes that are served, which grows
        """
        loop, served = self.api.serving, []
        real = claims.serve

        def serve(resource_class, *args):
            served.append(resource_class)
            if len(served) > 20:
                loop.stop()
            happens(len(served))
            loop.ring('metal')
            return real(resource_class, *args)

        claims.serve = serve
        self.addCleanup(setattr, claims, 'serve', real)
        loop._sweep_at = float('inf')
        loop.ring('metal')
        return served

    def test_a_class_that_rings_without_end_keeps_no_other_waiting(self):
        self.wait()
        other = self.wait(resource_class='other')
        fixtures.add_node(resource_class='other')
        served = self.ring_without_end()
        self.api.serving.ring('other')
        self.api.serving.walk()
        self.assertEqual('active', allocations.get(other).state)
        self.assertIn('other', served[:3])

    def test_a_sweep_comes_in_time_however_often_it_rings(self):
        other = self.wait(resource_class='other')
        fixtures.add_node(resource_class='other')
        self.wait()

        def make_it_time(count):
            if count == 3:
                self.api.serving._sweep_at = 0

        self.ring_without_end(make_it_time)
        self.api.serving.walk()
        self.assertEqual('active', allocations.get(other).state)

    def test_a_deadline_is_kept_while_a_class_rings_without_end(self):
        """Nobody was told as long as nodes were looked for."""
        uuid = self.wait(1)
        stopping = threading.Event()

        def ring():
            while not stopping.wait(0.001):
                self.api.serving.ring('metal')

        parts = (ring, self.api.serving.run, self.api.expiry.run)
        threads = [threading.Thread(target=part) for part in parts]
        for thread in threads:
            thread.start()
        try:
            waiting.until(lambda: allocations.get(uuid).state == 'error', 10,
                          'the deadline is kept')
        finally:
            stopping.set()
            self.api.serving.stop()
            self.api.expiry.stop()
            for thread in threads:
                thread.join()
