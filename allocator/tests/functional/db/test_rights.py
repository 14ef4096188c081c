# SPDX-License-Identifier: Apache-2.0
"""Rights that end while a request waits for the lock of what it changes."""

from concurrent import futures

import sqlalchemy as sa

from allocator.api import app
from allocator.common import states
from allocator.conductor import rpcapi
from allocator.db import conductors
from allocator.db import models
from allocator.tests import fixtures as unit_fixtures
from allocator.tests.functional import databases
from allocator.tests.functional import holding
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting
from allocator.tests.functional.db import schema

_allocation = models.Allocation.__table__

# How many statements wait for a lock.
_WAITING = {
    databases.MYSQL: "SELECT COUNT(*) FROM information_schema.processlist "
                     "WHERE db = DATABASE() AND id <> CONNECTION_ID() "
                     "AND info LIKE '%FOR UPDATE'",
    databases.POSTGRESQL: "SELECT COUNT(*) FROM pg_stat_activity WHERE "
                          "datname = current_database() "
                          "AND wait_event_type = 'Lock'",
}


class _Api(unit_fixtures.Api):
    """The WSGI application on a database that is open already.

    :param opened: schema.Open
    """

    def __init__(self, opened):
        super().__init__()
        self.configuration = opened.configuration

    def _setUp(self):
        conductors.beat('test')
        rpcapi.set_local(None)
        self.application = app.setup_app()


@testcase.per_database(*databases.SERVERS)
class RightsTests:

    def setUp(self):
        super().setUp()
        opened = self.useFixture(schema.Open(self.kind))
        self.engine = opened.database.engine
        self.api = self.useFixture(_Api(opened))
        self.api.act_as('reader', 'member', 'manager', 'admin', project='own')

    def waiting(self):
        with self.engine.connect() as connection:
            return connection.execute(
                sa.text(_WAITING[self.kind])).scalar()

    def send_while(self, changer, *request):
        """Send a request, and commit a change once it waits for the lock.

        :param changer: connection with a change that is not committed
        :returns: answer
        """
        with futures.ThreadPoolExecutor(1) as executor:
            answer = executor.submit(self.api.request, *request)
            try:
                waiting.until(self.waiting, 30, 'the request waits for a lock')
                changer.commit()
            finally:
                changer.rollback()
            return answer.result(60)

    def test_a_lease_is_taken_back_while_its_lessee_undeploys(self):
        for path, body in (
                ('/states/provision', {'target': 'undeploy'}),
                ('/states/power', {'target': 'power on'}),
                ('/maintenance', {'reason': 'mine'})):
            node = seeds.add_node(self.engine, owner='other', lessee='own',
                                  provision_state=states.ACTIVE)
            with holding.node(self.engine, node, lessee=None) as changer:
                answer = self.send_while(
                    changer, 'PUT', '/v1/nodes/%s%s' % (node, path), body)
            self.assertEqual(404, answer.status, answer)
            row = seeds.nodes(self.engine)[node]
            self.assertEqual((states.ACTIVE, 'power off', False), (
                row.provision_state, row.power_state, row.maintenance))

    def test_a_node_is_given_away_while_its_owner_deletes_it(self):
        node = seeds.add_node(self.engine, owner='own')
        with holding.node(self.engine, node, owner='other') as changer:
            answer = self.send_while(changer, 'DELETE', '/v1/nodes/' + node)
        self.assertEqual(404, answer.status, answer)
        self.assertIn(node, seeds.nodes(self.engine))

    def test_a_node_is_leased_while_its_owner_patches_it(self):
        node = seeds.add_node(self.engine, owner='own')
        with holding.node(self.engine, node, lessee='other') as changer:
            answer = self.send_while(
                changer, 'PATCH', '/v1/nodes/' + node,
                [{'op': 'add', 'path': '/extra/a', 'value': 1}])
        self.assertEqual((200, {'a': 1}),
                         (answer.status, answer.body['extra']))

    def test_an_allocation_made_anew_is_met_by_neither_patch_nor_delete(self):
        for method, body in (('DELETE', None), ('PATCH', [
                {'op': 'add', 'path': '/extra/a', 'value': 1}])):
            [uuid] = seeds.add_allocations(self.engine, owner='own')
            with holding.transaction(self.engine) as changer:
                changer.execute(sa.delete(_allocation).where(
                    _allocation.c.uuid == uuid))
                changer.execute(sa.insert(_allocation).values(
                    uuid=uuid, owner='other', state=states.ALLOCATING,
                    traits=[], candidate_nodes=[], extra={}))
                answer = self.send_while(
                    changer, method, '/v1/allocations/' + uuid, body)
            self.assertEqual(404, answer.status, answer)
            with self.engine.connect() as connection:
                row = connection.execute(sa.select(_allocation).where(
                    _allocation.c.uuid == uuid)).one()
            self.assertEqual(('other', {}), (row.owner, row.extra))
