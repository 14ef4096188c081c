# SPDX-License-Identifier: Apache-2.0
"""What lists of large documents take of the API's memory."""

import re

import sqlalchemy as sa

from allocator.db import models
from allocator.db import pagination
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase

NUMBER = 30
EXTRA = {'document': 'x' * 900 * 1000}

MIB = 1024 * 1024

# What a page may take in all its forms: text of the database, objects, JSON.
LARGE_PAGE = 16 * pagination.MAX_BYTES
SMALL_PAGE = 16 * MIB

_chassis = models.Chassis.__table__


@testcase.per_database()
class ListMemoryTests(testcase.ServiceTests):

    conductors = 1

    def setUp(self):
        super().setUp()
        seeds.add_allocations(self.service.engine, NUMBER, state='error',
                              extra=EXTRA)
        self.service.add_nodes(NUMBER, extra=EXTRA)
        with self.service.engine.begin() as connection:
            connection.execute(sa.delete(_chassis))
            connection.execute(sa.insert(_chassis), [
                {'uuid': '00000000-0000-4000-8000-%012d' % number,
                 'extra': EXTRA} for number in range(NUMBER)])
        for name in ('allocations', 'nodes', 'chassis'):
            # Whatever the first requests load for good.
            for _ in range(20):
                self.read('/v1/%s?fields=uuid&limit=1' % name)

    def read(self, path):
        answer = self.client.get(path)
        self.assertEqual(200, answer.status_code, answer.text[:1000])
        return answer.json()

    def peak(self):
        """Tell the most memory that the API's processes had, in bytes."""
        pids = [self.service.api.pid, *self.service.api.children()]
        found = 0
        for pid in pids:
            with open('/proc/%d/status' % pid) as file:
                found += 1024 * int(re.search(r'VmHWM:\s+(\d+) kB',
                                              file.read()).group(1))
        return found

    def test_a_list_of_uuids_does_not_decode_the_documents(self):
        """?fields=uuid took 200 MiB for 30 allocations."""
        before = self.peak()
        for name in ('allocations', 'nodes', 'chassis'):
            page = self.read('/v1/%s?fields=uuid' % name)
            self.assertEqual(NUMBER, len(page[name]))
            self.assertNotIn('next', page)
        self.assertLess(self.peak() - before, SMALL_PAGE)

    def test_a_page_of_large_documents_ends_early(self):
        before = self.peak()
        for path, name in (('/v1/allocations', 'allocations'),
                           ('/v1/nodes/detail', 'nodes'),
                           ('/v1/chassis/detail', 'chassis')):
            found = []
            while path:
                page = self.read(path)
                for item in page[name]:
                    self.assertEqual(EXTRA, item['extra'])
                    found.append(item['uuid'])
                path = page.get('next', '').removeprefix(
                    self.service.endpoint)
                # The row that goes beyond the bound is the last one.
                self.assertIn(len(page[name]),
                              (5,) if path else range(1, 6))
            self.assertEqual(NUMBER, len(set(found)))
            self.assertEqual(NUMBER, len(found))
        self.assertLess(self.peak() - before, LARGE_PAGE)
