# SPDX-License-Identifier: Apache-2.0
"""metalsmith, which deployment tools reserve nodes with."""

import metalsmith
from metalsmith import exceptions

from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.clients import public


@testcase.per_database(databases.SQLITE)
class ReserveNodeTests(testcase.ServiceTests):

    def reserve(self, version=None, **wishes):
        connection = public.connect(self.service.endpoint, version)
        self.addCleanup(connection.close)
        provisioner = metalsmith.Provisioner(
            cloud_region=connection.config)
        return provisioner.reserve_node('baremetal', **wishes)

    def test_any_node_of_a_class(self):
        uuid = self.service.add_node()
        self.assertEqual(uuid, self.reserve().id)

    def test_with_every_pinned_version(self):
        for version in public.ALLOCATION_VERSIONS[:-1]:
            self.service.add_node()
            self.reserve(version=version)

    def test_traits_and_hostname(self):
        self.service.add_node()
        uuid = self.service.add_node(['CUSTOM_A'])
        node = self.reserve(traits=['CUSTOM_A'], hostname='web-1')
        self.assertEqual(uuid, node.id)
        self.assertEqual(uuid, self.client.allocation('web-1')['node_uuid'])

    def test_capabilities(self):
        self.service.add_node()
        uuid = self.service.add_node(
            properties={'capabilities': 'boot_mode:uefi,a:b'})
        node = self.reserve(capabilities={'boot_mode': 'uefi'})
        self.assertEqual(uuid, node.id)
        self.assertEqual({'boot_mode': 'uefi'},
                         self.service.nodes()[uuid].instance_info[
                             'capabilities'])

    def test_candidates_in_their_order(self):
        uuids = self.service.add_nodes(3)
        self.assertEqual(uuids[2], self.reserve(
            candidates=[uuids[2], uuids[0]]).id)
        self.assertEqual(uuids[0], self.reserve(
            candidates=[uuids[0], uuids[1]]).id)

    def test_a_failure_leaves_nothing_behind(self):
        self.assertRaises(exceptions.ReservationFailed, self.reserve)
        self.assertEqual([], self.client.allocations())
