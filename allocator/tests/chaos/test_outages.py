# SPDX-License-Identifier: Apache-2.0
"""Outages, one by one, and what clients see of them in which time."""

import configparser
import os
import signal
import time

import sqlalchemy as sa
from testtools import content

from allocator.db import models
from allocator.tests.chaos import cluster
from allocator.tests.chaos import faults
from allocator.tests.functional import client
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Seconds that a machine busy with other tests adds to everything.
SLACK = 3

_allocation = models.Allocation.__table__

_WAITING = {
    databases.MYSQL: 'SELECT count(*) FROM information_schema.processlist '
                     'WHERE db = database() AND id <> connection_id() '
                     "AND info LIKE '%%FOR UPDATE%%'",
    databases.POSTGRESQL: 'SELECT count(*) FROM pg_stat_activity '
                          'WHERE datname = current_database() '
                          "AND wait_event_type = 'Lock'",
}


@testcase.per_database(*databases.SERVERS)
class Outages:

    def _cluster(self, apis=1, conductors=1, **options):
        made = cluster.Cluster(self.kind, apis, conductors, **options)
        self.useFixture(made)
        self.addOnException(lambda _exc_info: self.addDetail(
            'logs', content.text_content(made.logs())))
        self.cluster = made
        self.client = made.clients[0]

    def _add_node(self, **values):
        return seeds.add_node(self.cluster.engine, **values)

    def _timed(self, function, *args, **kwargs):
        """Call a function.

        :returns: its result, and how many seconds it took
        """
        started = time.monotonic()
        return function(*args, **kwargs), time.monotonic() - started

    def test_parts_start_in_any_order(self):
        self._cluster(starts=False)
        self.cluster.database_proxy.refuse()
        self.cluster.broker_proxy.refuse()
        for process in self.cluster.processes:
            process.start()
        conductor = self.cluster.conductors[0]
        waiting.until(
            lambda: b'Waiting for the database' in conductor.read_log(),
            cluster.START, 'the conductor says what it waits for')
        waiting.until(lambda: cluster.answers(self.client), cluster.START,
                      'the API answers')
        answer, seconds = self._timed(self.client.post, '/v1/allocations',
                                      {'resource_class': 'baremetal'})
        self.assertEqual(503, answer.status_code, client.described(answer))
        self.assertLess(seconds, 3 + SLACK)

        self.cluster.database_proxy.accept()
        self.cluster.wait_ready()
        waiting.until(
            lambda: b'waits for the message bus' in conductor.read_log(),
            cluster.START, 'the conductor says what it waits for')
        self._add_node()
        made, seconds = self._timed(self.client.allocate,
                                    resource_class='baremetal')
        self.assertLess(seconds, 2)
        path = '/v1/allocations/' + made['uuid']
        self.assertEqual('active', self.client.settled(
            made['uuid'], cluster.SWEEP_INTERVAL + SLACK)['state'])
        answer, seconds = self._timed(self.client.delete, path)
        self.assertEqual(204, answer.status_code, client.described(answer))
        self.assertLess(seconds, SLACK)

        self.cluster.broker_proxy.accept()
        waiting.until(lambda: b'is ready' in conductor.read_log(),
                      cluster.START, 'the conductor listens')

    def test_silent_broker_delays_no_post(self):
        self._cluster()
        self._add_node()
        self.cluster.broker_proxy.swallow()
        made, seconds = self._timed(self.client.allocate,
                                    resource_class='baremetal')
        self.assertLess(seconds, 2)
        self.assertEqual('active', self.client.settled(
            made['uuid'], cluster.SWEEP_INTERVAL + SLACK)['state'])
        answer, seconds = self._timed(
            self.client.delete, '/v1/allocations/' + made['uuid'])
        self.assertEqual(204, answer.status_code)
        self.assertLess(seconds, SLACK)

    def test_post_without_any_conductor_is_503_at_once(self):
        self._cluster()
        self._add_node()
        conductor = self.cluster.conductors[0]
        conductor.kill()
        waiting.until(
            lambda: self.client.post(
                '/v1/allocations', {'resource_class': 'none'}
            ).status_code == 503,
            cluster.HEARTBEAT_TIMEOUT + SLACK, 'the conductor counts as gone')
        answer, seconds = self._timed(self.client.post, '/v1/allocations',
                                      {'resource_class': 'baremetal'})
        self.assertEqual(503, answer.status_code)
        self.assertLess(seconds, 1)
        conductor.start()
        waiting.until(
            lambda: self.client.post(
                '/v1/allocations', {'resource_class': 'none'}
            ).status_code == 201, cluster.START, 'a conductor is back')
        # What was accepted while nobody was there is processed, too.
        self.client.all_settled()

    def test_terminated_conductor_leaves_at_once(self):
        self._cluster(conductors=2)
        conductor = self.cluster.conductors[0]
        conductor.terminate()
        waiting.until(lambda: conductor.name
                      not in self.cluster.heartbeats(), SLACK,
                      'its heartbeat row is gone')
        self.assertEqual(0, conductor.wait())
        self._add_node()
        made = self.client.allocate(resource_class='baremetal')
        self.assertEqual('active',
                         self.client.settled(made['uuid'])['state'])

    def test_conductor_leaves_although_the_broker_is_away(self):
        self._cluster()
        self.cluster.broker_proxy.refuse()
        conductor = self.cluster.conductors[0]
        _status, seconds = self._timed(conductor.stop)
        self.assertLess(seconds, cluster.GRACEFUL_SHUTDOWN_TIMEOUT + SLACK)
        self.assertEqual(set(), self.cluster.heartbeats())

    def test_workers_end_when_their_master_is_killed(self):
        self._cluster()
        conductor = self.cluster.conductors[0]
        workers = faults.children(conductor.pid)
        self.assertEqual(2, len(workers))
        conductor.send(signal.SIGKILL)
        conductor.wait()
        waiting.until(lambda: not any(map(faults.is_alive, workers)),
                      cluster.GRACEFUL_SHUTDOWN_TIMEOUT + SLACK,
                      'the workers are gone')
        self.assertEqual(set(), self.cluster.heartbeats())

    def test_terminated_api_finishes_what_it_has_begun(self):
        self._cluster()
        made = self.client.allocate(resource_class='none')
        self.client.settled(made['uuid'])
        api = self.cluster.apis[0]
        with self.cluster.engine.begin() as connection:
            connection.execute(sa.select(_allocation).where(
                _allocation.c.uuid == made['uuid']).with_for_update())
            with client.futures.ThreadPoolExecutor() as executor:
                waits = executor.submit(
                    self.client.patch, '/v1/allocations/' + made['uuid'],
                    [{'op': 'add', 'path': '/extra/key', 'value': 1}])
                waiting.until(self._is_waited_for, SLACK + 5,
                              'the request waits for the row')
                api.terminate()
                waiting.until(
                    lambda: not cluster.answers(self.client), SLACK + 5,
                    'the API takes nothing new')
                connection.rollback()
                self.assertEqual(200, waits.result(20).status_code)
        self.assertEqual(0, api.wait())

    def _is_waited_for(self):
        """Tell whether a session waits for a row lock of another."""
        with self.cluster.engine.connect() as connection:
            return connection.exec_driver_sql(_WAITING[self.kind]).scalar()

    def _set_option(self, process, section, option, value):
        path = self.cluster.config_file(process.name)
        parser = configparser.RawConfigParser()
        parser.read(path)
        parser.set(section, option, str(value))
        with open(path + '.new', 'w') as file:
            parser.write(file)
        os.replace(path + '.new', path)

    def test_hangup_reloads_mutable_options(self):
        self._cluster()
        made = [self.client.allocate(resource_class='none')['uuid']
                for _ in range(2)]
        api, conductor = self.cluster.processes
        self._set_option(api, 'api', 'max_limit', 1)
        api.send(signal.SIGHUP)
        waiting.until(
            lambda: len(self.client.get('/v1/allocations').json()
                        ['allocations']) == 1, 20, 'the API has reloaded')
        self._set_option(conductor, 'conductor', 'sweep_interval', 0.5)
        pids = faults.children(conductor.pid)
        conductor.send(signal.SIGHUP)
        waiting.until(
            lambda: b'sweep_interval' in conductor.read_log(), 20,
            'the conductor has reloaded')
        self.assertEqual(pids, faults.children(conductor.pid))
        for uuid in made:
            self.client.settled(uuid)

    def test_hangup_with_a_broken_file_changes_nothing(self):
        self._cluster()
        for process in self.cluster.processes:
            with open(self.cluster.config_file(process.name), 'a') as file:
                file.write('\nthis is no option\n')
            process.send(signal.SIGHUP)
            waiting.until(
                lambda process=process: b'could not be read'
                in process.read_log(), 20, '%s says so' % process.name)
        self._add_node()
        made = waiting.until(self._try_to_allocate, 20, 'the API works')
        self.assertEqual('active',
                         self.client.settled(made['uuid'])['state'])

    def _try_to_allocate(self):
        try:
            return self.client.allocate(resource_class='baremetal')
        except (AssertionError, OSError):
            return None

    def test_stopped_database_is_503_in_time(self):
        self._cluster()
        self.cluster.database_proxy.refuse()
        answer, seconds = self._timed(self.client.get, '/v1/allocations')
        self.assertEqual(503, answer.status_code)
        self.assertLess(seconds, 3 + SLACK)
        self.cluster.database_proxy.accept()
        waiting.until(lambda: self.client.get('/v1/allocations').ok, SLACK,
                      'the database is back')

    def test_locks_of_a_paused_process_go(self):
        """The database ends a transaction that stands still for 10 s."""
        self._cluster(apis=2)
        made = self.client.allocate(resource_class='none')
        self.client.settled(made['uuid'])
        path = '/v1/allocations/' + made['uuid']
        paused = self.cluster.apis[0]
        with client.futures.ThreadPoolExecutor() as executor:
            with self.cluster.engine.begin() as connection:
                connection.execute(sa.select(_allocation).where(
                    _allocation.c.uuid == made['uuid']).with_for_update())
                waits = executor.submit(self.client.delete, path)
                waiting.until(self._is_waited_for, SLACK + 5,
                              'the API waits for the row')
                os.killpg(paused.pid, signal.SIGSTOP)
                self.addCleanup(self._continue, paused)
            # The lock has passed to a process that does nothing with it.
            answer, seconds = self._timed(
                self.cluster.clients[1].patch, path,
                [{'op': 'add', 'path': '/extra/key', 'value': 1}])
            self.assertEqual(200, answer.status_code)
            self.assertLess(seconds, 10 + SLACK)
            self._continue(paused)
            # It begins anew.
            self.assertEqual(204, waits.result(60).status_code)
        self.assertEqual(
            404, self.cluster.clients[1].get(path).status_code)

    @staticmethod
    def _continue(process):
        if process.is_running:
            os.killpg(process.pid, signal.SIGCONT)
