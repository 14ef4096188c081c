# SPDX-License-Identifier: Apache-2.0
"""The public clients at the one endpoint over two Bare Metal services.

None is told anything but the cloud: versions are negotiated, and nodes are
found wherever they are.
"""

import fixtures
import metalsmith
import openstack
import testtools
from testtools import content

from allocator.tests.backends import ironic
from allocator.tests.backends import two
from allocator.tests.functional import waiting
from allocator.tests.functional.clients import public

WAIT = '100'


class ClientTests(testtools.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = two.Two()
        cls.site.setUp()
        cls.addClassCleanup(cls.site.cleanUp)

    def setUp(self):
        super().setUp()
        self.addOnException(lambda _error: self.addDetail(
            'service', content.text_content(self.site.service.logs())))

    def enrol(self, resource_class, **values):
        """Enrol a node at each backend.

        :returns: dict of UUIDs by name of the backend
        """
        found = {name: there.operator.enrol(
            resource_class=resource_class, **values)[0]
            for name, there in self.site.ironics.items()}
        self.site.wait_known(found.values())
        return found

    def there(self, node, nodes):
        """Read a node where it is.

        :param nodes: dict of UUIDs by name of the backend
        """
        return next(self.site.ironics[name].operator.node(uuid)
                    for name, uuid in nodes.items() if uuid == node)

    def assert_gone(self, uuid, node, nodes):
        waiting.until(
            lambda: self.site.client.get('/v1/allocations/' + uuid)
            .status_code == 404, two.KNOWN, 'the allocation has ended')
        found = self.there(node, nodes)
        self.assertEqual((None, None, 'available'), (
            found['instance_uuid'], found['allocation_uuid'],
            found['provision_state']))

    # --- openstack baremetal -----------------------------------------------

    def command(self, cloud):
        return self.useFixture(public.OpenStackCommand(variables={
            'OS_CLOUD': cloud, 'OS_CLIENT_CONFIG_FILE': self.site.clouds}))

    def test_openstack_baremetal(self):
        """Each node is allocated and shown; one is deployed, undeployed."""
        nodes = self.enrol('osc')
        osc = self.command(ironic.ADMINISTRATOR)
        made = [osc.get('allocation', 'create', '--resource-class', 'osc',
                        '--name', 'osc-%d' % number, '--wait', WAIT)
                for number in range(len(nodes))]
        self.assertEqual({'active'}, {one['state'] for one in made})
        self.assertEqual(set(nodes.values()),
                         {one['node_uuid'] for one in made})
        for one in made:
            shown = osc.get('node', 'show', one['node_uuid'])
            self.assertEqual((one['uuid'], one['uuid']), (
                shown['instance_uuid'], shown['allocation_uuid']))
        uuid, node = made[0]['uuid'], made[0]['node_uuid']
        osc.do('node', 'deploy', node, '--wait', WAIT)
        self.assertEqual('active',
                         self.there(node, nodes)['provision_state'])
        osc.do('node', 'undeploy', node, '--wait', WAIT)
        self.assert_gone(uuid, node, nodes)

    # --- openstacksdk ------------------------------------------------------

    def connect(self, cloud):
        self.useFixture(fixtures.EnvironmentVariable(
            'OS_CLIENT_CONFIG_FILE', self.site.clouds))
        self.useFixture(fixtures.EnvironmentVariable('no_proxy',
                                                     '127.0.0.1'))
        connection = openstack.connect(cloud=cloud)
        self.addCleanup(connection.close)
        return connection

    def use(self, baremetal, made):
        """Deploy what was allocated, and undeploy it.

        :returns: UUID of the node
        """
        made = baremetal.wait_for_allocation(made, timeout=int(WAIT))
        node = baremetal.get_node(made.node_id)
        self.assertEqual((made.id, made.id),
                         (node.instance_id, node.allocation_id))
        node = baremetal.set_node_provision_state(
            node, 'active', wait=True, timeout=int(WAIT))
        self.assertEqual('active', node.provision_state)
        node = baremetal.set_node_provision_state(
            node, 'deleted', wait=True, timeout=int(WAIT))
        self.assertEqual('available', node.provision_state)
        return node.id

    def test_openstacksdk_at_both(self):
        nodes = self.enrol('sdk')
        baremetal = self.connect(ironic.ADMINISTRATOR).baremetal
        made = [baremetal.create_allocation(resource_class='sdk')
                for _node in nodes]
        used = [self.use(baremetal, one) for one in made]
        self.assertEqual(set(nodes.values()), set(used))
        for one, node in zip(made, used, strict=True):
            self.assert_gone(one.id, node, nodes)

    def test_undeployed_and_allocated_again_at_once(self):
        """The node that is free there is given before the mirror knows."""
        nodes = self.enrol('again')
        baremetal = self.connect(ironic.ADMINISTRATOR).baremetal
        for _number in range(3):
            self.assertEqual(nodes['east'], self.use(
                baremetal, baremetal.create_allocation(
                    resource_class='again',
                    candidate_nodes=[nodes['east']])))

    def test_a_tenant_with_openstacksdk(self):
        """A member of a project gets its node, and may look at it."""
        nodes = self.enrol('owned', owner=self.site.project)
        self.enrol('owned')
        baremetal = self.connect(two.TENANT).baremetal
        made = [baremetal.wait_for_allocation(
            baremetal.create_allocation(resource_class='owned'))
            for _node in nodes]
        self.assertEqual(set(nodes.values()), {one.node_id for one in made})
        self.assertEqual({self.site.project}, {one.owner for one in made})
        for one in made:
            self.assertEqual(one.id, baremetal.get_node(
                one.node_id).allocation_id)
            baremetal.delete_allocation(one, ignore_missing=False)
            self.assertIsNone(self.there(one.node_id,
                                         nodes)['allocation_uuid'])

    # --- metalsmith --------------------------------------------------------

    def test_metalsmith_reserves_and_lists_at_both(self):
        nodes = self.enrol('smith')
        connection = self.connect(ironic.ADMINISTRATOR)
        smith = metalsmith.Provisioner(cloud_region=connection.config)
        for number, _name in enumerate(nodes):
            node = smith.reserve_node('smith',
                                      hostname='smith-%d' % number)
            self.assertEqual(node.allocation_id, self.there(
                node.id, nodes)['allocation_uuid'])
            connection.baremetal.set_node_provision_state(
                node, 'active', wait=True, timeout=int(WAIT))
        # The list of nodes comes from the mirror, which hears of them soon.
        known = waiting.until(
            lambda: self.listed(smith, nodes), two.KNOWN,
            'both are listed as deployed')
        self.assertEqual({'smith-0', 'smith-1'},
                         {one.hostname for one in known})

    @staticmethod
    def listed(smith, nodes):
        found = [one for one in smith.list_instances()
                 if one.uuid in nodes.values()]
        states = [one.state.name for one in found]
        return found if states == ['ACTIVE', 'ACTIVE'] else None
