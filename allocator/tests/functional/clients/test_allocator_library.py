# SPDX-License-Identifier: Apache-2.0
"""This project's own client: its library."""

from openstack import exceptions

from allocator.tests.functional import databases
from allocator.tests.functional import testcase
import allocatorclient
from allocatorclient import errors


@testcase.per_database(databases.SQLITE)
class AllocatorLibraryTests(testcase.ServiceTests):

    def setUp(self):
        super().setUp()
        self.allocator = self.connect()

    def connect(self, **options):
        connection = allocatorclient.connect(
            load_yaml_config=False, load_envvars=False, auth_type='none',
            auth={'endpoint': self.service.endpoint}, **options)
        self.addCleanup(connection.close)
        return connection.allocator

    def test_allocations(self):
        node = self.service.add_node(['CUSTOM_A'])
        made = self.allocator.create_allocation(
            resource_class='baremetal', traits=['CUSTOM_A'], name='a1')
        self.assertEqual(('allocating', None), (made.state, made.node_id))
        made = self.allocator.wait_for_allocation(made, timeout=60)
        self.assertEqual(('active', node), (made.state, made.node_id))
        for query in ({}, {'node': node}, {'state': 'active'},
                      {'waiting': False}, {'fields': ['id', 'waiting']}):
            self.assertEqual([made.id], [
                found.id for found in self.allocator.allocations(**query)])
        self.assertEqual([], list(self.allocator.allocations(waiting=True)))
        made = self.allocator.update_allocation(made, name='a2',
                                                extra={'a': 1})
        self.assertEqual(('a2', {'a': 1}), (made.name, made.extra))
        self.allocator.update_allocation('a2', extra={'b': 2})
        found = self.allocator.find_allocation('a2')
        self.assertEqual({'b': 2}, found.extra)
        self.assertIsNone(self.allocator.update_allocation(
            found, name=None).name)
        self.allocator.delete_allocation(made)
        self.assertIsNone(self.allocator.find_allocation(made.id))
        self.assertIsNone(self.allocator.delete_allocation(made))
        self.assertRaises(exceptions.NotFoundException,
                          self.allocator.find_allocation, made.id,
                          ignore_missing=False)

    def test_one_that_waits(self):
        self.service.add_node()
        held = self.allocator.wait_for_allocation(
            self.allocator.create_allocation(resource_class='baremetal'))
        made = self.allocator.create_allocation(
            resource_class='baremetal', wait_timeout=600, name='w1')
        self.assertTrue(made.waiting)
        made = self.allocator.get_allocation(
            'w1', fields=['queue_position', 'reason', 'deadline'])
        self.assertEqual(1, made.queue_position)
        self.assertRaises(exceptions.ResourceTimeout,
                          self.allocator.wait_for_allocation, 'w1',
                          timeout=0.5)
        seen = []

        def show(found):
            seen.append((found.state, found.waiting))
            if len(seen) == 1:
                self.allocator.delete_allocation(held)

        made = self.allocator.wait_for_allocation('w1', timeout=60,
                                                  callback=show)
        self.assertEqual((('allocating', True), ('active', False)),
                         (seen[0], seen[-1]))
        self.assertEqual('active', made.state)

    def test_pages_are_followed(self):
        uuids = {self.client.allocate(resource_class='x')['uuid']
                 for _ in range(7)}
        found = [one.id for one in self.allocator.allocations(limit=3)]
        self.assertEqual((7, uuids), (len(found), set(found)))

    def test_a_failed_allocation_raises_its_reason(self):
        made = self.allocator.create_allocation(resource_class='x')
        error = self.assertRaises(exceptions.ResourceFailure,
                                  self.allocator.wait_for_allocation, made)
        self.assertIn('there is no node of resource class x', str(error))

    def test_errors_have_codes(self):
        error = self.assertRaises(errors.BadRequest,
                                  self.allocator.create_allocation)
        self.assertEqual('allocator.invalid', error.code)
        error = self.assertRaises(
            errors.NotFound, self.allocator.get_backend, 'east')
        self.assertEqual('allocator.backend.not_found', error.code)
        self.allocator.create_allocation(resource_class='x', name='a')
        error = self.assertRaises(
            exceptions.ConflictException, self.allocator.create_allocation,
            resource_class='x', name='a')
        self.assertEqual('allocator.allocation.duplicate_name', error.code)

    def test_a_pinned_version(self):
        allocator = self.connect(allocator_default_microversion='1.0')
        made = allocator.create_allocation(resource_class='x')
        self.assertIsNone(made.waiting)
        self.assertRaises(exceptions.NotSupported,
                          allocator.create_allocation, resource_class='x',
                          wait_timeout=1)

    def test_the_service_may_be_away_for_a_moment(self):
        made = self.allocator.create_allocation(
            resource_class='nobody', wait_timeout=600)
        self.addCleanup(self.service.wait_ready)
        seen = []

        def show(found):
            seen.append(found.state)
            if len(seen) == 1:
                # It takes longer to start than until the next look.
                self.service.api.kill()
                self.service.api.start()
            elif len(seen) == 2:
                self.allocator.update_allocation(found.id, wait_timeout=0)

        found = self.allocator.wait_for_allocation(
            made, timeout=60, ignore_error=True, callback=show)
        self.assertEqual(['allocating', 'allocating'], seen[:2])
        self.assertEqual('error', found.state)
