# SPDX-License-Identifier: Apache-2.0
"""Drivers, conductors, shards, and what clients ask of a node besides."""

import datetime

import sqlalchemy as sa

from allocator.db import conductors
from allocator.db import models
from allocator.db import session
from allocator.tests.unit.api import inventory


class DriversTest(inventory.InventoryTestCase):

    def test_list(self):
        self.create(driver='ipmi')
        answer = self.api.get('/v1/drivers').body['drivers']
        self.assertEqual([('fake-hardware', ['test']), ('ipmi', ['test'])],
                         [(d['name'], d['hosts']) for d in answer])
        self.assertNotIn('default_boot_interface', answer[0])
        answer = self.api.get('/v1/drivers?detail=True').body['drivers']
        self.assertEqual('fake', answer[0]['default_boot_interface'])
        answer = self.api.get('/v1/drivers?type=classic').body
        self.assertEqual([], answer['drivers'])
        answer = self.api.get('/v1/drivers?fields=name').body['drivers']
        self.assertEqual({'name', 'links'}, set(answer[0]))

    def test_show(self):
        driver = self.api.get('/v1/drivers/fake-hardware').body
        self.assertIn('fake', driver['enabled_power_interfaces'])
        self.assertEqual({}, self.api.get(
            '/v1/drivers/fake-hardware/properties').body)
        for path in ('', '/properties'):
            self.assertEqual(404, self.api.get(
                '/v1/drivers/nope' + path).status)

    def test_versions(self):
        for query, minor in (('detail=True', 30), ('type=dynamic', 30),
                             ('fields=name', 77)):
            for version, status in ((minor - 1, 406), (minor, 200)):
                self.assertEqual(status, self.api.get(
                    '/v1/drivers?' + query, version='1.%d' % version).status)
        for query in ('nope=1', 'type=x', 'fields=name&detail=True'):
            self.assertEqual(400, self.api.get('/v1/drivers?' + query).status)


class ConductorsTest(inventory.InventoryTestCase):

    def test_list_and_show(self):
        conductors.beat('other')
        answer = self.api.get('/v1/conductors').body['conductors']
        self.assertEqual([('test', True, ''), ('other', True, '')],
                         [(c['hostname'], c['alive'], c['conductor_group'])
                          for c in answer])
        answer = self.api.get('/v1/conductors?detail=True').body
        self.assertEqual(answer['conductors'][1],
                         self.api.get('/v1/conductors/other').body)
        self.assertEqual([], answer['conductors'][1]['drivers'])
        self.assertEqual(404, self.api.get('/v1/conductors/nope').status)
        self.assertEqual(404, self.api.get('/v1/conductors',
                                           version='1.48').status)

    def test_a_conductor_that_is_late_is_not_alive(self):
        with session.writer() as connection:
            connection.execute(sa.update(models.Conductor).values(
                updated_at=datetime.datetime(2026, 1, 31)))
        node = self.create()
        self.assertIs(False, self.api.get(
            '/v1/conductors/test').body['alive'])
        self.assertIsNone(self.show(node)['conductor'])


class ShardsTest(inventory.InventoryTestCase):

    def test_nodes_are_counted(self):
        for shard in ('b', 'a', None, 'b'):
            self.create(shard=shard)
        self.assertEqual(
            [{'name': None, 'count': 1}, {'name': 'a', 'count': 1},
             {'name': 'b', 'count': 2}],
            self.api.get('/v1/shards').body['shards'])
        self.assertEqual(404, self.api.get('/v1/shards',
                                           version='1.81').status)


class AttachmentsTest(inventory.InventoryTestCase):

    def test_what_needs_hardware_is_agreed_to(self):
        url = '/v1/nodes/' + self.create()['uuid']
        for method, path, minor, status, body in (
                ('GET', '/vifs', 28, 200, {'vifs': []}),
                ('POST', '/vifs', 28, 204, None),
                ('DELETE', '/vifs/x', 28, 204, None),
                ('POST', '/vmedia', 89, 204, None),
                ('DELETE', '/vmedia', 89, 204, None),
                ('GET', '/firmware', 86, 200, {'firmware': []})):
            sent = {'id': 'x'} if method == 'POST' else None
            answer = self.api.request(method, url + path, sent)
            self.assertEqual((status, body), (answer.status, answer.body))
            self.assertEqual(404, self.api.request(
                method, '/v1/nodes/x' + path, sent).status)
            older = self.api.request(method, url + path, sent,
                                     version='1.%d' % (minor - 1))
            self.assertIn(older.status, (404, 405))

    def test_validate(self):
        node = self.create(name='one')
        for path in ('/v1/nodes/one/validate', '/v1/nodes/validate?node=one',
                     '/v1/nodes/%s/validate' % node['uuid']):
            answer = self.api.get(path)
            for interface in ('boot', 'deploy', 'management', 'power'):
                self.assertEqual({'result': True}, answer.body[interface])
        self.assertEqual(404, self.api.get('/v1/nodes/x/validate').status)
        self.assertEqual(400, self.api.get('/v1/nodes/validate').status)
