# SPDX-License-Identifier: Apache-2.0
"""More requests at once than two Bare Metal services have nodes."""

import threading

import testtools
from testtools import content

from allocator.tests.backends import two
from allocator.tests.functional import client
from allocator.tests.functional import waiting

REQUESTS = 100
NODES = 60

# Allocations that are made at each backend itself meanwhile.
OTHERS = 12

# Seconds that all of them together may take on a busy machine.
PATIENCE = 120


class CrowdTests(testtools.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = two.Two()
        cls.site.setUp()
        cls.addClassCleanup(cls.site.cleanUp)
        cls.client = cls.site.client

    def setUp(self):
        super().setUp()
        self.addOnException(lambda _error: self.addDetail(
            'service', content.text_content(self.site.service.logs())))

    def add_nodes(self, resource_class):
        """Have each backend have half of the nodes.

        :returns: dict of names of backends by UUID
        """
        found = {uuid: name for name, there in self.site.ironics.items()
                 for uuid in there.database.insert_nodes(
                     NODES // len(self.site.ironics),
                     resource_class=resource_class, touched=True)}
        self.site.wait_free(found)
        return found

    def settled(self, made):
        """Wait until the allocations are decided.

        :returns: lists of those that are active, and of those that failed
        """
        waiting.until(lambda: not self.client.is_any('allocating'), PATIENCE,
                      'no allocation is left in "allocating"', interval=0.2)
        uuids = {one['uuid'] for one in made}
        found = [one for one in self.client.allocations()
                 if one['uuid'] in uuids]
        self.assertEqual(len(made), len(found))
        return ([one for one in found if one['state'] == 'active'],
                [one for one in found if one['state'] == 'error'])

    def assert_confirmed(self, active, nodes):
        """Check that the backends say what the allocations say."""
        self.assertEqual(len(active),
                         len({one['node_uuid'] for one in active}))
        there = {name: ironic.operator.allocations()
                 for name, ironic in self.site.ironics.items()}
        for one in active:
            name = nodes[one['node_uuid']]
            found = there[name][one['uuid']]
            self.assertEqual(('active', one['node_uuid']),
                             (found['state'], found['node_uuid']))
            self.assertEqual(one['uuid'], self.site.ironics[name].operator
                             .node(one['node_uuid'])['instance_uuid'])

    def assert_nothing_left(self, failed):
        """Check that no backend has anything of what failed."""
        uuids = {one['uuid'] for one in failed}
        for there in self.site.ironics.values():
            self.assertEqual(set(), uuids.intersection(
                there.operator.allocations()))

    def test_each_node_is_given_once_and_who_gets_none_is_told(self):
        nodes = self.add_nodes('crowd')
        made = self.client.allocate_all(
            [{'resource_class': 'crowd'}] * REQUESTS)
        active, failed = self.settled(made)
        self.assertEqual((NODES, REQUESTS - NODES),
                         (len(active), len(failed)))
        self.assertEqual(set(nodes), {one['node_uuid'] for one in active})
        self.assert_confirmed(active, nodes)
        self.assert_nothing_left(failed)
        for one in failed:
            self.assertIn('crowd', one['last_error'])

    def test_what_others_take_meanwhile_is_given_to_nobody_else(self):
        nodes = self.add_nodes('contested')
        theirs, threads = [], []
        for there in self.site.ironics.values():
            threads.append(threading.Thread(
                target=self.take, args=(there.operator, theirs)))
            threads[-1].start()
        made = self.client.allocate_all(
            [{'resource_class': 'contested'}] * REQUESTS)
        for thread in threads:
            thread.join()
        self.assertEqual(OTHERS * len(threads), len(theirs))
        active, failed = self.settled(made)
        self.assertEqual(REQUESTS, len(active) + len(failed))
        self.assert_confirmed(active, nodes)
        self.assert_nothing_left(failed)
        taken = {one['node_uuid'] for one in theirs
                 if one['state'] == 'active'}
        self.assertTrue(taken)
        self.assertEqual(set(), taken.intersection(
            one['node_uuid'] for one in active))
        # No request has failed while a node was free.
        self.assertEqual(NODES, len(taken) + len(active))
        for one in theirs:
            self.assert_untouched(one)

    @staticmethod
    def take(operator, found):
        """Allocate at a backend, past this service."""
        found += client.Client.at_once(
            lambda _number: operator.allocate('contested'), range(OTHERS))

    def assert_untouched(self, one):
        """Check that an allocation of somebody else's is as it was."""
        if one['state'] != 'active':
            return
        found = [there.operator.allocation(one['uuid'])
                 for there in self.site.ironics.values()]
        self.assertEqual([one['node_uuid']], [
            there['node_uuid'] for there in found if there])
