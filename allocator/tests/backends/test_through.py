# SPDX-License-Identifier: Apache-2.0
"""The way through: this service in front of a real Bare Metal service."""

import concurrent.futures

import requests
import testtools

from allocator.tests.backends import ironic
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import waiting

# Seconds in which the mirror knows of a change, and a margin for a busy
# machine.
KNOWN = 30


class ThroughTestCase(testtools.TestCase):
    """One Ironic and one service in front of it for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ironic = ironic.Ironic()
        cls.ironic.setUp()
        cls.addClassCleanup(cls.ironic.cleanUp)
        cls.operator = cls.ironic.operator
        cls.theirs = cls.operator.enrol(1, resource_class='theirs')
        cls.taken_over = cls.operator.allocate('theirs', name='theirs',
                                               extra={'a': 1})
        cls.service = fixtures.Service(
            databases.MYSQL, conductors=2, options={
                'DEFAULT': {'enabled_backends': 'east'},
                'east': cls.ironic.backend_options() | {
                    'poll_interval': 1}})
        cls.service.setUp()
        cls.addClassCleanup(cls.service.cleanUp)
        cls.client = cls.service.client

    def setUp(self):
        super().setUp()
        self.addOnException(lambda _error: self.addDetail(
            'service', testtools.content.text_content(self.service.logs())))

    def wait_known(self, uuids):
        """Wait until the mirror has some nodes."""
        waiting.until(lambda: set(uuids) <= set(self.service.nodes()), KNOWN,
                      'the mirror has the nodes')

    def settled(self, **body):
        created = self.client.allocate(**body)
        return self.client.settled(created['uuid'])


class ThroughTests(ThroughTestCase):

    def test_claimed_deployed_undeployed(self):
        node, = self.operator.enrol(traits=['CUSTOM_A'],
                                    resource_class='through')
        found = self.settled(resource_class='through', traits=['CUSTOM_A'],
                             name='mine')
        self.assertEqual(('active', node), (found['state'],
                                            found['node_uuid']))
        there = self.operator.node(node)
        self.assertEqual((found['uuid'], found['uuid'], ['CUSTOM_A']),
                         (there['instance_uuid'], there['allocation_uuid'],
                          there['instance_info']['traits']))
        self.operator.deploy(node)
        refused = self.client.delete('/v1/allocations/mine')
        self.assertEqual(409, refused.status_code)
        self.operator.undeploy(node)
        waiting.until(
            lambda: self.client.get('/v1/allocations/mine').status_code
            == 404, KNOWN, 'the allocation has ended')
        # At once: no request fails for want of a node that is free there.
        found = self.settled(resource_class='through')
        self.assertEqual('active', found['state'])
        self.assertEqual(204, self.client.delete(
            '/v1/allocations/' + found['uuid']).status_code)
        self.assertIsNone(self.operator.allocation(found['uuid']))
        self.assertIsNone(self.operator.node(node)['instance_uuid'])

    def test_what_was_made_there_is_known_here(self):
        waiting.until(
            lambda: self.client.get('/v1/allocations/theirs').ok, KNOWN,
            'the allocation is taken over')
        found = self.client.get('/v1/allocations/theirs').json()
        self.assertEqual(
            (self.taken_over['uuid'], 'active', self.theirs[0], {'a': 1}),
            tuple(found[name] for name in ('uuid', 'state', 'node_uuid',
                                           'extra')))

    def test_a_node_is_answered_where_it_is(self):
        node, = self.operator.enrol(resource_class='redirected')
        self.wait_known([node])
        url = '%s/v1/nodes/%s' % (self.service.endpoint, node)
        answer = requests.get(url + '?fields=uuid', allow_redirects=False,
                              timeout=30)
        self.assertEqual(
            (307, '%s/v1/nodes/%s?fields=uuid' % (self.ironic.url, node)),
            (answer.status_code, answer.headers['Location']))
        changed = requests.patch(
            url, json=[{'op': 'add', 'path': '/extra/a', 'value': 1}],
            headers={'X-OpenStack-Ironic-API-Version': '1.80'}, timeout=60)
        self.assertEqual(200, changed.status_code)
        self.assertEqual({'a': 1}, self.operator.node(node)['extra'])
        ports = requests.get(self.service.endpoint + '/v1/ports', timeout=60)
        self.assertEqual([], ports.json()['ports'])

    def test_more_requests_than_nodes(self):
        uuids = self.operator.enrol(6, resource_class='scarce')
        self.wait_known(uuids)
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            found = list(pool.map(
                lambda _number: self.settled(resource_class='scarce'),
                range(10)))
        active = [one for one in found if one['state'] == 'active']
        self.assertEqual((6, 4), (len(active), len(found) - len(active)))
        self.assertEqual(set(uuids), {one['node_uuid'] for one in active})
        for one in active:
            self.assertEqual(
                one['uuid'],
                self.operator.node(one['node_uuid'])['allocation_uuid'])

    def test_changes_there_count_here(self):
        node, = self.operator.enrol(resource_class='changing')
        self.wait_known([node])
        self.operator.set_maintenance(node)
        waiting.until(lambda: self.service.nodes()[node].maintenance, KNOWN,
                      'the mirror knows')
        self.assertEqual('error',
                         self.settled(resource_class='changing')['state'])
        self.operator.set_maintenance(node, on=False)
        self.assertEqual('active',
                         self.settled(resource_class='changing')['state'])

    def test_a_backfill_is_written_through(self):
        node, = self.operator.enrol(resource_class='deployed')
        self.operator.deploy(node)
        waiting.until(
            lambda: node in self.service.nodes() and self.service.nodes()[
                node].provision_state == 'active', KNOWN, 'the mirror knows')
        answer = self.client.post('/v1/allocations', {'node': node,
                                                      'name': 'backfilled'})
        self.assertEqual(201, answer.status_code, answer.text)
        found = answer.json()
        self.assertEqual(('active', node), (found['state'],
                                            found['node_uuid']))
        self.assertEqual(found['uuid'],
                         self.operator.node(node)['allocation_uuid'])
