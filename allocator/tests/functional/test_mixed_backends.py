# SPDX-License-Identifier: Apache-2.0
"""Backends in an upgrade: nothing of them before all conductors know them."""

import testtools

from allocator.tests.backends import simulator
from allocator.tests.functional import databases
from allocator.tests.functional import mixed
from allocator.tests.functional import test_mixed_releases
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

WAITS = b'Backend east is not mirrored before'


@testcase.per_database(*databases.SERVERS)
class MixedBackendTests(test_mixed_releases.Mixed):
    """The configuration has a backend while both releases are at work."""

    def setUp(self):
        super().setUp()
        server = simulator.Simulator('east')
        server.start()
        self.addCleanup(server.stop)
        self.store = server.services['east'].store
        self.node, = self.store.enrol(resource_class='mirrored')
        self.service = self.useFixture(mixed.MixedService(
            self.kind, options=test_mixed_releases.OPTIONS | {
                'DEFAULT': {'enabled_backends': 'east'},
                'east': {'auth_type': 'none', 'poll_interval': 0.5,
                         'endpoint_override': server.services['east'].url}}))
        self.addOnException(lambda _exc_info: self.addDetail(
            'logs', testtools.content.text_content(self.service.logs())))
        self.service.upgrade()
        self.old, self.new = self.service.old_client, self.service.new_client

    def run_new(self):
        self.service.run_only(self.service.old_api, self.service.new_api,
                              *self.service.new_conductors)

    def wait_mirrored(self):
        waiting.until(lambda: self.node in self.service.nodes(),
                      test_mixed_releases.SOON, 'the node is mirrored')

    def test_nothing_is_mirrored_before_all_know_backends(self):
        self.service.run_all()
        for process in self.service.new_conductors:
            waiting.until(lambda process=process: WAITS in process.read_log(),
                          test_mixed_releases.SOON, 'it waits')
        self.refused(self.new, resource_class='mirrored')
        self.assertEqual({}, self.service.nodes())
        self.run_new()
        self.wait_mirrored()
        self.allocated(self.new, self.node, resource_class='mirrored')

    def test_nothing_more_is_handed_out_when_an_old_one_comes_back(self):
        self.run_new()
        self.wait_mirrored()
        found = self.allocated(self.new, self.node,
                               resource_class='mirrored')
        self.service.run_all()
        free, = self.store.enrol(resource_class='mirrored')
        waiting.until(lambda: free in self.service.nodes(),
                      test_mixed_releases.SOON, 'the node is mirrored')
        # Neither by the new ones nor by the old one, to which it is not free.
        self.refused(self.new, resource_class='mirrored')
        self.freeze(*self.service.new_conductors)
        self.refused(self.old, resource_class='mirrored')
        self.assertEqual([found['uuid']], list(self.store.allocations))
        self.assertIsNone(self.service.nodes()[free].instance_uuid)
