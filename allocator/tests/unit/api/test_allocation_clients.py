# SPDX-License-Identifier: Apache-2.0
"""What today's clients of the Bare Metal API depend on."""

import json

from oslo_utils import uuidutils

from allocator.tests import fixtures
from allocator.tests import microversions
from allocator.tests.unit.api import allocating

URL = allocating.URL


class ClientTests(allocating.AllocationTestCase):

    def test_post_answers_allocating_whatever_happens_meanwhile(self):
        # Clients take every other state for the end of the work.
        fixtures.add_node()
        loop = self.api.loop
        self.patch_object(loop, 'ring', loop.walk)
        created = self.create()
        self.assertEqual(('allocating', None, None),
                         (created['state'], created['node_uuid'],
                          created['updated_at']))
        self.assertEqual('active', self.show(created['uuid'])['state'])

    def patch_object(self, thing, name, value):
        setattr(thing, name, value)
        self.addCleanup(delattr, thing, name)

    def test_an_error_is_a_string_that_holds_json(self):
        for answer in (self.api.get(URL + '/nothing'),
                       self.api.get('/nothing'),
                       self.api.get(URL, version=microversions.TOO_NEW),
                       self.api.get('/%00'),
                       self.api.put(URL),
                       self.api.post(URL, raw=b'{')):
            self.assertEqual('application/json',
                             answer.headers['Content-Type'])
            self.assertEqual(['error_message'], list(answer.body))
            self.assertIsInstance(answer.body['error_message'], str)
            fault = json.loads(answer.body['error_message'])
            self.assertEqual({'faultcode', 'faultstring', 'debuginfo'},
                             set(fault))
            self.assertEqual(('Client', None),
                             (fault['faultcode'], fault['debuginfo']))

    def test_an_unknown_node_is_400_in_a_body_and_in_a_filter(self):
        for answer in (
                self.api.post(URL, {'node': 'what'}),
                self.api.post(URL, {'resource_class': 'x',
                                    'candidate_nodes': ['what']}),
                self.api.get(URL + '?node=what')):
            self.refuse(400, answer, 'what')

    def test_anothers_node_in_a_filter_is_404(self):
        fixtures.add_node(name='theirs', owner='them')
        self.api.act_as('member', 'reader', project='us')
        self.refuse(404, self.api.get(URL + '?node=theirs'), 'theirs')

    def test_the_allocation_of_an_unknown_node_is_400_to_get(self):
        self.refuse(400, self.api.get('/v1/nodes/what/allocation'), 'what')
        self.refuse(404, self.api.delete('/v1/nodes/what/allocation'),
                    'what')

    def test_a_limit_of_0_is_400(self):
        self.refuse(400, self.api.get(URL + '?limit=0'), '0')

    def test_an_unknown_marker_is_404(self):
        marker = uuidutils.generate_uuid()
        self.refuse(404, self.api.get(URL + '?marker=' + marker), marker)

    def test_an_unknown_parameter_is_400(self):
        self.refuse(400, self.api.get(URL + '?what=1'), 'what')

    def test_unknown_states_and_classes_give_an_empty_list(self):
        self.create()
        for query in ('?state=what', '?resource_class=what', '?owner=what'):
            self.assertEqual({'allocations': []}, self.read(URL + query))

    def test_fields_are_blind_to_case_and_links_come_always(self):
        created = self.create(name='one')
        for query in ('?fields=NAME,Uuid', '?fields=uuid,name,links',
                      '?fields=uuid,%20name'):
            expected = {key: created[key]
                        for key in ('name', 'uuid', 'links')}
            self.assertEqual([expected],
                             self.read(URL + query)['allocations'])
            self.assertEqual(expected, self.read(URL + '/one' + query))

    def test_a_node_that_is_undeployed_loses_its_allocation(self):
        allocation, node = self.create_active()
        for verb in ('active', 'deleted'):
            answer = self.api.put('/v1/nodes/%s/states/provision'
                                  % node.uuid, {'target': verb})
            self.assertEqual(202, answer.status, answer)
        self.refuse(404, self.api.get('%s/%s' % (URL, allocation['uuid'])))

    def test_a_node_without_instance_loses_its_allocation(self):
        allocation, node = self.create_active()
        answer = self.api.patch('/v1/nodes/' + node.uuid, [
            {'op': 'remove', 'path': '/instance_uuid'}])
        self.assertEqual(200, answer.status, answer)
        self.refuse(404, self.api.get('%s/%s' % (URL, allocation['uuid'])))

    def test_a_node_deleted_in_maintenance_loses_its_allocation(self):
        allocation, node = self.create_active()
        fixtures.change_node(node.uuid, maintenance=True)
        self.assertEqual(204, self.api.delete(
            '/v1/nodes/' + node.uuid).status)
        self.refuse(404, self.api.get('%s/%s' % (URL, allocation['uuid'])))

    def test_null_is_the_same_as_nothing(self):
        # openstacksdk sends it for what was not given.
        self.assertEqual(
            {'traits': [], 'candidate_nodes': [], 'extra': {}, 'name': None,
             'owner': None},
            {key: value for key, value in self.create(
                traits=None, candidate_nodes=None, extra=None, name=None,
                owner=None, uuid=None, node=None).items()
             if key in ('traits', 'candidate_nodes', 'extra', 'name',
                        'owner')})

    def test_a_delete_may_have_a_content_type_and_a_body(self):
        for raw in (None, b'', b'{"what": 1}', b'\xff'):
            uuid = self.create()['uuid']
            answer = self.api.delete(
                '%s/%s' % (URL, uuid), raw=raw,
                headers={'Content-Type': 'application/octet-stream',
                         'Accept': '*/*'})
            self.assertEqual(204, answer.status)
            self.assertNotIn('Content-Type', answer.headers)

    def test_a_json_patch_may_be_called_so(self):
        uuid = self.create()['uuid']
        answer = self.api.patch(
            '%s/%s' % (URL, uuid), [],
            headers={'Content-Type': 'application/json-patch+json'})
        self.assertEqual(200, answer.status)

    def test_both_names_of_the_request_id_are_answered(self):
        for path in ('/', URL, '/nothing', '/%00'):
            headers = self.api.get(path).headers
            self.assertEqual(headers['openstack-request-id'],
                             headers['x-openstack-request-id'])

    def test_the_newest_client_learns_the_range_from_406(self):
        # The command line asks for a newer version than there is, first.
        for path in (URL, '/v1', '/'):
            headers = self.api.get(path, version=microversions.TOO_NEW).headers
            self.assertEqual(('1.1', microversions.NEWEST), (
                headers['X-OpenStack-Ironic-API-Minimum-Version'],
                headers['X-OpenStack-Ironic-API-Maximum-Version']))
