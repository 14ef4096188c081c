# SPDX-License-Identifier: Apache-2.0
"""Claims that move elsewhere, and are refused there."""

import dataclasses
import datetime

from allocator.backends import claim
from allocator.conductor import serving
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import backends
from allocator.tests.functional import waiting
from allocator.tests.unit.backends import mirroring


class MovingTests(mirroring.MirrorTestCase):

    names = ('east', 'west')

    def move(self, uuid):
        """Have a claim be unknown at east, and then refused at west."""
        lost, = self.store().enrol()
        self.look()
        self.match()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        late = dataclasses.replace(
            write, leased_at=write.leased_at - datetime.timedelta(hours=1))
        refusing, = self.store('west').enrol()
        self.look()
        self.assertTrue(claim.go_elsewhere(late, 'no answer'))
        self.store('west').change_node(refusing, reservation='somebody')
        self.write('west')
        self.assertEqual(uuid, self.node(lost).instance_uuid)
        self.other, = self.store().enrol()
        self.look()
        self.assertIsNone(allocations.get(uuid).node_uuid)

    def match(self):
        self.loop.walk()
        self.serving.ring()
        self.serving.walk()

    def setUp(self):
        super().setUp()
        self.serving = serving.ServingLoop()

    def test_no_other_node_is_asked_for_where_one_may_yet_be_given(self):
        """It failed for the sake of its own UUID."""
        uuid = self.allocate()
        self.move(uuid)
        self.match()
        self.assertEqual('allocating', allocations.get(uuid).state)
        self.assertIsNone(self.node(self.other).instance_uuid)
        fine, = self.store('west').enrol()
        self.look()

        def is_active():
            self.match()
            self.write('west')
            return allocations.get(uuid).state == 'active'

        waiting.until(is_active, 10, 'the other backend gives a node')
        self.assertEqual(fine, allocations.get(uuid).node_uuid)

    def test_nor_for_who_waits(self):
        uuid = self.allocate(state='waiting', wait_timeout=60, priority=None)
        behind = self.allocate(state='waiting', wait_timeout=60,
                               priority=None)
        self.move(uuid)
        self.match()
        self.assertEqual('waiting', allocations.get(uuid).state)
        # Whom it suits gets it.
        self.assertEqual(behind, self.node(self.other).instance_uuid)
