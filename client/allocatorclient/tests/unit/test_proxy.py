# SPDX-License-Identifier: Apache-2.0
"""What the library asks, and what it makes of the answers."""

import json
import os
import time

import fixtures
from keystoneauth1 import exceptions as ksa_exc
from openstack import exceptions

import allocatorclient
from allocatorclient import errors
from allocatorclient import microversions
from allocatorclient.tests.unit import connections
from allocatorclient.tests.unit import service
from allocatorclient.v1 import _waiting

UUID = '5a1d0c50-3a4e-4b14-9b2c-6d35a9a2a001'


def allocation(**values):
    return {'uuid': UUID, 'name': 'a', 'state': 'allocating',
            'node_uuid': None} | values


class ProxyTests(connections.ServiceTests):

    def test_a_request_has_the_attributes_and_the_common_version(self):
        self.service.answer('POST', '/allocations', (201, allocation()))
        body = {'resource_class': 'x', 'wait_timeout': 60, 'priority': 1,
                'forbidden_traits': ['A'], 'any_traits': [['B']],
                'preferred_traits': [{'trait': 'C', 'weight': 1}],
                'excluded_nodes': ['n'], 'properties': {'cpus': {'=': 1}},
                'extra': {'a': 1}, 'node': 'm'}
        made = self.allocator.create_allocation(id=UUID, **body)
        request, = self.service.requests
        self.assertEqual('allocator 1.2', request.version)
        self.assertEqual(body | {'uuid': UUID}, request.body)
        self.assertEqual((UUID, 'allocating'), (made.id, made.state))

    def test_a_dry_run(self):
        self.service.answer('POST', '/allocation_candidates', {
            'candidates': [{'node_uuid': 'n', 'name': None,
                            'backend': None}],
            'total': 7, 'eliminated': {'allocated': 3}, 'waiting': 2})
        found = self.allocator.candidates(resource_class='x', limit=1)
        self.assertEqual({'resource_class': 'x', 'limit': 1},
                         self.service.requests[0].body)
        self.assertEqual((7, {'allocated': 3}, 2, 'n'), (
            found.total, found.eliminated, found.waiting,
            found.candidates[0]['node_uuid']))

    def test_a_dry_run_asks_what_a_create_asks(self):
        self.service.answer('POST', '/allocation_candidates', {
            'candidates': [], 'total': 0, 'eliminated': {}, 'waiting': 0})
        self.service.answer('POST', '/allocations', (201, allocation()))
        wanted = {'resource_class': 'x', 'uuid': UUID, 'name': 'n',
                  'priority': 7, 'wait_timeout': 60, 'extra': {'a': 1},
                  'node': 'n1', 'owner': 'p', 'traits': ['CUSTOM_A']}
        self.allocator.candidates(**wanted)
        self.allocator.create_allocation(**wanted)
        self.assertEqual([wanted, wanted], [
            request.body for request in self.service.requests])

    def test_a_list_follows_links_and_names_fields_as_the_api_does(self):
        self.service.answer(
            'GET', '/allocations',
            {'allocations': [allocation()],
             'next': '%s%s/allocations?marker=%s&waiting=true' % (
                 self.service.endpoint, service.URL, UUID)},
            {'allocations': [allocation(uuid='b')]})
        found = list(self.allocator.allocations(
            waiting=True, fields=['id', 'node_id', 'waiting']))
        self.assertEqual([UUID, 'b'], [one.id for one in found])
        first, second = self.service.requests
        self.assertEqual({'waiting': 'true',
                          'fields': 'uuid,node_uuid,waiting'}, first.query)
        self.assertEqual(first.query | {'marker': UUID}, second.query)

    def test_an_update_is_a_patch_of_what_is_named(self):
        self.service.answer('PATCH', '/allocations/a', allocation(name='b'))
        made = self.allocator.update_allocation('a', name='b', priority=-1)
        self.assertEqual([
            {'op': 'add', 'path': '/name', 'value': 'b'},
            {'op': 'add', 'path': '/priority', 'value': -1},
        ], self.service.requests[0].body)
        self.assertEqual(('b', UUID), (made.name, made.id))

    def test_a_patch_of_no_attribute_is_refused_in_a_sentence(self):
        """Once, with an IndexError."""
        for path in ('name', '', None):
            error = self.assertRaises(
                exceptions.InvalidRequest, self.allocator.patch_allocation,
                'a', [{'op': 'remove', 'path': path}])
            self.assertIn('begin with "/"', str(error))
        self.assertEqual([], self.service.requests)

    def test_an_error_has_the_sentence_and_the_code(self):
        for status, kind in ((400, exceptions.BadRequestException),
                             (403, exceptions.ForbiddenException),
                             (404, exceptions.NotFoundException),
                             (409, exceptions.ConflictException),
                             (415, exceptions.HttpException)):
            answer = status, service.error('allocator.some', 'It is so.')
            self.service.answer('GET', '/allocations/a', answer)
            self.service.answer('GET', '/allocations', answer)
            for ask in (lambda: self.allocator.get_allocation('a'),
                        lambda: list(self.allocator.allocations())):
                error = self.assertRaises(kind, ask)
                self.assertIsInstance(error, errors.AllocatorError)
                self.assertEqual(('allocator.some', status),
                                 (error.code, error.status_code))
                self.assertEqual('It is so. (HTTP %d, allocator.some, '
                                 'request req-1)' % status, str(error))

    def test_an_error_of_a_proxy_in_between_is_openstacksdks(self):
        self.service.answer('GET', '/allocations', (502, {'a': 'b'}))
        error = self.assertRaises(exceptions.HttpException, list,
                                  self.allocator.allocations())
        self.assertNotIsInstance(error, errors.AllocatorError)

    def test_what_is_not_there_is_found_to_be_none(self):
        for find in (self.allocator.find_allocation,
                     self.allocator.find_backend):
            self.assertIsNone(find('a'))
            self.assertRaises(exceptions.NotFoundException, find, 'a',
                              ignore_missing=False)


class WaitingTests(connections.ServiceTests):

    def answer(self, *answers):
        self.service.answer('GET', '/allocations/' + UUID, *answers)

    def test_each_look_is_told_and_asks_for_the_place(self):
        self.answer(allocation(waiting=True, queue_position=2),
                    allocation(state='active', node_uuid='n'))
        seen = []
        found = self.allocator.wait_for_allocation(
            UUID, callback=lambda one: seen.append(one.state))
        self.assertEqual((['allocating', 'active'], 'n'),
                         (seen, found.node_id))
        self.assertIn('queue_position',
                      self.service.requests[0].query['fields'])

    def test_a_failure_is_raised_unless_it_may_be(self):
        self.answer(allocation(state='error', last_error='No node.'))
        error = self.assertRaises(exceptions.ResourceFailure,
                                  self.allocator.wait_for_allocation, UUID)
        self.assertIn('No node.', str(error))
        self.assertEqual('error', self.allocator.wait_for_allocation(
            UUID, ignore_error=True).state)

    def test_outages_are_waited_through(self):
        self.answer(service.HANG_UP, (503, service.error('x', 'y')),
                    (502, {}), allocation(state='active'))
        self.assertEqual('active', self.allocator.wait_for_allocation(
            UUID, timeout=60).state)

    def test_an_outage_without_end_is_raised(self):
        self.patch(_waiting, 'PATIENCE', 0.5)
        self.answer((503, service.error('allocator.database.away', 'Away.')))
        error = self.assertRaises(errors.AllocatorError,
                                  self.allocator.wait_for_allocation, UUID)
        self.assertEqual(503, error.status_code)
        self.answer(service.HANG_UP)
        self.assertRaises(ksa_exc.ConnectionError,
                          self.allocator.wait_for_allocation, UUID)

    def test_a_refusal_and_a_deletion_are_raised_at_once(self):
        self.answer(allocation(), (403, service.error('x', 'No.')))
        self.assertRaises(errors.Forbidden,
                          self.allocator.wait_for_allocation, UUID)
        self.answer(allocation(), (404, service.error('x', 'Gone.')))
        self.assertRaises(errors.NotFound,
                          self.allocator.wait_for_allocation, UUID)

    def test_the_time_is_kept(self):
        self.answer(allocation())
        self.assertRaises(exceptions.ResourceTimeout,
                          self.allocator.wait_for_allocation, UUID,
                          timeout=0.3)


    def test_the_time_is_kept_where_nobody_answers(self):
        """Once, one look took as long as the service liked."""
        self.answer(service.SILENCE)
        begun = time.monotonic()
        self.assertRaises(exceptions.ResourceTimeout,
                          self.allocator.wait_for_allocation, UUID,
                          timeout=1)
        self.assertLess(time.monotonic() - begun, 10)

    def test_silence_is_an_outage_that_passes(self):
        self.patch(_waiting, 'ANSWER', 0.3)
        self.answer(service.SILENCE, allocation(state='active'))
        self.assertEqual('active', self.allocator.wait_for_allocation(
            UUID).state)

    def test_no_cache_answers(self):
        """Once, that of clouds.yaml gave the first answer again and again."""
        self.answer(allocation(), allocation(state='active'))
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, 'clouds')
        with open(path, 'w') as file:
            json.dump({
                'cache': {'expiration_time': 3600, 'expiration': {
                    'allocator.allocation': 3600}},
                'clouds': {'nodes': {'auth_type': 'none', 'auth': {
                    'endpoint': self.service.endpoint}}}}, file)
        self.useFixture(fixtures.EnvironmentVariable(
            'OS_CLIENT_CONFIG_FILE', path))
        cached = allocatorclient.connect(cloud='nodes')
        self.addCleanup(cached.close)
        self.assertEqual('active', cached.allocator.wait_for_allocation(
            UUID, timeout=5).state)


class OldServiceTests(connections.ServiceTests):

    newest = '1.0'

    def test_what_it_does_not_know_is_refused_before_it_is_asked(self):
        for ask in (
                lambda: self.allocator.create_allocation(wait_timeout=1),
                lambda: self.allocator.create_allocation(any_traits=[]),
                lambda: self.allocator.update_allocation('a', priority=1),
                lambda: self.allocator.allocations(waiting=True),
                lambda: self.allocator.patch_allocation('a', [
                    {'op': 'remove', 'path': '/wait_timeout'}]),
                lambda: self.allocator.candidates(resource_class='x')):
            error = self.assertRaises(exceptions.NotSupported, ask)
            self.assertIn('version 1.0', str(error))
        self.assertEqual([], self.service.requests)

    def test_what_it_knows_works(self):
        self.service.answer('POST', '/allocations', (201, allocation()))
        self.service.answer('GET', '/allocations/' + UUID,
                            allocation(state='active'))
        made = self.allocator.create_allocation(resource_class='x')
        self.allocator.wait_for_allocation(made)
        self.assertEqual({'allocator 1.0'}, {
            request.version for request in self.service.requests})
        self.assertEqual(
            microversions.fields('1.0'),
            self.service.requests[1].query['fields'].split(','))


class NewerServiceTests(connections.ServiceTests):

    newest = '1.99'

    def test_the_version_is_the_newest_of_the_client(self):
        self.assertEqual(microversions.NEWEST,
                         self.allocator.negotiated_version())

    def test_a_pinned_version_is_kept(self):
        for option in ('default_microversion', 'api_version'):
            allocator = self.connect(
                **{'allocator_' + option: '1.1'}).allocator
            self.assertEqual('1.1', allocator.negotiated_version())
            self.assertRaises(
                exceptions.NotSupported, allocator.create_allocation,
                forbidden_traits=[])
