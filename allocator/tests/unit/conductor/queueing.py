# SPDX-License-Identifier: Apache-2.0
"""Allocations that wait, and nodes that become free for them."""

from oslo_utils import uuidutils

from allocator.common import states
from allocator.db import allocations
from allocator.db import releases
from allocator.tests import fixtures
from allocator.tests.unit.api import allocating


class ServingTestCase(allocating.AllocationTestCase):

    def wait(self, seconds=60, **values):
        """Have an allocation wait.

        :returns: its UUID
        """
        columns = {'uuid': uuidutils.generate_uuid(), 'name': None,
                   'resource_class': 'metal', 'traits': [], 'extra': {},
                   'owner': None, 'priority': None,
                   'state': states.WAITING if seconds else states.ALLOCATING,
                   'wait_timeout': seconds or None} | values
        candidates = columns.pop('candidates', ())
        return allocations.create(columns, candidates)['uuid']

    def serve(self):
        self.api.serving.ring()
        self.api.serve()

    def node_of(self, uuid):
        return allocations.get(uuid).node_uuid

    def free(self, node_uuid):
        """Release a node; nobody is told."""
        releases.delete_allocation(fixtures.get_node(node_uuid).instance_uuid)

    def free_later(self, count=1, traits=(), **columns):
        """Make nodes that are not available yet.

        :returns: list of rows
        """
        return [fixtures.add_node(traits, maintenance=True, **columns)
                for _ in range(count)]

    def release(self, *nodes):
        for node in nodes:
            fixtures.change_node(node.uuid, maintenance=False)
