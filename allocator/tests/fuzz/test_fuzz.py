# SPDX-License-Identifier: Apache-2.0
"""No request makes the service fail, hang, or change what it refused to.

``ALLOCATOR_FUZZ_REQUESTS`` says how many; ``ALLOCATOR_FUZZ_SEED`` repeats an
earlier run.
"""

import collections
import http.client
import os
import random
import uuid

import hypothesis
from hypothesis import strategies as st
import sqlalchemy as sa
import testtools
from testtools import content

from allocator.db import models
from allocator.tests.functional import fixtures
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting
from allocator.tests.fuzz import requests

REQUESTS = 20000

# Requests in one example of hypothesis; more than this many rows of a kind
# are removed before the next one.
LENGTH = 20
MANY_ROWS = 40

# Seconds after which the service hangs.
HANG = 20

TABLES = [models.Allocation.__table__, models.Node.__table__,
          models.Chassis.__table__]


@testcase.per_database()
class Fuzz:

    def setUp(self):
        super().setUp()
        self.service = self.useFixture(fixtures.Service(
            self.kind, conductors=1, api_workers=1))
        self.answers = collections.Counter()
        self.addOnException(lambda _exc_info: self.addDetail(
            'logs', content.text_content(self.service.logs()[-20000:])))
        self._connection = None
        self._fill()

    def _fill(self):
        """Have something of everything, and not too much."""
        with self.service.engine.connect() as connection:
            counts = [connection.execute(sa.select(sa.func.count())
                                         .select_from(table)).scalar()
                      for table in TABLES]
        if max(counts) > MANY_ROWS:
            self._settle()
            self.service.wipe()
            with self.service.engine.begin() as connection:
                connection.execute(sa.delete(TABLES[2]))
            counts[1] = 0
        if counts[1] < 3:
            self.service.add_nodes(3, ['CUSTOM_FUZZ'], resource_class='fuzz')
            self.service.add_node(resource_class='fuzz',
                                  provision_state='active')
        self._known = None

    def _settle(self):
        table = TABLES[0]
        waiting.until(lambda: not self._select(
            sa.select(table.c.id).where(table.c.state == 'allocating')),
            HANG, 'no allocation is pending')

    def _select(self, query):
        with self.service.engine.connect() as connection:
            return connection.execute(query).all()

    def _read(self):
        return [self._select(sa.select(table).order_by(table.c.id))
                for table in TABLES]

    def test_requests_of_all_kinds(self):
        count = int(os.environ.get('ALLOCATOR_FUZZ_REQUESTS') or REQUESTS)
        seed = int(os.environ.get('ALLOCATOR_FUZZ_SEED')
                   or random.SystemRandom().getrandbits(32))
        self.addDetail('seed', content.text_content(
            'ALLOCATOR_FUZZ_SEED=%d' % seed))

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=count // LENGTH, deadline=None, database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.given(st.lists(requests.requests(), min_size=LENGTH,
                                   max_size=LENGTH))
        def run(drawn):
            self._fill()
            for request in drawn:
                self._check(request)

        run()
        self.addDetail('answers', content.text_content(
            '\n'.join('%s %d: %d' % (*key, number) for key, number
                      in sorted(self.answers.items()))))
        print(self.kind, 'seed', seed, sum(self.answers.values()),
              'requests:', dict(self.answers))

    def _check(self, request):
        """Send a request and look at what it did."""
        if self._known is None:
            self._settle()
            self._known = self._read()
        status, text = self._send(request)
        self.answers[request.method, status] += 1
        if status >= 500:
            raise AssertionError('%s was answered %d: %s'
                                 % (request, status, text))
        if status >= 400:
            self.assertEqual(self._known, self._read(), request)
        elif request.method not in ('GET', 'HEAD', 'OPTIONS'):
            self._known = None

    def _send(self, request):
        """Send a request.

        :returns: status code and body
        """
        path, body = (self._fill_in(part, request.choices)
                      for part in (request.path, request.body))
        connection = self._connect()
        try:
            connection.request(request.method, path, body,
                               dict(request.headers))
            answer = connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, ConnectionError):
            # The server closed the connection after an error of form.
            connection.close()
            connection.request(request.method, path, body,
                               dict(request.headers))
            answer = connection.getresponse()
            text = answer.read()
        return answer.status, text

    def _connect(self):
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                '127.0.0.1', self.service.port, timeout=HANG)
            self.addCleanup(self._connection.close)
        return self._connection

    def _fill_in(self, part, choices):
        """Put known UUIDs, or unknown ones, where they belong."""
        if part is None:
            return None
        for name, rows, choice in zip(('allocation', 'node', 'chassis'),
                                      self._known, choices, strict=True):
            ident = (rows[choice % len(rows)].uuid if rows and choice < 18
                     else str(uuid.UUID(int=choice)))
            place = '{%s}' % name
            if isinstance(part, bytes):
                part = part.replace(place.encode(), ident.encode())
            else:
                part = part.replace(place, ident)
        return part


class Strategies(testtools.TestCase):

    def test_paths_cover_all_collections(self):
        """A collection that is added must be added to the paths, too."""
        from allocator.api.controllers import v1
        from allocator.api.controllers.own import root
        for prefix, controller in (('/v1/', v1.V1Controller(dict)),
                                   ('/allocator/v1/', root.V1Controller())):
            self.assertEqual(
                [], [name for name in controller._children
                     if prefix + name not in requests.PATHS])
