# SPDX-License-Identifier: Apache-2.0
"""Alerts and dashboard of a real Prometheus that watches a real service.

Each fault is made for real: its alert fires, and clears once it is over.
"""

import contextlib
import datetime
import json
import pathlib
import threading
import time

from oslo_utils import timeutils
import sqlalchemy as sa
import testtools

from allocator.db import models
from allocator.tests.functional import databases
from allocator.tests.functional import holding
from allocator.tests.functional import prometheus
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting
from allocator.tests.functional import watched

DASHBOARD = (pathlib.Path(__file__).parents[3]
             / 'etc' / 'grafana' / 'allocator.json')

_allocation = models.Allocation.__table__
_node = models.Node.__table__
_waiter = models.Waiter.__table__

# How long somebody has waited, which is more than an alert's bound.
DAYS = datetime.timedelta(days=2)

# Seconds until a mirror has read new nodes.
KNOWN = 30

# More writes than the alert's bound.
MANY = 60

# Seconds for which nodes are locked: more than an allocation may take.
LOCKED = 7

CLAIMS = {'method': 'POST', 'path': '/v1/allocations$', 'times': None}


class Repeating:
    """Does something again and again, in a thread, until the block ends.

    :param function: what to do; it may fail, as a user's request may
    """

    def __init__(self, function):
        self._function = function
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._ended.wait(0.2):
            with contextlib.suppress(Exception):
                self._function()

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_error):
        self._ended.set()
        self._thread.join()


@testcase.per_database(databases.MYSQL)
class WatchingTests:

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prometheus.find('prometheus')
        cls.service = cls._use(watched.WatchedService(cls.kind))
        cls.client = cls.service.client
        # Rates are of what has happened before.
        cls.service.add_node(resource_class='first')
        cls.client.settled(cls.client.allocate(
            resource_class='first')['uuid'])
        cls.prometheus = cls._use(
            prometheus.Prometheus(*cls.service.ports))

    @classmethod
    def _use(cls, fixture):
        fixture.setUp()
        cls.addClassCleanup(fixture.cleanUp)
        return fixture

    def setUp(self):
        super().setUp()
        self.addCleanup(self.service.heal)
        self.addOnException(self._tell)
        self.resource_class = self.id().rpartition('.')[2][:60]

    def _tell(self, _error):
        for name, text in (('service', self.service.logs()),
                           ('prometheus', self.prometheus.log())):
            self.addDetail(name, testtools.content.text_content(text))

    def fires(self, name, backend=None):
        self.prometheus.wait_alert(name, backend)

    def clears(self, *names, backend=None):
        for name in names:
            self.prometheus.wait_clear(name, backend)

    def allocate(self):
        """Request a node of the test's class."""
        return self.client.allocate(
            resource_class=self.resource_class)['uuid']

    def enrol(self, count):
        """Have the backend east have nodes of the test's class."""
        found = self.service.stores['east'].enrol(
            count, resource_class=self.resource_class)
        waiting.until(lambda: set(found) <= set(self.service.nodes()), KNOWN,
                      'the mirror has the nodes', interval=0.2)

    @contextlib.contextmanager
    def locked_nodes(self, count):
        """Have another transaction lock all nodes of the test's class."""
        with contextlib.ExitStack() as stack:
            for uuid in self.service.add_nodes(
                    count, resource_class=self.resource_class):
                stack.enter_context(holding.node(self.service.engine, uuid))
            yield

    # --- Alerts ------------------------------------------------------------

    def test_no_conductor_is_alive(self):
        conductor, = self.service.conductors
        conductor.kill()
        self.fires('AllocatorNoConductor')
        conductor.start()
        self.clears('AllocatorNoConductor')
        self.service.wait_ready()

    def test_somebody_keeps_nodes_locked(self):
        with self.locked_nodes(3):
            uuids = [self.allocate() for _ in range(3)]
            begun = time.monotonic()
            self.fires('AllocatorDueTooLong')
            self.fires('AllocatorConflicts')
            waiting.until(lambda: time.monotonic() > begun + LOCKED, LOCKED,
                          'they have been due for long')
        for uuid in uuids:
            self.assertEqual('active', self.client.settled(uuid)['state'])
        self.fires('AllocatorSlow')
        self.clears('AllocatorDueTooLong', 'AllocatorConflicts',
                    'AllocatorSlow')

    def test_somebody_has_waited_for_days(self):
        self.wait_for_a_node(self.resource_class)
        with self.service.engine.begin() as connection:
            for table in (_waiter, _allocation):
                connection.execute(sa.update(table).where(
                    table.c.resource_class == self.resource_class).values(
                    created_at=timeutils.utcnow() - DAYS))
        self.fires('AllocatorWaitingLong')
        self.service.add_node(resource_class=self.resource_class)
        self.clears('AllocatorWaitingLong')

    def test_somebody_takes_locks_in_another_order(self):
        self.service.add_node(resource_class=self.resource_class)
        uuid = self.allocate()
        node = self.client.settled(uuid)['node_uuid']
        # It is not released, so it can be tried again and again.
        with self.service.engine.begin() as connection:
            seeds.set_node(connection, node, provision_state='active')
        others = self.service.add_nodes(MANY, resource_class='others')
        with Repeating(lambda: self.meet(uuid, node, others)), Repeating(
                lambda: self.delete_in_vain(uuid)):
            self.fires('AllocatorDatabaseConflicts')
        self.clears('AllocatorDatabaseConflicts')

    def delete_in_vain(self, uuid):
        for _ in range(MANY):
            self.client.delete('/v1/allocations/' + uuid)

    def meet(self, uuid, node, others):
        """Have one transaction after the other lock a node first.

        They have written more than what they meet, which the database gives
        up for that reason.
        """
        for _ in range(MANY):
            with self.service.engine.begin() as connection:
                connection.execute(sa.update(_node).where(
                    _node.c.uuid.in_(others)).values(
                    generation=_node.c.generation + 1))
                connection.execute(sa.select(_node.c.id).where(
                    _node.c.uuid == node).with_for_update())
                connection.execute(sa.select(_allocation.c.id).where(
                    _allocation.c.uuid == uuid).with_for_update())

    def test_the_database_is_away(self):
        self.service.database_proxy.refuse()
        with Repeating(lambda: self.client.get('/v1/allocations')):
            self.fires('AllocatorDatabaseErrors')
            self.fires('AllocatorApiFailures')
        self.service.database_proxy.accept()
        self.clears('AllocatorDatabaseErrors', 'AllocatorApiFailures',
                    'AllocatorNoConductor')

    def test_the_bus_is_away(self):
        self.service.broker_proxy.refuse()
        with Repeating(self.allocate):
            self.fires('AllocatorBusErrors', None)
        self.service.broker_proxy.accept()
        self.clears('AllocatorBusErrors')
        self.service.wait_ready()

    def test_a_backend_is_away_and_another_one_was_never_there(self):
        self.service.backend_proxies['east'].refuse()
        self.fires('AllocatorBackendSilent', 'west')
        self.fires('AllocatorBackendStale', 'east')
        for backend in watched.BACKENDS:
            self.service.backend_proxies[backend].accept()
        self.clears('AllocatorBackendStale', backend='east')
        self.clears('AllocatorBackendSilent', backend='west')

    def test_writes_to_a_backend_pile_up(self):
        self.enrol(MANY)
        self.service.backend_proxies['east'].keep(**CLAIMS)
        uuids = [made['uuid'] for made in self.client.allocate_all(
            [{'resource_class': self.resource_class}] * MANY)]
        self.fires('AllocatorWritesPileUp', 'east')
        self.fires('AllocatorWriteUnanswered', 'east')
        self.service.backend_proxies['east'].heal()
        for uuid in uuids:
            self.client.settled(uuid, prometheus.NOTICED)
        self.clears('AllocatorWritesPileUp', 'AllocatorWriteUnanswered',
                    backend='east')

    # --- The dashboard -----------------------------------------------------

    def test_each_query_of_the_dashboard_gets_data(self):
        begun = time.time()
        self.fill_the_pool()
        with self.locked_nodes(1):
            held_up = self.allocate()
            self.lose_connections()
        self.client.settled(held_up)
        queries = {(panel['title'], target['expr']) for panel in
                   json.loads(DASHBOARD.read_text())['panels']
                   for target in panel.get('targets', ())}
        self.assertLess(25, len(queries))
        missing = set(queries)

        def is_all_there():
            missing.difference_update(
                {query for query in missing if self.has_data(query, begun)})
            return not missing

        with Repeating(self.use_a_node):
            try:
                waiting.until(is_all_there, KNOWN, 'all have data',
                              interval=1)
            except AssertionError:
                self.assertEqual(set(), missing)

    def has_data(self, query, begun):
        """Tell whether a query has given any number since some time."""
        found = self.prometheus.ask(
            'query_range', query=prometheus.shortened(query[1]), start=begun,
            end=time.time(), step=1)['result']
        return any(value != 'NaN' for series in found
                   for _time, value in series['values'])

    def fill_the_pool(self):
        """Have nodes and allocations of each kind."""
        self.enrol(2)
        for _ in range(2):
            self.client.settled(self.allocate())
        self.service.add_nodes(2, resource_class='wanted', maintenance=True)
        seeds.add_allocations(self.service.engine, 2, resource_class='none')
        for _ in range(3):
            self.wait_for_a_node()
        self.service.add_nodes(2, resource_class='wanted')
        self.service.add_nodes(3, resource_class='busy')

    def wait_for_a_node(self, resource_class='wanted'):
        """Request a node, for which the allocation may wait.

        :returns: UUID of the allocation
        """
        answer = self.client.post(
            '/allocator/v1/allocations',
            {'resource_class': resource_class, 'wait_timeout': 600},
            headers={'OpenStack-API-Version': 'allocator latest'})
        self.assertEqual(201, answer.status_code, answer.text)
        return answer.json()['uuid']

    def use_a_node(self):
        """Do what users do all the time: get nodes and give them back."""
        for uuid in (self.wait_for_a_node('busy'),
                     self.client.allocate(resource_class='busy')['uuid']):
            self.client.settled(uuid)
            self.client.delete('/v1/allocations/' + uuid)

    def lose_connections(self):
        """Lose some transactions and some messages."""
        self.service.broker_proxy.refuse()
        for _ in range(3):
            self.allocate()
        self.service.database_proxy.refuse()
        self.assertEqual(503, self.client.get('/v1/allocations').status_code)
        self.service.heal()
