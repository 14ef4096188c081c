# SPDX-License-Identifier: Apache-2.0
"""Metrics of real processes, asked as Prometheus asks."""

import os
import signal

from prometheus_client import parser
import requests

from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting


def scrape(url):
    """Read all metrics.

    :param url: where they are shown
    :returns: dict of values by (name, sorted labels)
    """
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in parser.text_string_to_metric_families(answer.text)
            for sample in family.samples}


def workers(process):
    """List the process ids of a master's workers."""
    with open('/proc/%d/task/%d/children' % (process.pid, process.pid)) as f:
        return [int(pid) for pid in f.read().split()]


class MetricsTests(testcase.ServiceTests):
    """Every worker process is asked, and each knows what all have counted."""

    #: URL of the conductor's metrics, and of the API's
    conductor_url = None
    api_url = None

    def value(self, url, name, **labels):
        return scrape(url).get(('allocator_' + name,
                                tuple(sorted(labels.items()))), 0)

    def wait_for_growth(self, amount, url, name, **labels):
        """Give a function that waits until a metric has grown."""
        before = self.value(url, name, **labels)

        def wait():
            waiting.until(
                lambda: self.value(url, name, **labels) - before == amount,
                10, '%s grows by %s' % (name, amount))
        return wait

    def test_requests_and_results_are_counted(self):
        self.service.add_nodes(3)
        grown = [
            self.wait_for_growth(5, self.api_url, 'api_requests_total',
                                 method='POST', status='201'),
            self.wait_for_growth(5, self.api_url, 'api_request_seconds_count',
                                 method='POST'),
            self.wait_for_growth(3, self.conductor_url, 'allocations_total',
                                 result='active'),
            self.wait_for_growth(2, self.conductor_url, 'allocations_total',
                                 result='error'),
            self.wait_for_growth(3, self.conductor_url,
                                 'time_to_active_seconds_count')]
        self.client.allocate_all([{'resource_class': 'baremetal'}] * 5)
        self.client.all_settled()
        for wait in grown:
            wait()
        self.assertEqual(0, self.value(self.conductor_url, 'queue_length'))
        self.assertEqual(0, scrape(self.conductor_url)[
            'allocator_oldest_due_seconds', ()])
        self.assertLess(0, self.value(self.conductor_url, 'batch_size_count'))

    def test_the_pool_is_told_by_condition(self):
        self.service.add_nodes(3, resource_class='pool')
        self.service.add_nodes(2, resource_class='pool', maintenance=True)
        self.client.settled(self.client.allocate(
            resource_class='pool')['uuid'])

        def counted():
            return [self.value(self.conductor_url, 'nodes', condition=name,
                               resource_class='pool')
                    for name in ('free', 'held', 'out_of_order')] == [2, 1, 2]

        # Longer than what was read is remembered.
        waiting.until(counted, 20, 'the pool is told', interval=0.5)

    def test_what_a_sweep_finds_is_counted(self):
        nodes = self.service.add_nodes(2)
        wait = self.wait_for_growth(2, self.conductor_url,
                                    'sweep_finds_total')
        seeds.add_allocations(self.service.engine, len(nodes))
        self.client.all_settled()
        wait()

    def test_workers_that_die_leave_their_numbers(self):
        before = self.answered()
        for _ in range(3):
            self.client.get('/v1/allocations')
        for worker in workers(self.service.api):
            os.kill(worker, signal.SIGKILL)
        self.assertLessEqual(before + 3, waiting.until(
            self.answered, 20, 'another worker shows the metrics'))

    def answered(self):
        """Read how many requests have succeeded; None if nobody tells."""
        try:
            return self.value(self.api_url, 'api_requests_total',
                              method='GET', status='200')
        except requests.ConnectionError:
            return None


@testcase.per_database(databases.MYSQL)
class OwnPortsTests(MetricsTests):

    conductors = 1

    @classmethod
    def setUpClass(cls):
        ports = {'api_port': fixtures.free_port(),
                 'conductor_port': fixtures.free_port()}
        cls.options = {'metrics': ports, 'conductor': {'sweep_interval': 1}}
        cls.api_url = 'http://127.0.0.1:%d/metrics' % ports['api_port']
        cls.conductor_url = ('http://127.0.0.1:%d/metrics'
                             % ports['conductor_port'])
        super().setUpClass()


@testcase.per_database(databases.SQLITE)
class PathTests(MetricsTests):

    options = {'metrics': {'path': '/metrics'},
               'conductor': {'sweep_interval': 1}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api_url = cls.service.endpoint + '/metrics'
        cls.conductor_url = cls.api_url
