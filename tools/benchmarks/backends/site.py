# SPDX-License-Identifier: Apache-2.0
"""Real Bare Metal services with many nodes, and the service before them."""

import itertools

import fixtures

from allocator.tests.backends import ironic
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures as service_fixtures
from benchmarks import client

# The class of the nodes that the service hands out, and of those that bare
# clients take past it: the service is told to leave these alone, so that the
# one kind of load does not become work of the other.
RESOURCE_CLASS = 'metal'
BARE_CLASS = 'bare'


class BareMetal(fixtures.Fixture):
    """A Bare Metal service.

    :param name: what the service calls it
    :param size: number of its nodes
    :param bare: how many of them are for bare clients
    :ivar trait: that all its nodes have
    :ivar ironic: allocator.tests.backends.ironic.Ironic
    """

    def __init__(self, name, size, bare):
        self.name = name
        self.size = size
        self.trait = 'CUSTOM_' + name.upper()
        self._bare = bare

    def _setUp(self):
        self.ironic = self.useFixture(ironic.Ironic())
        insert = self.ironic.database.insert_nodes
        self.uuids = insert(self.size - self._bare, [self.trait], self.name,
                            resource_class=RESOURCE_CLASS)
        bare = insert(self._bare, [self.trait], 'bare-' + self.name,
                      resource_class=BARE_CLASS)
        self._candidates = itertools.cycle(bare)

    def connect(self):
        """Open a connection to it, past the service."""
        return client.Client(self.ironic.url)

    def bare_body(self):
        """Say what the next bare client asks for: one certain node."""
        return {'resource_class': BARE_CLASS, 'traits': [self.trait],
                'candidate_nodes': [next(self._candidates)]}

    def body(self):
        """Say what a client of the service asks for: any node of this one."""
        return {'resource_class': RESOURCE_CLASS, 'traits': [self.trait]}

    def backend_options(self, **options):
        """Make the options of the service's group for it."""
        return self.ironic.backend_options() | {
            'resource_class': RESOURCE_CLASS} | options


def release(connection, uuids):
    """Delete allocations.

    :raises: client.BadAnswer
    """
    for uuid in uuids:
        status, body = connection.request('DELETE', '/v1/allocations/' + uuid)
        if status not in (204, 404):
            raise client.BadAnswer('DELETE %s: %d %s' % (uuid, status, body))


def service(backends, options=None):
    """Make the service in front of some backends.

    :param backends: dict of the options of their groups by name
    :param options: dict of further options by section
    :returns: fixture allocator.tests.functional.fixtures.Service
    """
    return service_fixtures.Service(
        databases.MYSQL, conductors=1, options={
            'DEFAULT': {'enabled_backends': ', '.join(backends)},
            **backends, **(options or {})})
