# SPDX-License-Identifier: Apache-2.0
"""A COMMIT is done, but the connection breaks before the database says so.

The transaction is then repeated, and must find that it has nothing to do.
"""


from oslotest import base

from allocator.common import exception
from allocator.db import allocations
from allocator.db import backfills
from allocator.db import claims
from allocator.db import nodes
from allocator.db import releases
from allocator.tests import fixtures

PENDING = {'name': None, 'resource_class': 'metal', 'traits': [],
           'extra': {}, 'owner': None, 'state': 'allocating'}


class LostAcknowledgements(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())

    def _create(self, **values):
        uuid = allocations.new_uuid()
        allocations.create(PENDING | values | {'uuid': uuid})
        return uuid

    def _lose_next(self):
        self.useFixture(fixtures.LostAcknowledgement())

    def test_deleted_allocation_is_no_404(self):
        uuid = self._create()
        self._lose_next()
        releases.delete_allocation(uuid)
        self.assertRaises(exception.AllocationNotFound, allocations.get, uuid)

    def test_deleting_what_never_was_is_404(self):
        self._lose_next()
        self.assertRaises(exception.AllocationNotFound,
                          releases.delete_allocation, allocations.new_uuid())

    def test_backfill_is_no_conflict_with_itself(self):
        node = fixtures.add_node(provision_state='active').uuid
        self._lose_next()
        uuid = backfills.backfill(
            node, PENDING | {'uuid': None, 'candidate_nodes': []})
        self.assertEqual(node, allocations.get(uuid).node_uuid)

    def test_patch_is_applied_once(self):
        uuid = self._create(extra={'count': 1})
        self._lose_next()
        allocations.update(uuid, lambda row: {
            'extra': {'count': row.extra['count'] + 1}})
        self.assertEqual({'count': 2}, allocations.get(uuid).extra)

    def test_claim_is_not_made_twice(self):
        fixtures.add_node()
        fixtures.add_node()
        uuid = self._create()
        self._lose_next()
        claims.claim_pending(10)
        self.assertEqual('active', allocations.get(uuid).state)
        free = [node for node in nodes.get_page(
            {}, ['uuid', 'instance_uuid'], sort_key='uuid', descending=False,
            limit=10).rows if node['instance_uuid'] is None]
        self.assertEqual(1, len(free))

    def test_uuid_that_another_allocation_has_by_now_is_left_alone(self):
        uuid = self._create()
        first = allocations.get(uuid)
        self._create()  # SQLite would give the id once more
        releases.delete_allocation(uuid)
        allocations.create(PENDING | {'uuid': uuid})
        self.assertRaises(exception.AllocationNotFound,
                          releases.delete_allocation, uuid, first)
        self.assertEqual(uuid, allocations.get(uuid).uuid)
