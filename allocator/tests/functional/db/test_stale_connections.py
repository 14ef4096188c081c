# SPDX-License-Identifier: Apache-2.0
"""Connections that the server has ended are noticed by no client.

Nothing asks a connection whether it still stands before it is used.
"""

import sqlalchemy as sa

from allocator.api import app
from allocator.conductor import manager
from allocator.conductor import matching
from allocator.conductor import rpcapi
from allocator.db import allocations
from allocator.db import conductors
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.db import killing
from allocator.tests.functional.db import schema

URL = '/v1/allocations'
METAL = {'resource_class': 'metal'}


@testcase.per_database(*databases.SERVERS)
class StaleConnectionTests:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine
        conductors.beat('test')
        self.api = fixtures.Api()
        self.loop = matching.MatchingLoop()
        rpcapi.set_local(manager.ConductorManager(self.loop, None, None))
        self.api.application = app.setup_app()

    def send(self, status, method, path, body=None):
        """Send a request when all connections have been killed."""
        # Several are in the pool.
        with session.reader() as one, session.reader() as other:
            for connection in (one, other):
                connection.execute(sa.select(1))
        self.assertGreater(killing.kill_all(self.engine), 1)
        answer = self.api.request(method, path, body)
        self.assertEqual(status, answer.status, answer)
        return answer.body

    def test_requests_are_answered_all_the_same(self):
        created = self.send(201, 'POST', URL, METAL)
        path = '%s/%s' % (URL, created['uuid'])
        self.assertEqual(created['uuid'],
                         self.send(200, 'GET', path)['uuid'])
        self.assertEqual(1, len(self.send(200, 'GET', URL)['allocations']))
        patch = [{'op': 'add', 'path': '/extra/times', 'value': 1}]
        self.assertEqual({'times': 1},
                         self.send(200, 'PATCH', path, patch)['extra'])
        fixtures.add_node()
        self.loop.walk()
        self.send(204, 'DELETE', path)
        self.send(404, 'GET', path)

    def test_a_create_that_asks_before_it_writes(self):
        uuid = allocations.new_uuid()
        self.send(201, 'POST', URL, METAL | {'uuid': uuid})
        self.send(409, 'POST', URL, METAL | {'uuid': uuid})

    def test_nodes_and_backfills(self):
        node = fixtures.add_node(provision_state='active')
        self.send(200, 'GET', '/v1/nodes/' + node.uuid)
        self.send(201, 'POST', URL, METAL | {'node': node.uuid})
        self.send(200, 'GET', '/v1/nodes/%s/allocation' % node.uuid)

    def test_a_claim(self):
        fixtures.add_node()
        created = self.send(201, 'POST', URL, METAL)
        killing.kill_all(self.engine)
        self.loop.walk()
        self.assertEqual('active', allocations.get(created['uuid']).state)
