# SPDX-License-Identifier: Apache-2.0
"""How many round trips to the database each request makes.

A test here that fails tells of a request that has become dearer, which may
have its reason; the number is then changed with it.
"""

import fixtures as fixtures_

from allocator.api import app
from allocator.conductor import manager
from allocator.conductor import matching
from allocator.conductor import rpcapi
from allocator.db import allocations
from allocator.db import backends
from allocator.db import conductors
from allocator.db import known_conductors
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema

METAL = {'resource_class': 'metal'}
URL = '/v1/allocations'


@testcase.per_database(*databases.SERVERS)
class RoundTripTests:

    def setUp(self):
        super().setUp()
        opened = self.useFixture(schema.Open(self.kind))
        conductors.beat('test')
        # A second is short on a busy machine.
        self.useFixture(fixtures_.MockPatchObject(
            known_conductors, 'REMEMBERED', 600))
        self.relay = schema.relayed(self, opened)
        self.api = fixtures.Api()
        self.loop = matching.MatchingLoop()
        rpcapi.set_local(manager.ConductorManager(self.loop, None, None))
        self.api.application = app.setup_app()
        # With this the connection is made, and what is remembered known.
        self.create()

    def create(self, **values):
        answer = self.api.post(URL, METAL | values)
        self.assertEqual(201, answer.status, answer)
        return answer.body

    def count(self, method, path, body=None, status=200):
        """Send a request; return how many round trips it made."""
        known_conductors.require()
        backends.exist()
        before = self.relay.count
        answer = self.api.request(method, path, body)
        self.assertEqual(status, answer.status, answer)
        return self.relay.count - before

    def create_active(self):
        node = fixtures.add_node()
        self.create()
        self.loop.walk()
        return self.api.get(
            '/v1/nodes/%s/allocation' % node.uuid).body, node

    def test_a_relay_counts_what_the_driver_sends(self):
        """Neither a ping before nor a ROLLBACK after may go unseen."""
        with session.get_engine().connect() as connection:
            before = self.relay.count
            raw = connection.connection.dbapi_connection
            for statement in ('SELECT 1', 'BEGIN', 'SELECT 2', 'ROLLBACK'):
                with raw.cursor() as cursor:
                    cursor.execute(statement)
            self.assertEqual(4, self.relay.count - before)
            if self.kind == 'mysql':
                raw.ping()
                self.assertEqual(5, self.relay.count - before)

    def test_a_create_makes_one(self):
        self.assertEqual(1, self.count('POST', URL, METAL, 201))

    def test_a_create_with_a_uuid_of_the_client_makes_two(self):
        # Whether a node has it as its instance.
        self.assertEqual(2, self.count(
            'POST', URL, METAL | {'uuid': allocations.new_uuid()}, 201))

    def test_a_create_with_candidates_makes_two(self):
        names = ['node-%d' % number for number in range(10)]
        for name in names:
            fixtures.add_node(name=name)
        self.assertEqual(2, self.count(
            'POST', URL, METAL | {'candidate_nodes': names}, 201))

    def test_the_heartbeat_is_asked_for_once_in_a_while(self):
        known_conductors.forget()
        before = self.relay.count
        # At the fifth, psycopg has the statement prepared besides.
        for _ in range(3):
            self.create()
        self.assertEqual(1 + 3, self.relay.count - before)

    def test_a_show_makes_one(self):
        uuid = self.create()['uuid']
        self.assertEqual(1, self.count('GET', '%s/%s' % (URL, uuid)))

    def test_a_list_makes_one(self):
        uuid = self.create()['uuid']
        self.assertEqual(1, self.count('GET', URL))
        # The marker's row.
        self.assertEqual(2, self.count('GET', URL + '?marker=' + uuid))

    def test_a_patch_makes_six(self):
        # Read for the policy; BEGIN, lock, write, COMMIT; read for the
        # answer.
        uuid = self.create()['uuid']
        self.assertEqual(6, self.count(
            'PATCH', '%s/%s' % (URL, uuid),
            [{'op': 'replace', 'path': '/name', 'value': 'new'}]))

    def test_a_delete_makes_eight(self):
        # Read for the policy; BEGIN, lock both sides, free the node, delete,
        # COMMIT; whether somebody waits for such a node.
        created, _node = self.create_active()
        self.assertEqual(8, self.count(
            'DELETE', '%s/%s' % (URL, created['uuid']), status=204))

    def test_a_backfill_makes_eight(self):
        # The node; BEGIN, lock it, look for the uuid on others, write both
        # sides, COMMIT; read for the answer.
        node = fixtures.add_node(provision_state='active')
        self.assertEqual(8, self.count(
            'POST', URL, METAL | {'node': node.uuid}, 201))

    def test_a_duplicate_name_makes_one(self):
        self.create(name='one')
        self.assertEqual(1, self.count(
            'POST', URL, METAL | {'name': 'one'}, 409))
