# SPDX-License-Identifier: Apache-2.0
"""Metrics: what is counted when, and that all of it is documented."""

import os
import pathlib
import re
import sys
import timeit
from unittest import mock

import fixtures
from oslo_config import fixture as config_fixture
from oslo_db import exception as db_exc
from oslo_utils import uuidutils
import prometheus_client
import testtools

from allocator.api import app
from allocator.api import measuring
from allocator.conductor import pool_gauge
from allocator.conductor import rpcapi
from allocator.conf import CONF
from allocator.db import session
from allocator.telemetry import metrics
from allocator.tests import fixtures as service_fixtures

DOCUMENT = (pathlib.Path(__file__).parents[3]
            / 'doc' / 'source' / 'admin' / 'metrics.rst')


class Counting(fixtures.Fixture):
    """Counts in this process."""

    def _setUp(self):
        self._registry = prometheus_client.CollectorRegistry()
        metrics.start(self._registry)
        self.addCleanup(metrics.stop)

    def value(self, name, **labels):
        return self._registry.get_sample_value(metrics.PREFIX + name, labels)


class CountTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.counted = self.useFixture(Counting())
        self.api = self.useFixture(service_fixtures.Api())

    def allocate(self, count=1):
        for _ in range(count):
            self.api.post('/v1/allocations', {'resource_class': 'metal'})

    def test_results_time_and_batch(self):
        service_fixtures.add_node()
        self.allocate(3)
        self.api.match()
        self.assertEqual(
            (1, 2), (self.counted.value('allocations_total', result='active'),
                     self.counted.value('allocations_total', result='error')))
        self.assertEqual(
            1, self.counted.value('time_to_active_seconds_count'))
        self.assertEqual(
            (1, 3), (self.counted.value('batch_size_count'),
                     self.counted.value('batch_size_sum')))

    def test_an_empty_queue_is_no_batch(self):
        self.api.match()
        self.assertEqual(0, self.counted.value('batch_size_count'))

    def test_a_backfill_is_a_result(self):
        node = service_fixtures.add_node(provision_state='active')
        self.api.post('/v1/allocations', {'node': node.uuid})
        self.assertEqual(1, self.counted.value('allocations_total',
                                               result='backfilled'))

    def test_only_sweeps_find(self):
        service_fixtures.add_node()
        self.allocate()
        self.api.match()
        self.assertEqual(0, self.counted.value('sweep_finds_total'))
        self.allocate(2)
        self.api.loop.walk(announced=False)
        self.assertEqual(2, self.counted.value('sweep_finds_total'))

    def test_requests_by_method_and_status(self):
        application = app.setup_app()
        for method, path in (('GET', '/v1/allocations'),
                             ('GET', '/v1/allocations/none'),
                             ('BREW', '/v1/allocations')):
            environ = {'REQUEST_METHOD': method, 'PATH_INFO': path,
                       'SERVER_NAME': 'test', 'SERVER_PORT': '80',
                       'wsgi.url_scheme': 'http',
                       'HTTP_OPENSTACK_API_VERSION': 'baremetal latest'}
            list(application(environ, lambda *args: None))
        found = {(method, status): self.counted.value(
            'api_requests_total', method=method, status=status)
            for method in ('GET', 'other') for status in ('200', '404',
                                                          '405')}
        self.assertEqual({('GET', '200'): 1, ('GET', '404'): 1,
                          ('GET', '405'): None, ('other', '200'): None,
                          ('other', '404'): None, ('other', '405'): 1},
                         found)
        self.assertEqual(2, self.counted.value('api_request_seconds_count',
                                               method='GET'))

    def test_database_errors_by_transaction(self):
        @session.retried
        def _claim_something():
            if self.counted.value('database_errors_total', error='DBDeadlock',
                                  transaction='claim_something') is None:
                raise db_exc.DBDeadlock()

        _claim_something()
        self.assertEqual(1, self.counted.value(
            'database_errors_total', error='DBDeadlock',
            transaction='claim_something'))

    def test_lost_casts_by_method(self):
        def fail(*_arguments):
            raise RuntimeError('no bus')

        self.useFixture(fixtures.MockPatchObject(
            rpcapi.ConductorAPI, '_cast', fail))
        conductors = rpcapi.ConductorAPI()
        conductors.serve_class(None, 'metal')
        conductors.process_allocation(None, 'some')
        conductors._doorbell.close(10)
        for method in ('serve_class', 'process_allocation'):
            self.assertEqual(1, self.counted.value(
                'rpc_errors_total', method=method))

    def test_the_pool_is_told_by_class_and_condition(self):
        self.useFixture(fixtures.EnvironmentVariable(
            'PROMETHEUS_MULTIPROC_DIR',
            self.useFixture(fixtures.TempDir()).path))
        for values in ({}, {}, {'maintenance': True},
                       {'instance_uuid': uuidutils.generate_uuid()},
                       {'resource_class': None}):
            service_fixtures.add_node(**values)
        pool_gauge.show()
        family, = metrics.GaugeCollector().collect()
        self.assertEqual('allocator_nodes', family.name)
        found = {(sample.labels['resource_class'],
                  sample.labels['condition']): sample.value
                 for sample in family.samples}
        self.assertEqual(
            {('metal', 'free'): 2, ('metal', 'held'): 1,
             ('metal', 'out_of_order'): 1, ('', 'free'): 1, ('', 'held'): 0,
             ('', 'out_of_order'): 0}, found)

    def test_a_gauge_that_cannot_be_read_is_left_out(self):
        def fail():
            raise db_exc.DBConnectionError()

        metrics.set_gauge('queue_length', fail)
        self.assertEqual([], list(metrics.GaugeCollector().collect()))
        metrics.set_gauge('queue_length', lambda: 7)
        family, = metrics.GaugeCollector().collect()
        self.assertEqual(('allocator_queue_length', 7),
                         (family.name, family.samples[0].value))


class OffTests(testtools.TestCase):
    """Without configuration nothing is counted, and it costs nothing."""

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(service_fixtures.Api())

    def test_nothing_is_prepared(self):
        for program in (metrics.API, metrics.CONDUCTOR):
            metrics.prepare(program)
            self.assertFalse(metrics.is_on())

    def test_requests_do_not_pass_the_middleware(self):
        self.assertNotIsInstance(app.setup_app(), measuring.RequestMetrics)

    def test_counting_takes_less_than_two_microseconds(self):
        best = min(timeit.repeat(lambda: metrics.count(
            'allocations_total', result='active'), number=1000, repeat=20))
        self.assertLess(best / 1000, 2e-6)

    def test_a_foreign_server_needs_a_directory(self):
        self.api.configuration.set('path', '/metrics', group='metrics')
        logged = self.useFixture(fixtures.FakeLogger())
        metrics.prepare(metrics.API, is_master=False)
        self.assertFalse(metrics.is_on())
        self.assertIn('[metrics] directory', logged.output)

    def test_a_foreign_server_serves_no_port(self):
        self.api.configuration.set('api_port', 1, group='metrics')
        metrics.prepare(metrics.API, is_master=False)
        self.assertFalse(metrics.is_on())


class DirectoryTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.conf = self.useFixture(config_fixture.Config(CONF))
        self.addCleanup(metrics.stop)
        # The library chose at its import how it counts in this process.
        self.useFixture(fixtures.EnvironmentVariable(
            'PROMETHEUS_MULTIPROC_DIR'))
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.conf.config(group='metrics', directory=self.directory,
                         path='/metrics')

    def files(self):
        folder = os.path.join(self.directory, 'api')
        os.makedirs(folder)
        for name in ('counter_17.db', 'notes.txt'):
            open(os.path.join(folder, name), 'w').close()
        return folder

    def test_a_start_removes_the_numbers_of_a_former_run(self):
        folder = self.files()
        metrics.prepare(metrics.API)
        self.assertEqual(['notes.txt'], os.listdir(folder))
        self.assertEqual(folder, os.environ['PROMETHEUS_MULTIPROC_DIR'])

    def test_a_foreign_servers_process_keeps_those_of_the_others(self):
        folder = self.files()
        metrics.prepare(metrics.API, is_master=False)
        self.assertIn('counter_17.db', os.listdir(folder))

    def test_a_directory_that_cannot_be_made_ends_the_start(self):
        """Once, with a traceback."""
        file = os.path.join(self.directory, 'file')
        open(file, 'w').close()
        self.conf.config(group='metrics', directory=file)
        for is_master in (True, False):
            error = self.assertRaises(SystemExit, metrics.prepare,
                                      metrics.API, is_master)
            self.assertIn('[metrics] directory', str(error))
            self.assertIn(file, str(error))

    def test_services_that_share_a_directory_keep_each_others_files(self):
        folder = self.files()
        self.conf.config(group='metrics', conductor_port=1)
        metrics.prepare(metrics.CONDUCTOR)
        self.assertIn('counter_17.db', os.listdir(folder))

    def test_without_the_library_the_start_ends_with_a_sentence(self):
        """Once, it named a package of somebody else's on the index."""
        with mock.patch.dict(sys.modules, {'prometheus_client': None}):
            error = self.assertRaises(SystemExit, metrics.prepare,
                                      metrics.API)
        self.assertIn('".[metrics]"', str(error))
        self.assertNotIn('allocator[', str(error))

    def test_only_its_maker_removes_a_temporary_directory(self):
        metrics._remove(self.directory, os.getpid() + 1)
        self.assertTrue(os.path.isdir(self.directory))
        metrics._remove(self.directory, os.getpid())
        self.assertFalse(os.path.isdir(self.directory))


class DocumentTests(testtools.TestCase):

    def test_each_metric_is_documented_with_its_labels_and_nothing_else(self):
        rows = re.findall(
            r'^   \* - ``allocator_(\w+)``\n     - (\w+)\n     - (.*)\n',
            DOCUMENT.read_text(), re.M)
        documented = {
            name: (kind, tuple(re.findall(r'``(\w+)``', labels)))
            for name, kind, labels in rows}
        self.assertEqual(
            {metric.name: (metric.kind, metric.labels)
             for metric in metrics.TABLE.values()}, documented)
