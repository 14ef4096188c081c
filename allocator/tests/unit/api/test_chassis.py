# SPDX-License-Identifier: Apache-2.0
"""Chassis."""

from allocator.tests.unit.api import inventory

UUID = '8d4ee4e6-5b0d-4ba3-b1b5-0d5f3c4f1c11'


class ChassisTest(inventory.InventoryTestCase):

    def create_chassis(self, **values):
        answer = self.api.post('/v1/chassis', values)
        self.assertEqual(201, answer.status, answer)
        return answer.body

    def test_create_and_show(self):
        answer = self.api.post('/v1/chassis', {
            'uuid': UUID, 'description': 'A', 'extra': {'b': 1}})
        self.assertEqual('http://localhost/v1/chassis/' + UUID,
                         answer.headers['Location'])
        chassis = answer.body
        self.assertEqual((UUID, 'A', {'b': 1}, None), (
            chassis['uuid'], chassis['description'], chassis['extra'],
            chassis['updated_at']))
        for ident in (UUID, UUID.upper()):
            self.assertEqual(chassis,
                             self.api.get('/v1/chassis/' + ident).body)
        found = self.api.get('/v1/chassis/%s?fields=extra' % UUID).body
        self.assertEqual({'extra', 'links'}, set(found))

    def test_defaults(self):
        chassis = self.create_chassis(description=None, extra=None)
        self.assertEqual((None, {}), (chassis['description'],
                                      chassis['extra']))

    def test_bad_requests(self):
        self.create_chassis(uuid=UUID)
        for body, status in (({'uuid': 'x'}, 400), ({'uuid': UUID}, 409),
                             ({'description': 'x' * 256}, 400),
                             ({'extra': []}, 400), ({'nope': 1}, 400)):
            self.assertEqual(status,
                             self.api.post('/v1/chassis', body).status)
        self.assertEqual(400, self.api.get('/v1/chassis/x').status)
        self.assertEqual(406, self.api.get(
            '/v1/chassis?fields=uuid', version='1.7').status)
        for query in ('nope=1', 'sort_key=extra', 'fields=nope',
                      'fields=uuid&detail=True'):
            self.assertEqual(400, self.api.get('/v1/chassis?' + query).status)
        for path in ('', '/nodes'):
            answer = self.api.get('/v1/chassis/%s%s' % (
                UUID.replace('8', '9'), path))
            self.assertEqual(404, answer.status)

    def test_lists(self):
        uuids = [self.create_chassis()['uuid'] for _number in range(3)]
        answer = self.api.get('/v1/chassis?limit=2').body
        self.assertEqual({'uuid', 'description', 'links'},
                         set(answer['chassis'][0]))
        answer['chassis'] += self.api.get(answer['next']).body['chassis']
        self.assertEqual(uuids, [chassis['uuid']
                                 for chassis in answer['chassis']])
        for path in ('/detail', '?detail=True'):
            found = self.api.get('/v1/chassis' + path).body['chassis']
            self.assertEqual(self.api.get('/v1/chassis/' + uuids[0]).body,
                             found[0])

    def test_patch(self):
        url = '/v1/chassis/' + self.create_chassis()['uuid']
        answer = self.api.patch(url, [
            {'op': 'add', 'path': '/description', 'value': 'A'},
            {'op': 'add', 'path': '/extra/b', 'value': 1}])
        self.assertEqual(200, answer.status)
        self.assertEqual(('A', {'b': 1}), (answer.body['description'],
                                           answer.body['extra']))
        answer = self.api.patch(url, [
            {'op': 'remove', 'path': '/description'},
            {'op': 'remove', 'path': '/extra'}])
        self.assertEqual((None, {}), (answer.body['description'],
                                      answer.body['extra']))
        for path in ('/uuid', '/nope', '/extra/zzz'):
            self.assertEqual(400, self.api.patch(
                url, [{'op': 'remove', 'path': path}]).status)

    def test_a_chassis_with_nodes_stays(self):
        chassis = self.create_chassis()
        node = self.create(chassis_uuid=chassis['uuid'])
        url = '/v1/chassis/' + chassis['uuid']
        self.assertEqual([node['uuid']], self.uuids(url + '/nodes'))
        answer = self.api.delete(url)
        self.assertEqual(409, answer.status)
        self.assertIn('has nodes', answer.fault)
        self.patch(node, ('remove', '/chassis_uuid'))
        self.assertEqual(204, self.api.delete(url).status)
        self.assertEqual(404, self.api.delete(url).status)
