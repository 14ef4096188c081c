# SPDX-License-Identifier: Apache-2.0
"""What a node must and must not be, asked through the own API."""

import sqlalchemy as sa

from allocator.common import constraints
from allocator.db import conductors
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests import statements
from allocator.tests.unit.api import allocating

UEFI = {'capabilities': 'boot_mode:uefi,secure_boot:true'}
EVERYTHING = {
    'forbidden_traits': ['CUSTOM_B'],
    'any_traits': [['CUSTOM_C', 'CUSTOM_D'], ['CUSTOM_A']],
    'preferred_traits': [{'trait': 'CUSTOM_E', 'weight': 7}],
    'excluded_nodes': ['out'],
    'properties': {'memory_mb': {'>=': '4096', '!=': 5000},
                   'capabilities:boot_mode': {'in': ['uefi', 'bios']}},
}


class ConstraintTestCase(allocating.AllocationTestCase):

    url = allocating.OWN_URL

    def allocate(self, **values):
        """Create an allocation and have it decided; return it."""
        uuid = self.create(**values)['uuid']
        self.api.match()
        return self.show(uuid)

    def refuse_body(self, *words, **values):
        answer = self.api.post(self.url, {'resource_class': 'metal'}
                               | values)
        self.refuse(400, answer, *words)
        self.assertEqual([], self.rows())


class FieldTests(ConstraintTestCase):

    def setUp(self):
        super().setUp()
        self.out = fixtures.add_node(name='out')

    def test_they_are_shown_as_they_were_sent(self):
        shown = EVERYTHING | {'excluded_nodes': [self.out.uuid]}
        created = self.create(**EVERYTHING)
        [listed] = self.read(self.url)['allocations']
        names = ','.join(EVERYTHING)
        [chosen] = self.read(self.url + '?fields=' + names)['allocations']
        for found in (created, self.show(created['uuid']), listed, chosen):
            self.assertEqual(shown, {name: found[name] for name in shown})
        self.assertEqual({'links', *EVERYTHING}, set(chosen))
        renamed = self.patch(created['uuid'], ('add', '/name', 'x')).body
        self.assertEqual(shown, {name: renamed[name] for name in shown})

    def test_without_any_they_are_empty(self):
        for values in ({}, dict.fromkeys(constraints.FIELDS),
                       constraints.FIELDS):
            created = self.create(**values)
            self.assertEqual(constraints.FIELDS, {
                name: created[name] for name in constraints.FIELDS})
        self.assertEqual({None}, {row.constraints for row in self.rows()})

    def test_a_list_reads_them_only_if_it_shows_them(self):
        self.create(**EVERYTHING)
        for field, is_read in (('name', False), ('properties', True)):
            with statements.Statements() as made:
                [found] = self.read(
                    self.url + '?fields=' + field)['allocations']
            self.assertEqual({'links', field}, set(found))
            self.assertEqual(is_read, 'allocations.constraints'
                             in ' '.join(made.texts))

    def test_they_are_part_of_version_2(self):
        created = self.create(version='1.1')
        for name, value in EVERYTHING.items():
            self.assertNotIn(name, created)
            answer = self.api.post(
                self.url, {'resource_class': 'metal', name: value},
                version='1.1')
            self.refuse(406, answer, name, '1.2')
            self.refuse(406, self.api.get(
                self.url + '?fields=' + name, version='1.1'), name, '1.2')
            self.refuse(400, self.api.get(self.url + '?sort_key=' + name))

    def test_the_bare_metal_api_does_not_know_them(self):
        uuid = self.create(**EVERYTHING)['uuid']
        found = self.read(allocating.URL + '/' + uuid)
        for name, value in EVERYTHING.items():
            self.assertNotIn(name, found)
            self.refuse(400, self.api.post(allocating.URL, {
                'resource_class': 'metal', name: value}), name)
            self.refuse(400, self.api.get(
                allocating.URL + '?fields=' + name), name)

    def test_they_cannot_be_changed(self):
        uuid = self.create(**EVERYTHING)['uuid']
        for name in EVERYTHING:
            self.patch(uuid, ('remove', '/' + name), status=400)


class RefusalTests(ConstraintTestCase):

    def test_required_and_forbidden(self):
        self.refuse_body('CUSTOM_A', 'forbidden_traits', 'traits',
                         traits=['CUSTOM_A', 'CUSTOM_B'],
                         forbidden_traits=['CUSTOM_A'])

    def test_preferred_and_forbidden(self):
        self.refuse_body(
            'CUSTOM_A', 'forbidden_traits', 'preferred_traits',
            forbidden_traits=['CUSTOM_A'],
            preferred_traits=[{'trait': 'CUSTOM_A', 'weight': 1}])

    def test_all_alternatives_forbidden(self):
        self.refuse_body(
            'CUSTOM_A, CUSTOM_B', 'any_traits',
            any_traits=[['CUSTOM_C'], ['CUSTOM_A', 'CUSTOM_B']],
            forbidden_traits=['CUSTOM_B', 'CUSTOM_A'])
        self.create(any_traits=[['CUSTOM_A', 'CUSTOM_B']],
                    forbidden_traits=['CUSTOM_B'])

    def test_comparisons_that_no_value_meets(self):
        for operators in ({'>=': 2, '<=': 1}, {'=': 1, '!=': '1'},
                          {'=': 1, 'in': [2, 3]}, {'in': [1], 'not in': [1]},
                          {'in': [1, 2], '>=': 3}, {'=': 'a', '>=': 1},
                          {'>=': 1, '<=': 1, '!=': 1}):
            self.refuse_body('properties', 'cpus', 'contradict',
                             properties={'cpus': operators})
        for operators in ({'>=': 1, '<=': 1}, {'=': 1, '>=': 1},
                          {'in': [1, 2], '!=': 1}, {'>=': 1, '!=': 1},
                          {'in': ['a', 1], '<=': 1}):
            self.create(properties={'cpus': operators})

    def test_every_candidate_excluded(self):
        nodes = [fixtures.add_node(name=name) for name in ('one', 'two')]
        self.refuse_body('candidate', candidate_nodes=['one'],
                         excluded_nodes=[nodes[0].uuid, 'two'])
        found = self.allocate(candidate_nodes=['one', 'two'],
                              excluded_nodes=['one'])
        self.assertEqual(nodes[1].uuid, found['node_uuid'])

    def test_fifty_traits_in_all_lists_together(self):
        names = ['CUSTOM_%d' % number for number in range(51)]

        def body(count):
            return {'traits': names[:10], 'forbidden_traits': names[10:20],
                    'any_traits': [names[20:25], names[25:30]],
                    'preferred_traits': [{'trait': name, 'weight': 1}
                                         for name in names[30:count]]}

        self.refuse_body('51', '50', 'any_traits', **body(51))
        self.create(**body(50))

    def test_unknown_excluded_nodes_are_named(self):
        self.refuse_body('nobody', excluded_nodes=['nobody'])

    def test_schedulable_properties_are_listed(self):
        self.refuse_body('vendor', 'cpu_arch', 'memory_mb',
                         'capabilities:<name>',
                         properties={'vendor': {'=': 'acme'}})
        self.api.configuration.set('schedulable_properties', ['vendor'],
                                   group='conductor')
        self.refuse_body('use vendor', properties={'cpus': {'=': 1}})
        self.create(properties={'vendor': {'=': 'acme'}})

    def test_none_goes_with_a_node_to_backfill(self):
        fixtures.add_node(name='busy', provision_state='active')
        for name, value in EVERYTHING.items():
            answer = self.api.post(self.url, {'node': 'busy', name: value})
            self.refuse(400, answer, name, 'node')
        answer = self.api.post(self.url, constraints.FIELDS
                               | {'node': 'busy'})
        self.assertEqual(201, answer.status, answer)

    def test_while_an_older_conductor_lives(self):
        conductors.beat('old')
        with session.writer() as connection:
            connection.execute(sa.update(models.Conductor).where(
                models.Conductor.hostname == 'old').values(
                    version=conductors.LANGUAGE - 1))
        fixtures.add_node(name='out')
        for name, value in EVERYTHING.items():
            answer = self.api.post(self.url, {'resource_class': 'metal',
                                              name: value})
            self.refuse(503, answer, 'older release')
            self.assertEqual('allocator.conductor.too_old',
                             answer.body['errors'][0]['code'])
        self.assertEqual([], self.rows())
        self.create(traits=['CUSTOM_A'])
        conductors.leave('old', None)
        self.create(**EVERYTHING)


class ChoiceTests(ConstraintTestCase):

    def test_one_node_meets_everything(self):
        good = {'memory_mb': 8192} | UEFI
        for traits, properties, name in (
                (['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C'], good, None),
                (['CUSTOM_A'], good, None), (['CUSTOM_C'], good, None),
                (['CUSTOM_A', 'CUSTOM_C'], good | {'memory_mb': 1}, None),
                (['CUSTOM_A', 'CUSTOM_C'], good | {'memory_mb': 5000}, None),
                (['CUSTOM_A', 'CUSTOM_C'], {'memory_mb': 8192}, None),
                (['CUSTOM_A', 'CUSTOM_C'], good, 'out')):
            fixtures.add_node(traits, properties=properties, name=name)
        node = fixtures.add_node(['CUSTOM_A', 'CUSTOM_C', 'CUSTOM_X'],
                                 properties=good)
        found = self.allocate(**EVERYTHING)
        self.assertEqual(node.uuid, found['node_uuid'], found)

    def test_more_weight_before_least_special(self):
        fixtures.add_node()
        light = fixtures.add_node(['CUSTOM_A'])
        heavy = fixtures.add_node(['CUSTOM_B', 'CUSTOM_C', 'CUSTOM_D'])
        preferred = [{'trait': 'CUSTOM_A', 'weight': 3},
                     {'trait': 'CUSTOM_B', 'weight': 2},
                     {'trait': 'CUSTOM_C', 'weight': 2}]
        self.assertEqual([heavy.uuid, light.uuid], [
            self.allocate(preferred_traits=preferred)['node_uuid']
            for _ in range(2)])

    def test_a_preferred_node_that_was_just_added(self):
        """Of new profiles only who found nothing had learnt."""
        fixtures.add_node()
        self.allocate(traits=['CUSTOM_A'])
        node = fixtures.add_node(['CUSTOM_NEW'])
        found = self.allocate(preferred_traits=[
            {'trait': 'CUSTOM_NEW', 'weight': 1}])
        self.assertEqual(node.uuid, found['node_uuid'])

    def test_a_preference_is_no_demand(self):
        node = fixtures.add_node()
        fixtures.change_node(node.uuid, profile_id=None)
        found = self.allocate(preferred_traits=[
            {'trait': 'CUSTOM_A', 'weight': 1}])
        self.assertEqual(node.uuid, found['node_uuid'])

    def test_the_namesake_must_meet_them_too(self):
        fixtures.add_node(['CUSTOM_A'], name='web')
        node = fixtures.add_node(['CUSTOM_B', 'CUSTOM_C'])
        found = self.allocate(name='web', forbidden_traits=['CUSTOM_A'])
        self.assertEqual(node.uuid, found['node_uuid'])

    def test_candidates_keep_the_clients_order(self):
        for name, traits in (('one', []), ('two', ['CUSTOM_B']),
                             ('three', ['CUSTOM_B', 'CUSTOM_A'])):
            fixtures.add_node(traits, name=name)
        found = self.allocate(
            candidate_nodes=['one', 'two', 'three'],
            any_traits=[['CUSTOM_A', 'CUSTOM_B']],
            preferred_traits=[{'trait': 'CUSTOM_A', 'weight': 9}])
        self.assertEqual(
            'two', self.read('/v1/nodes/' + found['node_uuid'])['name'])

    def test_only_requested_traits_go_to_the_instance(self):
        node = fixtures.add_node(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C'])
        self.allocate(
            traits=['CUSTOM_A'], any_traits=[['CUSTOM_B', 'CUSTOM_C']],
            preferred_traits=[{'trait': 'CUSTOM_C', 'weight': 1}])
        self.assertEqual({'traits': ['CUSTOM_A']},
                         fixtures.get_node(node.uuid).instance_info)


class CensusTests(ConstraintTestCase):

    def test_each_condition_is_counted(self):
        for count, traits, properties in (
                (1, ['CUSTOM_X', 'CUSTOM_A'], {'memory_mb': 8} | UEFI),
                (2, ['CUSTOM_A'], {'memory_mb': 1} | UEFI),
                (3, [], {'memory_mb': 'much'} | UEFI),
                (4, ['CUSTOM_B'], {'memory_mb': 9})):
            for _ in range(count):
                fixtures.add_node(traits, properties=properties)
        out = fixtures.add_node(['CUSTOM_A'], properties={
            'memory_mb': 8} | UEFI)
        found = self.allocate(
            forbidden_traits=['CUSTOM_X'],
            any_traits=[['CUSTOM_A', 'CUSTOM_B']],
            excluded_nodes=[out.uuid], properties={
                'memory_mb': {'>=': 4},
                'capabilities:boot_mode': {'=': 'uefi'}})
        self.assertEqual(
            'No suitable node: of 11 in resource class metal, '
            '1 with forbidden trait CUSTOM_X, '
            '3 without any of the traits CUSTOM_A, CUSTOM_B, '
            '4 without capabilities:boot_mode, '
            '3 without a number as memory_mb, 2 with memory_mb below 4, '
            '9 without all requested properties, 1 excluded.',
            found['last_error'])

    def test_a_total_tells_of_what_is_not_named(self):
        forbidden = ['CUSTOM_%d' % number for number in range(7)]
        fixtures.add_node(['CUSTOM_6', 'CUSTOM_A'])
        fixtures.add_node(['CUSTOM_0'])
        self.assertIn(
            'of 2 in resource class metal, 1 with forbidden trait CUSTOM_0, '
            '2 with some forbidden trait, 1 without any of the traits '
            'CUSTOM_A, CUSTOM_B.', self.allocate(
                forbidden_traits=forbidden,
                any_traits=[['CUSTOM_A', 'CUSTOM_B']])['last_error'])
        self.assertTrue(self.allocate(any_traits=[
            ['CUSTOM_0', 'CUSTOM_A', 'CUSTOM_X%d' % number]
            for number in range(5)] + [['CUSTOM_Y', 'CUSTOM_Z']])[
            'last_error'].endswith('metal, 2 without a trait of each list.'))

    def test_nothing_is_made_up_where_nothing_is_counted(self):
        """A node that the first release made has no profile for a moment."""
        node = fixtures.add_node()
        with session.writer() as connection:
            connection.execute(sa.update(models.Node.__table__).where(
                models.Node.uuid == node.uuid).values(profile_id=None))
        self.assertEqual(
            'No suitable node: of 1 in resource class metal, none suits, for '
            'reasons that are not counted.',
            self.allocate(forbidden_traits=['CUSTOM_A'])['last_error'])

    def test_others_nodes_are_not_counted(self):
        for owner in ('p', 'q', None):
            fixtures.add_node(['CUSTOM_X'], owner=owner,
                              properties={'memory_mb': 1})
        found = self.allocate(owner='p', forbidden_traits=['CUSTOM_X'],
                              properties={'memory_mb': {'>=': 4}})
        self.assertIn('of 1 in', found['last_error'])
        self.assertIn(', 1 with forbidden trait CUSTOM_X, 1 with memory_mb '
                      'below 4.', found['last_error'])

    def test_the_longest_sentence_fits(self):
        fixtures.add_node()
        found = self.allocate(properties={
            'capabilities:' + '😀' * 200 + str(number): {'=': '😀' * 255}
            for number in range(20)})
        self.assertEqual('error', found['state'])
        self.assertTrue(found['last_error'].isascii()
                        or found['last_error'].endswith('…'))
