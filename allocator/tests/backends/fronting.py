# SPDX-License-Identifier: Apache-2.0
"""This service in front of a real Ironic, with a proxy in between that fails.
"""

import sqlalchemy as sa
import testtools

from allocator.db import models
from allocator.tests.backends import ironic
from allocator.tests.backends import proxy
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import waiting

# Seconds until the mirror knows, with a margin for a busy machine.
KNOWN = 60

# Seconds in which everything that is open must be settled.
SETTLED = 60

POST = {'method': 'POST', 'path': '^/v1/allocations$'}
DELETE = {'method': 'DELETE', 'path': '^/v1/allocations/'}
ASK = {'method': 'GET', 'path': '^/v1/allocations/'}
LOOK = {'method': 'GET', 'path': '^/v1/nodes/detail'}

_allocation = models.Allocation.__table__
_backend = models.Backend.__table__
_node = models.Node.__table__
_write = models.BackendWrite.__table__


class FrontTestCase(testtools.TestCase):
    """One Ironic, a proxy and a service for all tests of a class.

    Each test has nodes of a resource class of its own.

    :cvar arguments: what the Ironic is made with
    :cvar options: options of the backend
    :cvar patience: [conductor] backend_patience, in seconds
    """

    arguments: dict = {}
    options: dict = {}
    patience = 4

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ironic = cls._use(ironic.Ironic(**cls.arguments))
        cls.operator = cls.ironic.operator
        cls.proxy = proxy.HttpProxy('127.0.0.1', cls.ironic.port)
        cls.addClassCleanup(cls.proxy.close)
        cls.service = cls._use(fixtures.Service(
            databases.MYSQL, conductors=2, api_workers=1,
            options={
                'DEFAULT': {'enabled_backends': 'east'},
                'conductor': {'workers': fixtures.CONDUCTOR_WORKERS,
                              'heartbeat_interval': 1,
                              'sweep_interval': 1,
                              'backend_patience': cls.patience},
                'east': cls.ironic.backend_options() | {
                    'endpoint_override': cls.proxy.url,
                    'poll_interval': 1, 'request_timeout': 5}
                | cls.options}))
        cls.client = cls.service.client

    @classmethod
    def _use(cls, fixture):
        fixture.setUp()
        cls.addClassCleanup(fixture.cleanUp)
        return fixture

    def setUp(self):
        super().setUp()
        self.addOnException(self._tell)
        self.addCleanup(self.proxy.heal)
        self.kind = self.id().rpartition('.')[2][:80]

    def _tell(self, _error):
        for name, text in (
                ('service', self.service.logs()),
                ('requests', '\n'.join(map(str, self.proxy.requests)))):
            self.addDetail(name, testtools.content.text_content(text))

    # --- What is there -----------------------------------------------------

    def look(self):
        """Have the backend be looked at once more.

        No request fails for want of a node before that.
        """
        found = self.settled(resource_class='nothing')
        self.client.delete('/v1/allocations/' + found['uuid'])

    def add_nodes(self, count=1, **columns):
        """Have Ironic have nodes, and the service know them.

        :returns: list of their UUIDs
        """
        uuids = self.ironic.database.insert_nodes(
            count, **{'resource_class': self.kind} | columns)
        self.look()
        waiting.until(lambda: set(uuids) <= set(self.service.nodes()), KNOWN,
                      'the mirror has the nodes')
        return uuids

    def node(self, uuid):
        """Read a node's row here."""
        return self.service.nodes()[uuid]

    def writes(self, uuid):
        """Read what is, or was, wanted for an allocation.

        :returns: list of rows
        """
        with self.service.engine.connect() as connection:
            return connection.execute(sa.select(_write).where(
                _write.c.uuid == uuid)).all()

    # --- Requests ----------------------------------------------------------

    def allocate(self, **body):
        """Request a node of this test's.

        :returns: UUID of the allocation
        """
        return self.client.allocate(
            **{'resource_class': self.kind} | body)['uuid']

    def settled(self, **body):
        """Request a node, and wait for the answer.

        :returns: the allocation
        """
        return self.client.settled(self.allocate(**body), SETTLED)

    def release(self, uuid):
        """Delete an allocation here.

        :returns: HTTP status
        """
        return self.client.delete('/v1/allocations/' + uuid).status_code

    def is_gone(self, uuid):
        """Tell whether an allocation does not exist here."""
        return self.client.get('/v1/allocations/' + uuid).status_code == 404

    # --- What must hold ----------------------------------------------------

    def active(self, uuid, node):
        """Check that a node was given, here and there, and stays so."""
        found = self.client.settled(uuid, SETTLED)
        self.assertEqual(('active', node), (found['state'],
                                            found['node_uuid']), found)
        self.check()
        self.assertEqual(found, self.client.allocation(uuid))

    def check(self):
        """Wait until nothing is open, then compare the two sides."""
        waiting.until(lambda: not self._open(), SETTLED, 'nothing is open')
        self.look()
        try:
            waiting.until(lambda: not self._differences(), SETTLED,
                          'both sides agree')
        except AssertionError:
            self.assertEqual(set(), self._differences())
            raise

    def _open(self):
        with self.service.engine.connect() as connection:
            return connection.execute(sa.select(_write).where(
                _write.c.finished_at.is_(None))).all()

    def _differences(self):
        """List what one side says and the other does not.

        :returns: set of (UUID of an allocation or instance, UUID of its node
            or state)
        """
        with self.service.engine.connect() as connection:
            here = set(map(tuple, connection.execute(
                sa.select(_allocation.c.uuid, _node.c.uuid.label('node'))
                .join(_node, _node.c.id == _allocation.c.node_id)
                .where(_allocation.c.state == 'active',
                       _node.c.backend_id != models.OWN))))
            taken = set(map(tuple, connection.execute(
                sa.select(_node.c.instance_uuid, _node.c.uuid).where(
                    _node.c.instance_uuid.is_not(None),
                    _node.c.backend_id != models.OWN))))
        there = {(uuid, found['node_uuid'] or found['state'])
                 for uuid, found in self.operator.allocations().items()}
        nodes = self.operator.request(
            'GET', '/v1/nodes?fields=uuid,instance_uuid').json()['nodes']
        held = {(node['instance_uuid'], node['uuid'])
                for node in nodes if node['instance_uuid']}
        return (here ^ there) | (taken ^ held) | (here - held)
