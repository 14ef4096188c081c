# SPDX-License-Identifier: Apache-2.0
"""The dry run: which nodes an allocation would get."""

import fixtures as base_fixtures

from allocator.db import backends
from allocator.db import conductors
from allocator.db import waiters
from allocator.tests import fixtures
from allocator.tests import statements
from allocator.tests.unit.api import allocating
from allocator.tests.unit.api import test_constraints

URL = '/allocator/v1/allocation_candidates'
METAL = {'resource_class': 'metal'}


class CandidateTests(allocating.AllocationTestCase):

    url = allocating.OWN_URL

    def ask(self, **body):
        answer = self.api.post(URL, METAL | body)
        self.assertEqual(200, answer.status, answer)
        return answer.body

    def names(self, **body):
        return [node['name'] for node in self.ask(**body)['candidates']]

    def test_nothing_there(self):
        self.assertEqual({'candidates': [], 'total': 0, 'eliminated': {},
                          'waiting': 0}, self.ask())

    def test_in_the_order_in_which_they_are_taken(self):
        for name, traits, owner in (
                ('a', ['CUSTOM_A', 'CUSTOM_B'], None), ('b', [], 'p'),
                ('c', ['CUSTOM_A'], None), ('d', [], None),
                ('e', ['CUSTOM_C', 'CUSTOM_B'], None)):
            fixtures.add_node(traits, name=name, owner=owner)
        preferred = [{'trait': 'CUSTOM_B', 'weight': 2},
                     {'trait': 'CUSTOM_C', 'weight': 1}]
        for body in ({}, {'preferred_traits': preferred}, {'name': 'a'},
                     {'candidate_nodes': ['b', 'd', 'a'], 'name': 'a'},
                     {'excluded_nodes': ['d'], 'forbidden_traits': [
                         'CUSTOM_C']}, {'owner': 'p'}):
            foretold = [node['node_uuid']
                        for node in self.ask(**body)['candidates']]
            taken = []
            while True:
                uuid = self.create(**body)['uuid']
                self.api.match()
                node = self.show(uuid)['node_uuid']
                if node is None:
                    break
                taken.append(node)
                # The name is free again, the node is not.
                self.patch(uuid, ('remove', '/name'))
            self.assertEqual(foretold, taken, body)
            self.assertTrue(taken)
            for row in self.rows():
                self.api.delete('%s/%s' % (self.url, row.uuid))

    def test_total_and_what_eliminated_the_others(self):
        for number in range(3):
            fixtures.add_node(name='n%d' % number)
        fixtures.add_node(['CUSTOM_X'], maintenance=True)
        found = self.ask(limit=2, forbidden_traits=['CUSTOM_X'])
        self.assertEqual((2, 3, 0), (len(found['candidates']),
                                     found['total'], found['waiting']))
        self.assertEqual({'in maintenance': 1,
                          'with forbidden trait CUSTOM_X': 1},
                         found['eliminated'])
        self.assertEqual({'node_uuid', 'name', 'backend'},
                         set(found['candidates'][0]))

    def test_all_that_eliminates_is_counted(self):
        names = ['CUSTOM_%d' % number for number in range(8)]
        fixtures.add_node(names)
        self.assertEqual(
            {'with some forbidden trait': 1} | {
                'with forbidden trait ' + name: 1 for name in names},
            self.ask(forbidden_traits=names)['eliminated'])
        found = self.ask(traits=['CUSTOM_A%d' % number for number in range(8)],
                         any_traits=[['CUSTOM_B%d' % number, 'CUSTOM_C']
                                     for number in range(8)])['eliminated']
        self.assertEqual(8 + 1 + 8 + 1, len(found), found)

    def test_properties_that_begin_alike_are_told_apart(self):
        fixtures.add_node()
        names = ['capabilities:' + 'x' * 40 + end for end in ('a', 'b', 'é')]
        self.assertEqual(
            {'without all requested properties': 1} | {
                'without ' + name: 1 for name in names},
            self.ask(properties={name: {'=': 'y'} for name in names})[
                'eliminated'])

    def test_max_limit_is_the_greatest_limit(self):
        self.api.configuration.set('max_limit', 2, group='api')
        for _ in range(3):
            fixtures.add_node()
        self.assertEqual([2, 2, 1], [len(self.names(**body)) for body in (
            {}, {'limit': 5}, {'limit': 1})])

    def test_nothing_is_written_or_locked(self):
        for name in ('a', 'out'):
            fixtures.add_node(['CUSTOM_A', 'CUSTOM_C'], name=name,
                              properties=test_constraints.UEFI
                              | {'memory_mb': 9999})
        backends.exist()
        for body, count in (({}, 8), (test_constraints.EVERYTHING, 11)):
            with statements.Statements() as made:
                self.assertTrue(self.names(**body))
            for text in made.texts:
                self.assertTrue(text.startswith('SELECT'), text)
                self.assertNotIn('FOR UPDATE', text)
            self.assertLessEqual(len(made.texts), count, made.texts)
        self.assertEqual([], self.rows())

    def test_who_waits_is_counted(self):
        for priority in (0, 2, -1):
            self.assertEqual(201, self.api.post(allocating.OWN_URL, {
                'resource_class': 'metal', 'wait_timeout': 60,
                'priority': priority}).status)
        for priority, before in ((0, 2), (1, 1), (2, 1), (-1, 3), (3, 0)):
            found = self.api.post(URL, {'resource_class': 'metal',
                                        'priority': priority}).body
            self.assertEqual(before, found['waiting'], priority)

    def test_whoever_waits_in_the_class_is_counted_up_to_a_bound(self):
        self.useFixture(base_fixtures.MockPatchObject(
            waiters, 'MAX_POSITION', 3))
        for number in range(4):
            self.assertEqual(min(number, 3), self.ask()['waiting'])
            self.api.post(allocating.OWN_URL, {
                'resource_class': 'metal', 'wait_timeout': 60,
                'traits': ['CUSTOM_%d' % number]})
        self.assertEqual(3, self.ask()['waiting'])

    def test_a_conductor_is_not_needed(self):
        conductors.leave('test', None)
        fixtures.add_node(name='a')
        self.assertEqual(['a'], self.names(forbidden_traits=['CUSTOM_A']))

    def test_what_a_create_refuses(self):
        for body in ({'resource_class': None}, {'limit': 0}, {'limit': True},
                     {'limit': '1'}, {'limit': 1.0}, {'colour': 'red'},
                     {'traits': ['CUSTOM_A'],
                      'forbidden_traits': ['CUSTOM_A']},
                     {'excluded_nodes': ['nobody']},
                     {'candidate_nodes': ['nobody']}, {'node': 'x'}):
            [name] = {'forbidden_traits'} & set(body) or set(body)
            words = () if name.endswith('_nodes') else (name,)
            self.refuse(400, self.api.post(URL, METAL | body), *words)
        self.refuse(400, self.api.post(URL + '?limit=1', METAL), 'limit')

    def test_who_may_not_ask_for_that_waiting_is_told_nothing_of_it(self):
        self.api.configuration.set('max_wait', 60, group='queue')
        self.refuse(400, self.api.post(URL, METAL | {'wait_timeout': 61}),
                    '60 seconds')
        self.api.act_as('member', 'reader', project='p')
        for priority, status in ((1, 403), (0, 200), (-1, 200)):
            self.assertEqual(status, self.api.post(
                URL, METAL | {'priority': priority}).status)

    def test_what_a_create_takes(self):
        node = fixtures.add_node()
        self.assertEqual(node.uuid, self.ask(
            uuid='c6b9f3a6-6a1c-4f43-9a3e-1b1f6d8ac0f5', name='x',
            extra={'a': 1}, limit=None)['candidates'][0]['node_uuid'])

    def test_it_is_part_of_version_2(self):
        self.refuse(405, self.api.post(URL, METAL, version='1.1'))
        self.refuse(404, self.api.get(URL, version='1.1'))
        answer = self.api.get(URL)
        self.refuse(405, answer)
        self.assertEqual('POST', answer.headers['Allow'])

    def test_a_project_sees_its_own_and_leased_nodes(self):
        for name, owner, lessee in (('own', 'p', None), ('leased', 'q', 'p'),
                                    ('theirs', 'q', None),
                                    ('nobodys', None, None)):
            fixtures.add_node(['CUSTOM_X'], name=name, owner=owner,
                              lessee=lessee)
        self.api.act_as('reader', project='p')
        self.assertEqual({'own', 'leased'}, set(self.names()))
        found = self.ask(forbidden_traits=['CUSTOM_X'])
        self.assertEqual((0, {'with forbidden trait CUSTOM_X': 2}),
                         (found['total'], found['eliminated']))
        for body in ({'candidate_nodes': ['theirs']},
                     {'excluded_nodes': ['nobodys']}):
            self.refuse(400, self.api.post(URL, METAL | body))
        self.refuse(403, self.api.post(URL, METAL | {'owner': 'q'}))
