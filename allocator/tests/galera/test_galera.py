# SPDX-License-Identifier: Apache-2.0
"""Three servers, all of which write, and some that leave and join again.

``ALLOCATOR_CHAOS_SECONDS`` says how long the run with faults lasts,
``ALLOCATOR_CHAOS_SEED`` repeats the choices of an earlier one.
"""

from concurrent import futures
import os
import random
import signal
import time

from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import engines
import sqlalchemy as sa
import testtools
from testtools import content

from allocator.db import models
from allocator.db import outages  # noqa: F401 (teaches oslo.db)
from allocator.tests.chaos import cluster as chaos_cluster
from allocator.tests.chaos import run
from allocator.tests.functional import client
from allocator.tests.functional import seeds
from allocator.tests.functional import waiting
from allocator.tests.galera import cluster
from allocator.tests.galera import faults
from allocator.tests.galera import servers

# Seconds of the run with faults, in which each comes once at least.
SECONDS = 30

# Seconds that a machine busy with other tests adds to everything.
SLACK = 5

# Seconds after which the members count one out that is silent.
EVICTION = 30

_allocation = models.Allocation.__table__
_node = models.Node.__table__


class Galera(testtools.TestCase):
    """Tests that share three servers, and an API and a conductor at each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = servers.Servers()
        cls.servers.setUp()
        cls.addClassCleanup(cls.servers.cleanUp)
        cls.service = cluster.Cluster(cls.servers)
        cls.service.setUp()
        cls.addClassCleanup(cls.service.cleanUp)
        cls.clients = cls.service.clients

    def setUp(self):
        super().setUp()
        self.addOnException(self._attach_logs)
        self.addCleanup(waiting.until, self._wipe, SLACK + 5,
                        'nobody is in the way of the cleaning')
        for made in self.clients:
            made.failures.clear()

    def _attach_logs(self, _exc_info):
        self.addDetail('service', content.text_content(self.service.logs()))
        self.addDetail('servers', content.text_content(self.servers.logs()))

    def _wipe(self):
        try:
            seeds.wipe(self.service.engine)
        except sa.exc.OperationalError:
            return False  # a conflict with a claim at another server
        return True

    # --- Several writers ---------------------------------------------------

    def test_certification_conflicts_fail_no_patch(self):
        made = self.clients[0].allocate(resource_class='none')
        path = '/v1/allocations/' + made['uuid']
        self.clients[0].settled(made['uuid'])
        before = self.servers.conflicts()
        numbers = range(200)

        def patch(number):
            return self.clients[number % 3].patch(path, [
                {'op': 'add', 'path': '/extra/key-%d' % number,
                 'value': number}])

        with futures.ThreadPoolExecutor(48) as executor:
            answers = list(executor.map(patch, numbers))
        self.assertEqual([], [client.described(answer) for answer in answers
                              if answer.status_code != 200])
        self.assertGreater(self.servers.conflicts(), before)
        for made in self.clients:
            self.assertEqual({'key-%d' % number: number for number in numbers},
                             made.get(path).json()['extra'])

    def test_conductors_at_all_servers_give_no_node_twice(self):
        nodes = seeds.add_nodes(self.service.engine, 60)
        before = self.servers.conflicts()
        made = client.Client.at_once(
            lambda number: self.clients[number % 3].allocate(
                resource_class='baremetal')['uuid'], range(90))
        settled = [self.clients[number % 3].settled(uuid, 30)
                   for number, uuid in enumerate(made)]
        self.assertEqual(sorted(nodes), sorted(
            found['node_uuid'] for found in settled
            if found['state'] == 'active'))
        self.assertEqual(30, sum(found['state'] == 'error'
                                 for found in settled))
        self.assertGreater(self.servers.conflicts(), before)

    def test_a_name_asked_for_at_all_servers_is_given_once(self):
        for number in range(10):
            body = {'resource_class': 'none', 'name': 'n-%d' % number}
            answers = client.Client.at_once(
                lambda made, body=body: made.post('/v1/allocations', body),
                self.clients)
            self.assertEqual([201, 409, 409], sorted(
                answer.status_code for answer in answers))

    # --- Causal reads ------------------------------------------------------

    def _api_without_causal_reads(self, number):
        """Start another API at a server.

        :returns: client of it
        """
        process, made = self.service.make_api(
            number + len(self.clients),
            {'database': {'mysql_wsrep_sync_wait': 0}})
        process.start()
        self.addCleanup(process.kill)
        # It has the connections then that it needs.
        waiting.until(lambda: chaos_cluster.answers(made)
                      and made.get('/v1/allocations').ok,
                      chaos_cluster.START, 'the API answers')
        return made

    def test_what_is_posted_at_one_is_found_at_another_that_lags(self):
        careless = self._api_without_causal_reads(1)
        lagging = self.servers.servers[1]
        with futures.ThreadPoolExecutor() as executor:
            with lagging.stalled():
                made = self.clients[0].allocate(resource_class='none')
                path = '/v1/allocations/' + made['uuid']
                self.assertEqual(404, careless.get(path).status_code)
                waits = executor.submit(self.clients[1].get, path)
                waiting.until(
                    lambda: lagging.is_running_statement(made['uuid']),
                    SLACK + 5, 'the API waits for its server')
            self.assertEqual(200, waits.result(20).status_code)
        waiting.until(lambda: careless.get(path).ok, SLACK + 5,
                      'its server has what it missed')
        lagging.wait_synced(3)

    # --- Members that leave ------------------------------------------------

    def test_a_server_without_its_cluster_is_503(self):
        """Two of three are silent: the third serves nobody, and says so."""
        seeds.add_node(self.service.engine)
        others = self.servers.servers[1:]
        made = self.clients[0].allocate(resource_class='none')
        path = '/v1/allocations/' + made['uuid']
        self.clients[0].settled(made['uuid'])
        with futures.ThreadPoolExecutor() as executor, \
                self._oslo_engine().connect() as connection:
            connection.execute(sa.update(_node).values(description='mine'))
            for server in others:
                server.send(signal.SIGSTOP)
                self.addCleanup(self._continue, server)
            waits = executor.submit(
                self.clients[0].patch, path,
                [{'op': 'add', 'path': '/extra/key', 'value': 1}])
            # COMMIT waits for the others until they are counted out.
            self.assertRaises(db_exc.DBConnectionError, connection.commit)
            answer = waits.result(EVICTION + SLACK)
        self.assertEqual(503, answer.status_code, client.described(answer))
        started = time.monotonic()
        for asked in (path, '/healthcheck'):
            answer = self.clients[0].get(asked)
            self.assertEqual(503, answer.status_code,
                             client.described(answer))
        self.assertIn('The database is away', answer.text)
        self.assertLess(time.monotonic() - started, 4 + SLACK)
        for server in others:
            self._continue(server)
        for server in self.servers.servers:
            server.wait_synced(3)
        self.service.wait_ready()
        for made in self.clients:
            waiting.until(lambda made=made: made.get('/v1/allocations').ok,
                          SLACK, 'the API serves')

    def _oslo_engine(self):
        """Make an engine whose errors the service would see, too."""
        engine = engines.create_engine(self.servers.url(
            0, self.service.database.name).render_as_string(
                hide_password=False))
        self.addCleanup(engine.dispose)
        return engine

    @staticmethod
    def _continue(server):
        if server.is_running:
            server.send(signal.SIGCONT)

    def test_what_must_hold_holds_while_servers_leave_and_join(self):
        seconds = int(os.environ.get('ALLOCATOR_CHAOS_SECONDS') or SECONDS)
        seed = int(os.environ.get('ALLOCATOR_CHAOS_SEED')
                   or random.SystemRandom().getrandbits(32))
        lines = ['ALLOCATOR_CHAOS_SEED=%d' % seed]
        self.addDetail('run', content.Content(
            content.UTF8_TEXT, lambda: ['\n'.join(lines).encode()]))
        before = self.servers.conflicts()
        chaos = run.Run(self.service, seed, seconds, lines.append,
                        faults.Faults, rounds=len(faults.Faults.ALL))
        chaos.run()
        lines += [*chaos.summary(), 'conflicts: %d'
                  % (self.servers.conflicts() - before)]
        self.assertEqual([], chaos.ledger.violations)
        self.assertEqual(set(faults.Faults.ALL), set(chaos.faults.counts))
        self._check_failures(chaos.faults.windows)
        self._check_equal()

    def _check_failures(self, windows):
        """Check that no API failed but while its own server was away."""
        for number, made in enumerate(self.clients):
            for failure in made.failures:
                self.assertEqual(503, failure.status, failure)
                self.assertTrue(any(
                    window.number == number and window.explains(failure)
                    for window in windows), '%s: %s' % (number, failure))

    def _check_equal(self):
        """Check that all servers have the same rows."""
        first, *others = [self._rows(server.number)
                          for server in self.servers.servers]
        for rows in others:
            self.assertEqual(first, rows)

    def _rows(self, number):
        engine = sa.create_engine(self.servers.url(
            number, self.service.database.name,
            init_command='SET SESSION wsrep_sync_wait = 1'),
            poolclass=sa.NullPool)
        with engine.connect() as connection:
            return [connection.execute(
                sa.select(table).order_by(table.c.id)).all()
                for table in (_allocation, _node)]
