# SPDX-License-Identifier: Apache-2.0
"""Several conductors share the work, and others do what one cannot end."""

from concurrent import futures
import re
import signal
import uuid

from allocator.tests.functional import client as http
from allocator.tests.functional import databases
from allocator.tests.functional import holding
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# UUIDs that follow one another in an index.
HELD = '00000000-0000-4000-8000-00000000000{}'

# Seconds, see options.
# Long enough for a machine that is busy with everything else.
HEARTBEAT_TIMEOUT = 8

# The process id that oslo.log writes, in a line about a claim.
CLAIM = re.compile(rb'^\S+ \S+ (\d+) .* is active with node ', re.M)


@testcase.per_database(*databases.SERVERS)
class ConductorTests(testcase.ServiceTests):

    options = {'conductor': {'heartbeat_timeout': HEARTBEAT_TIMEOUT,
                             'sweep_interval': 0.5}}

    def setUp(self):
        super().setUp()
        self.engine = self.service.engine
        self.first, self.second = self.service.conductors

    def restart(self):
        """Start what a test has ended, for the tests that follow."""
        for process in self.service.processes:
            if not process.is_running:
                process.start()
        self.service.wait_ready()

    def freeze(self, conductor):
        """Have a conductor stand still, as a paused machine would."""
        conductor.send_all(signal.SIGSTOP)
        self.addCleanup(self.thaw, conductor)

    def thaw(self, conductor):
        if conductor.is_running:
            conductor.send_all(signal.SIGCONT)

    def assert_consistent(self):
        """Every active allocation has its node, and no other node one."""
        nodes = {row.instance_uuid: row.uuid
                 for row in self.service.nodes().values()
                 if row.instance_uuid or row.allocation_id}
        active = {a['uuid']: a['node_uuid']
                  for a in self.client.allocations(state='active')}
        self.assertEqual(nodes, active)

    def assert_did(self, conductor, allocation):
        """It writes so once the claim is committed."""
        waiting.until(lambda: allocation.encode() in conductor.read_log(), 5,
                      '%s tells of its claim' % conductor.name)

    def start_claim(self):
        """Have the first conductor get stuck in the middle of a claim.

        :returns: UUIDs of the allocation and of its node, and the context
            manager that holds the claim
        """
        node = self.service.add_node(resource_class='held')
        # What holds the claim leaves a gap lock in MySQL's index of
        # instances. Neighbours keep it narrow: nobody else writes there.
        before, allocation, after = map(HELD.format, (1, 2, 3))
        for neighbour in (before, after):
            self.service.add_node(resource_class='neighbour',
                                  instance_uuid=neighbour)
        self.freeze(self.second)
        holder = holding.claim_of(self.engine, allocation)
        holder.__enter__()
        self.addCleanup(holder.__exit__, None, None, None)
        seeds.add_allocations(self.engine, uuid=allocation,
                              resource_class='held')
        waiting.until(lambda: holding.is_locked(self.engine, allocation), 10,
                      'the first conductor has begun the claim')
        return allocation, node, holder

    def test_conductors_and_their_workers_share_the_work(self):
        starts = [len(c.read_log()) for c in self.service.conductors]
        self.service.add_nodes(200)
        self.client.allocate_all([{'resource_class': 'baremetal'}] * 200)
        self.client.all_settled()
        self.assert_consistent()
        busy = [set(CLAIM.findall(conductor.read_log(start)))
                for conductor, start in zip(self.service.conductors, starts,
                                            strict=True)]
        self.assertTrue(all(busy), busy)
        self.assertGreater(sum(len(pids) for pids in busy), 2)

    def test_a_claim_of_a_killed_conductor_is_made_by_another(self):
        self.addCleanup(self.restart)
        allocation, node, holder = self.start_claim()
        self.first.kill()
        self.thaw(self.second)
        holder.__exit__(None, None, None)
        found = self.client.settled(allocation)
        self.assertEqual(('active', node),
                         (found['state'], found['node_uuid']))
        self.assert_did(self.second, allocation)

    def test_a_conductor_killed_amid_many_claims_loses_none(self):
        self.addCleanup(self.restart)
        self.service.add_nodes(1000)
        seeds.add_allocations(self.engine, 1000)
        waiting.until(lambda: self.client.is_any('active'), 10,
                      'a claim is made')
        self.first.kill()
        allocations = self.client.all_settled()
        self.assertEqual({'active'}, {a['state'] for a in allocations})
        self.assert_consistent()

    def test_a_slow_conductor_keeps_its_work_and_delays_nobody(self):
        allocation, node, holder = self.start_claim()
        self.freeze(self.first)
        self.thaw(self.second)
        # The database goes on; only the conductor does not commit.
        holder.__exit__(None, None, None)
        other = self.service.add_node()
        found = self.client.settled(
            self.client.allocate(resource_class='baremetal')['uuid'])
        self.assertEqual(other, found['node_uuid'])
        self.assertEqual('allocating',
                         self.client.allocation(allocation)['state'])
        self.thaw(self.first)
        found = self.client.settled(allocation)
        self.assertEqual(('active', node),
                         (found['state'], found['node_uuid']))
        self.assert_did(self.first, allocation)

    def test_an_allocation_deleted_during_its_claim_leaves_no_claim(self):
        allocation, node, holder = self.start_claim()
        self.thaw(self.second)
        path = '/v1/allocations/' + allocation
        with futures.ThreadPoolExecutor(1) as executor:
            answer = executor.submit(self.client.delete, path)
            self.assertRaises(futures.TimeoutError, answer.result, 0.5)
            holder.__exit__(None, None, None)
            self.assertEqual(204, answer.result(10).status_code)
        self.assertEqual(404, self.client.get(path).status_code)
        row = self.service.nodes()[node]
        self.assertIsNone(row.instance_uuid)
        self.assertIsNone(row.allocation_id)

    def test_a_terminated_conductor_ends_well_and_removes_its_heartbeat(self):
        self.addCleanup(self.restart)
        self.assertEqual(set(self.service.hosts), self.service.heartbeats())
        self.assertEqual(0, self.first.stop())
        self.assertEqual({self.service.hosts[1]}, self.service.heartbeats())
        self.service.add_node()
        created = self.client.allocate(resource_class='baremetal')
        self.assertEqual('active',
                         self.client.settled(created['uuid'])['state'])

    def test_without_conductor_a_request_is_refused_and_leaves_nothing(self):
        self.addCleanup(self.restart)
        for conductor in self.service.conductors:
            conductor.terminate()
        for conductor in self.service.conductors:
            self.assertEqual(0, conductor.wait())
        # An API asks once a second. Until then it takes what it can refuse
        # only for another reason.
        waiting.until(
            lambda: self.client.post('/v1/allocations', {
                'resource_class': 'baremetal',
                'candidate_nodes': ['unknown']}).status_code == 503,
            3, 'the API knows that no conductor is alive')
        body = {'resource_class': 'baremetal', 'name': 'mine',
                'uuid': str(uuid.uuid4())}
        answer = self.client.post('/v1/allocations', body)
        self.assertEqual(503, answer.status_code)
        self.assertIn('conductor', http.fault(answer))
        self.assertEqual([], self.client.allocations())
        self.service.add_node()
        self.restart()
        self.assertEqual(
            'active', self.client.settled(
                self.client.allocate(**body)['uuid'])['state'])

    def test_killed_conductors_count_as_gone_after_the_timeout(self):
        self.addCleanup(self.restart)
        for conductor in self.service.conductors:
            conductor.kill()
        self.service.add_node()
        # Nobody knows yet; the row will wait.
        early = self.client.allocate(resource_class='baremetal')['uuid']
        waiting.until(
            lambda: self.client.post('/v1/allocations', {
                'resource_class': 'late'}).status_code == 503,
            HEARTBEAT_TIMEOUT + 3, 'conductors count as gone')
        self.restart()
        self.assertEqual('active', self.client.settled(early)['state'])

    def test_a_killed_worker_is_replaced(self):
        worker = self.first.children()[0]
        self.first.kill_child(worker)
        waiting.until(
            lambda: worker not in self.first.children()
            and len(self.first.children()) == 2, 10,
            'the worker is replaced')
        self.service.wait_ready()
        self.service.add_node()
        created = self.client.allocate(resource_class='baremetal')
        self.assertEqual('active',
                         self.client.settled(created['uuid'])['state'])
