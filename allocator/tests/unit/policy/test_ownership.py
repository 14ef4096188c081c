# SPDX-License-Identifier: Apache-2.0
"""Whose nodes an allocation gets, and what its owner is told."""

from oslotest import base

from allocator.api.controllers.v1.nodes import access as node_access
from allocator.common import states
from allocator.tests import fixtures


class TestOwnership(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(fixtures.Api())

    def _allocate(self, **body):
        made = self.api.post('/v1/allocations',
                             {'resource_class': 'metal'} | body)
        self.assertEqual(201, made.status, made)
        self.api.match()
        return self.api.get('/v1/allocations/' + made.body['uuid']).body

    def _as_tenant(self, project='tenant'):
        self.api.act_as('member', 'reader', project=project)

    def _as_operator(self):
        self.api.act_as('member', 'reader', system=True)

    def _set_ownerless(self, value):
        self.api.configuration.set('ownerless_allocations', value,
                                   group='conductor')

    def test_a_tenant_gets_owned_and_leased_nodes_only(self):
        fixtures.add_node()
        fixtures.add_node(owner='other')
        mine = {fixtures.add_node(owner='tenant').uuid,
                fixtures.add_node(owner='other', lessee='tenant').uuid}
        self._as_tenant()
        found = {self._allocate()['node_uuid'] for _ in mine}
        self.assertEqual(mine, found)
        self.assertEqual('error', self._allocate()['state'])

    def test_a_tenant_is_told_nothing_of_others_nodes(self):
        for owner in ('other', None, 'tenant'):
            fixtures.add_node(owner=owner)
        fixtures.add_node(owner='other', instance_uuid='busy')
        self._as_tenant()
        self._allocate()
        self.assertEqual(
            'No suitable node: of 1 in resource class metal that project '
            'tenant owns or leases, 1 allocated.',
            self._allocate()['last_error'])
        self._as_tenant('poor')
        self.assertEqual(
            'No suitable node: there is no node of resource class metal '
            'that project poor owns or leases.',
            self._allocate()['last_error'])

    def test_without_owner_any_node_will_do_unowned_ones_first(self):
        owned = fixtures.add_node(owner='tenant').uuid
        unowned = fixtures.add_node(traits=['CUSTOM_A']).uuid
        self._as_operator()
        self.assertEqual([unowned, owned],
                         [self._allocate()['node_uuid'] for _ in range(2)])

    def test_without_owner_a_tenants_node_is_safe_if_configured(self):
        self._set_ownerless('unowned')
        fixtures.add_node(owner='tenant')
        fixtures.add_node(lessee='tenant')
        unowned = fixtures.add_node().uuid
        self._as_operator()
        self.assertEqual(unowned, self._allocate()['node_uuid'])
        failed = self._allocate()
        self.assertIsNone(failed['node_uuid'])
        self.assertIn('2 of some owner or lessee', failed['last_error'])

    def _backfill(self, **body):
        return self.api.post('/v1/allocations', {'node': 'deployed'} | body)

    def test_backfill_without_owner_follows_the_same_option(self):
        fixtures.add_node(name='deployed', owner='tenant',
                          provision_state=states.ACTIVE)
        self._set_ownerless('unowned')
        self._as_operator()
        refused = self._backfill(name='same')
        self.assertEqual(400, refused.status)
        self.assertIn('needs that owner', refused.fault)
        self.assertEqual(201, self._backfill(name='same',
                                             owner='tenant').status)

    def test_backfill_without_owner_takes_any_node_by_default(self):
        fixtures.add_node(name='deployed', owner='tenant',
                          provision_state=states.ACTIVE)
        self._as_operator()
        self.assertEqual(201, self._backfill().status)

    def test_a_tenant_who_asks_for_anothers_owner_learns_nothing(self):
        self._as_tenant()
        for method, path, body in (
                ('GET', '/v1/allocations?owner=other', None),
                ('POST', '/v1/allocations', {'resource_class': 'metal',
                                             'owner': 'other'})):
            answer = self.api.request(method, path, body)
            self.assertEqual(403, answer.status)

    def test_the_owner_of_an_allocated_node_stays(self):
        node = fixtures.add_node(owner='tenant')
        self._as_tenant()
        self._allocate()
        self._as_operator()
        refused = self.api.patch('/v1/nodes/' + node.uuid, [
            {'op': 'replace', 'path': '/owner', 'value': 'other'}])
        self.assertEqual(409, refused.status)
        self.assertEqual('tenant', fixtures.get_node(node.uuid).owner)

    def test_a_lessee_reads_no_address_of_a_management_controller(self):
        info = {'ipmi_address': '192.0.2.1'}
        fixtures.add_node(name='leased', owner='landlord', lessee='tenant',
                          driver_info=info)
        fixtures.add_node(owner='tenant', driver_info=info)
        for project, shown in (('landlord', [info]),
                               ('tenant', [node_access.REDACTED, info])):
            self._as_tenant(project)
            for path in ('/v1/nodes?fields=driver_info', '/v1/nodes/detail'):
                self.assertEqual(shown, [
                    node['driver_info']
                    for node in self.api.get(path).body['nodes']])
            for path in ('/v1/nodes/leased?fields=driver_info',
                         '/v1/nodes/leased'):
                self.assertEqual(shown[0],
                                 self.api.get(path).body['driver_info'])
        self._as_operator()
        self.assertEqual([info, info], [
            node['driver_info'] for node in
            self.api.get('/v1/nodes?fields=driver_info').body['nodes']])
