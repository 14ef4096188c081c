# SPDX-License-Identifier: Apache-2.0
"""Conductors of ours are paused or killed at each step; others go on."""

import contextlib
import signal
import threading
import uuid as uuidlib

import sqlalchemy as sa

from allocator.db import models
from allocator.tests.backends import fronting
from allocator.tests.functional import waiting

_backend = models.Backend.__table__
_write = models.BackendWrite.__table__


class InterruptedTests(fronting.FrontTestCase):
    """The first conductor is at work; the second one takes over.

    The first one is interrupted once in each test, at many steps at the same
    time: each is a request that the proxy keeps.
    """

    # The leases must not end by themselves before the test has them end.
    options = {'request_timeout': 60, 'max_requests': 16}
    patience = 60

    def setUp(self):
        super().setUp()
        self.stops = []
        self.first, self.second = self.service.conductors
        self.addCleanup(self.restore)
        self.second.send_all(signal.SIGSTOP)
        self.end_hold()
        waiting.until(lambda: self.holder() == 'conductor-0',
                      fronting.KNOWN, 'the first one mirrors')

    def restore(self):
        self.proxy.heal()
        for conductor in self.service.conductors:
            if conductor.is_running:
                conductor.send_all(signal.SIGCONT)
            else:
                conductor.start()
        self.service.wait_ready()

    def holder(self):
        """Tell which conductor mirrors."""
        with self.service.engine.connect() as connection:
            row = connection.execute(sa.select(_backend)).one()
        return row.holder and row.holder.partition(':')[0]

    def end_hold(self):
        """Let the time pass in which the holder mirrors alone."""
        with self.service.engine.begin() as connection:
            connection.execute(sa.update(_backend).values(held_until=None))

    def end_leases(self):
        """Let the time pass in which a writer is waited for."""
        with self.service.engine.begin() as connection:
            connection.execute(sa.update(_write).where(
                _write.c.leased_until.is_not(None)).values(
                leased_until=sa.func.utc_timestamp()))

    # --- Steps -------------------------------------------------------------

    def keep(self, uuid, keep, chosen):
        """Keep a request for an allocation.

        :param keep: method of the proxy by which it is kept
        :param chosen: which kind of request
        :returns: proxy.Stop
        """
        if chosen['method'] != 'POST':
            chosen = chosen | {'path': '^/v1/allocations/.*' + uuid}
        self.stops.append(keep(**chosen))
        return self.stops[-1]

    def claim(self, node, keep, chosen, *others):
        """Have a claim come to a step.

        :param node: UUID of the node that it is to get
        :param others: nodes that refuse it before
        :returns: UUID of the allocation
        """
        uuid = str(uuidlib.uuid4())
        stop = self.keep(uuid, keep, chosen)
        self.allocate(uuid=uuid, candidate_nodes=[*others, node])
        stop.wait()
        return uuid

    def begin_claims(self, nodes):
        """Have claims come to each step.

        :param nodes: list of UUIDs of nodes, which are taken from it
        :returns: dict of nodes by allocation
        """
        before, after = self.proxy.keep, self.proxy.keep_answer
        found = {}
        for keep, chosen in ((before, fronting.POST), (after, fronting.POST),
                             (before, fronting.ASK), (after, fronting.ASK)):
            node = nodes.pop()
            found[self.claim(node, keep, chosen)] = node
        for keep in (before, after):
            node, refusing = nodes.pop(), nodes.pop()
            self.ironic.database.change_rows(
                'nodes', {'uuid': refusing}, maintenance=True)
            found[self.claim(node, keep, fronting.DELETE, refusing)] = node
        return found

    def begin_releases(self, nodes):
        """Have releases come to each step.

        :returns: dict of nodes by allocation
        """
        before, after = self.proxy.keep, self.proxy.keep_answer
        found = {}
        for keep, chosen in ((before, fronting.ASK), (before, fronting.DELETE),
                             (after, fronting.DELETE)):
            node = nodes.pop()
            uuid = self.allocate(candidate_nodes=[node])
            self.client.settled(uuid)
            stop = self.keep(uuid, keep, chosen)
            self.release_there(uuid)
            stop.wait()
            found[uuid] = node
        return found

    def release_there(self, uuid):
        """Delete an allocation, and do not wait for its Ironic."""
        thread = threading.Thread(target=self.release, args=[uuid])
        thread.start()
        self.addCleanup(thread.join)

    def begin_look(self):
        """Have a look come to its answer, which is old when it comes."""
        stop = self.proxy.keep_answer(**fronting.LOOK)
        self.stops.append(stop)
        stop.wait()

    @contextlib.contextmanager
    def taken_over(self, killed):
        """Interrupt the first conductor, and have the second go on.

        At the end the first one wakes up, or is started again, and hears
        what it was waiting for.

        :param killed: whether it is killed and not paused
        """
        self.first.send_all(signal.SIGKILL if killed else signal.SIGSTOP)
        if killed:
            self.first.wait()
        self.second.send_all(signal.SIGCONT)
        self.end_hold()
        self.end_leases()
        waiting.until(lambda: self.holder() == 'conductor-1',
                      fronting.KNOWN, 'the second one mirrors')
        yield
        if killed:
            self.first.start()
        else:
            self.first.send_all(signal.SIGCONT)
        for stop in self.stops:
            stop.let_go()
        self.service.wait_ready()

    # --- What becomes of it ------------------------------------------------

    def all_active(self, claims):
        """Check that allocations have their nodes, here and there."""
        for uuid, node in claims.items():
            found = self.client.settled(uuid, fronting.SETTLED)
            self.assertEqual(('active', node), (found['state'],
                                                found['node_uuid']), found)
        self.check()
        for uuid, node in claims.items():
            self.assertEqual(node, self.client.allocation(uuid)['node_uuid'])

    def interrupt(self, killed):
        nodes = self.add_nodes(13)
        theirs = self.operator.allocate(self.kind,
                                        candidate_nodes=[nodes[0]])
        self.look()
        releases = self.begin_releases(nodes)
        claims = self.begin_claims(nodes)
        gone = self.claim(nodes[1], self.proxy.keep, fronting.POST)
        self.begin_look()
        with self.taken_over(killed):
            self.operator.release(theirs['uuid'])
            self.all_active(claims)
            for uuid in releases:
                self.assertTrue(self.is_gone(uuid))
                self.assertIsNone(self.operator.allocation(uuid))
            # They are used again before the first one hears anything.
            again = {self.allocate(uuid=uuid, candidate_nodes=[node]): node
                     for uuid, node in releases.items()}
            again[self.allocate(candidate_nodes=[nodes[0]])] = nodes[0]
            self.client.settled(gone)
            self.release(gone)
            self.all_active(claims | again)
        # What had not reached Ironic by then is carried out now, too.
        waiting.until(lambda: all(
            status for method, _path, status in self.proxy.requests
            if method in ('POST', 'DELETE')), fronting.KNOWN,
            'all requests are carried out')
        waiting.until(lambda: not self.operator.allocation(gone),
                      fronting.KNOWN, 'what nobody holds is undone')
        self.all_active(claims | again)
        for uuid in claims | again:
            self.assertEqual(204, self.release(uuid))
        self.check()

    def test_paused_at_each_step(self):
        self.interrupt(killed=False)

    def test_killed_at_each_step(self):
        self.interrupt(killed=True)
