# SPDX-License-Identifier: Apache-2.0
"""Logs in JSON: from the id of a request to the outcome of an allocation."""

import json
import pathlib

from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

EXAMPLE = (pathlib.Path(__file__).parents[3]
           / 'etc' / 'allocator' / 'logging.conf.example')


class LogTests(testcase.ServiceTests):

    conductors = 1

    def lines(self, processes, text):
        """Find lines of the log whose message holds a text.

        :param processes: list of processes.Process
        :returns: list of dicts
        """
        found = []
        for process in processes:
            for line in process.read_log().decode().splitlines():
                if line.startswith('{') and text in line:
                    found.append(json.loads(line))
        return [line for line in found if text in line['message']]

    def wait_for_one(self, processes, text):
        line, = waiting.until(lambda: self.lines(processes, text), 10,
                              'a log has ' + text)
        return line

    def allocate(self, **body):
        """Allocate.

        :returns: UUID of the allocation, id of the request
        """
        answer = self.client.post('/v1/allocations', body)
        uuid = answer.json()['uuid']
        self.client.settled(uuid)
        return uuid, answer.headers['X-OpenStack-Request-Id']


@testcase.per_database(databases.MYSQL)
class RequestIdTests(LogTests):
    """API and conductors are processes of their own."""

    options = {'DEFAULT': {'use_json': 'true', 'debug': 'true'}}

    def test_a_request_is_followed_from_the_api_to_the_conductor(self):
        node = self.service.add_node()
        uuid, request_id = self.allocate(resource_class='baremetal')
        created = self.wait_for_one([self.service.api],
                                    'Allocation %s is created' % uuid)
        rung = self.wait_for_one(self.service.conductors,
                                 'Allocation %s is to be processed' % uuid)
        outcome = self.wait_for_one(
            self.service.conductors,
            'Allocation %s is active with node %s after 0.' % (uuid, node))
        self.assertEqual(
            [request_id] * 2,
            [line['context']['request_id'] for line in (created, rung)])
        self.assertEqual(['INFO', 'DEBUG', 'INFO'], [
            line['levelname'] for line in (created, rung, outcome)])

    def test_a_deletion_carries_its_request_id(self):
        self.service.add_node()
        uuid, _request_id = self.allocate(resource_class='baremetal')
        answer = self.client.delete('/v1/allocations/' + uuid)
        deleted = self.wait_for_one([self.service.api],
                                    'Allocation %s is deleted' % uuid)
        self.assertEqual(answer.headers['X-OpenStack-Request-Id'],
                         deleted['context']['request_id'])


@testcase.per_database(databases.SQLITE)
class ExampleTests(LogTests):
    """The example of a configuration of logs."""

    options = {'DEFAULT': {'log_config_append': EXAMPLE}}

    def test_there_is_one_line_about_each_outcome(self):
        node = self.service.add_node()
        active, _request_id = self.allocate(resource_class='baremetal')
        failed, _request_id = self.allocate(resource_class='baremetal')
        self.wait_for_one(
            [self.service.api],
            'Allocation %s is active with node %s after 0.' % (active, node))
        line = self.wait_for_one([self.service.api],
                                 'Allocation %s failed after 0.' % failed)
        self.assertIn('s: No suitable node', line['message'])
        self.assertEqual('INFO', line['levelname'])
