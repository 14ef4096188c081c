# SPDX-License-Identifier: Apache-2.0
"""Profiles: shared by equal nodes, remembered, removed when unused."""

import datetime

import fixtures as base_fixtures
from oslo_utils import timeutils
from oslo_utils import uuidutils
from oslotest import base
import sqlalchemy as sa

from allocator.db import allocations
from allocator.db import candidates
from allocator.db import claims
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import node_changes
from allocator.db import nodes
from allocator.db import profiles
from allocator.db import profiling
from allocator.db import session
from allocator.db import suitability
from allocator.db import taking
from allocator.db import traits
from allocator.tests import fixtures
from allocator.tests import statements

_node = models.Node.__table__
_profile = models.Profile.__table__

LONG_AGO = timeutils.utcnow() - datetime.timedelta(hours=2)


class Profiles(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())

    def intern(self, names=(), **properties):
        return profiles.intern(profiles.wanted(names, properties))

    def ids(self):
        with session.reader() as connection:
            return set(connection.execute(sa.select(_profile.c.id)).scalars())

    def suiting(self, *names):
        return known_profiles.get().suiting(
            suitability.Requirement('metal', names))

    def refresh(self):
        with session.reader() as connection:
            return known_profiles.get().refresh(connection)

    def profile_of(self, node):
        return fixtures.get_node(node.uuid).profile_id

    def change(self, node, **values):
        node_changes.change(node.uuid,
                            lambda row: node_changes.Change(values))


class InternTests(Profiles):

    def test_equal_machines_have_one_profile(self):
        self.assertEqual(
            self.intern(['CUSTOM_B', 'CUSTOM_A'], cpus='8', vendor='a'),
            self.intern(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_A'], cpus=8.0))
        self.assertEqual(1, len(self.ids()))

    def test_different_machines_have_different_profiles(self):
        self.assertEqual(4, len({self.intern(*args, **properties)['profile_id']
                                 for args, properties in (
            ([], {}), ([['CUSTOM_A']], {}), ([], {'cpus': 8}),
            ([['CUSTOM_A']], {'cpus': 8}))}))

    def test_ids_are_never_used_again(self):
        first = self.intern(cpus=1)['profile_id']
        with session.writer() as connection:
            connection.execute(sa.delete(_profile))
        self.assertGreater(self.intern(cpus=2)['profile_id'], first)

    def test_changed_properties_change_the_profile(self):
        node = fixtures.add_node(['CUSTOM_A'])
        before = self.profile_of(node)
        self.change(node, properties={'cpus': 8})
        after = self.profile_of(node)
        self.assertNotEqual(before, after)
        self.change(node, properties={'cpus': '8', 'vendor': 'acme'})
        self.assertEqual(after, self.profile_of(node))
        self.assertEqual(['CUSTOM_A'],
                         nodes.show(node.uuid, ['traits'])['traits'])

    def test_changed_traits_change_the_profile(self):
        node = fixtures.add_node(properties={'cpus': 8})
        node_changes.change_traits(node.uuid, lambda names: ['CUSTOM_A'])
        self.assertEqual(self.intern(['CUSTOM_A'], cpus=8)['profile_id'],
                         self.profile_of(node))

    def test_properties_and_instance_may_change_at_once(self):
        node = fixtures.add_node(
            instance_uuid='7d2b3b1e-4d4e-4a53-8a1a-5a8c1c0e1b11')
        node_changes.change(node.uuid, lambda row: node_changes.Change(
            {'properties': {'cpus': 2}}, frees=True))
        self.assertEqual(self.intern(cpus=2)['profile_id'],
                         self.profile_of(node))


class RemovalTests(Profiles):

    def forget_since(self, moment=LONG_AGO):
        with session.writer() as connection:
            connection.execute(sa.update(_profile).where(
                _profile.c.unused_since.is_not(None)).values(
                unused_since=moment))

    def test_unused_for_an_hour_goes(self):
        used = self.profile_of(fixtures.add_node())
        unused = self.intern(cpus=1)['profile_id']
        self.assertEqual(0, profiles.remove_unused())
        self.assertEqual({used, unused}, self.ids())
        self.forget_since()
        self.assertEqual(1, profiles.remove_unused())
        self.assertEqual({used}, self.ids())

    def test_the_hour_begins_when_the_last_node_goes(self):
        node = fixtures.add_node(properties={'cpus': 1})
        profiles.remove_unused()
        self.forget_since()
        self.change(node, properties={})
        self.assertEqual(0, profiles.remove_unused())
        self.forget_since()
        self.assertEqual(1, profiles.remove_unused())

    def test_wanted_again_stays_another_hour(self):
        kept = self.intern(cpus=1)
        self.forget_since()
        self.assertEqual(kept, self.intern(cpus=1))
        self.assertEqual(0, profiles.remove_unused())
        self.assertEqual({kept['profile_id']}, self.ids())

    def test_used_again_without_a_look_stays(self):
        node = fixtures.add_node(properties={'cpus': 1})
        self.forget_since()
        self.assertEqual(0, profiles.remove_unused())
        self.assertEqual({self.profile_of(node)}, self.ids())


class KnownTests(Profiles):

    def test_what_was_made_since_is_found(self):
        self.assertEqual({}, self.suiting('CUSTOM_A'))
        one = self.intern(['CUSTOM_A'])['profile_id']
        self.assertTrue(self.refresh())
        self.assertEqual({(0, 1): (one,)}, self.suiting('CUSTOM_A'))
        self.assertFalse(self.refresh())

    def test_least_special_first(self):
        many = self.intern(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C'])['profile_id']
        few = self.intern(['CUSTOM_A', 'CUSTOM_B'])['profile_id']
        self.intern(['CUSTOM_A'])
        self.refresh()
        self.assertEqual([((0, 2), (few,)), ((0, 3), (many,))],
                         list(self.suiting('CUSTOM_A', 'CUSTOM_B').items()))

    def test_a_late_commit_with_a_lower_id_is_found(self):
        late = self.intern(['CUSTOM_A'])['profile_id']
        with session.reader() as connection:
            row = connection.execute(sa.select(_profile)).one()
        with session.writer() as connection:
            connection.execute(sa.delete(_profile))
        self.intern(['CUSTOM_B'])
        self.refresh()
        with session.writer() as connection:
            connection.execute(sa.insert(_profile).values(**row._mapping))
        self.assertTrue(self.refresh())
        self.assertEqual({(0, 1): (late,)}, self.suiting('CUSTOM_A'))

    def test_a_late_commit_is_found_among_many_gaps(self):
        self.useFixture(base_fixtures.MockPatch(
            'allocator.db.known_profiles.GAPS', 2))
        made = [self.intern(['CUSTOM_A'], cpus=n)['profile_id']
                for n in range(10)]
        with session.reader() as connection:
            late = connection.execute(sa.select(_profile).where(
                _profile.c.id.in_(made[::2]))).all()
        with session.writer() as connection:
            connection.execute(sa.delete(_profile).where(
                _profile.c.id.in_(made[::2])))
        self.refresh()
        for row in reversed(late):
            with session.writer() as connection:
                connection.execute(sa.insert(_profile).values(**row._mapping))
            self.assertTrue(self.refresh())
        self.assertEqual(set(made), set(self.suiting('CUSTOM_A')[0, 1]))

    def test_known_ids_are_not_read_again(self):
        """Each search in vain read the ids of all profiles."""
        for number in range(5):
            self.intern(['CUSTOM_A'], cpus=number)
        with session.reader() as connection:
            known = known_profiles.get()
            known.refresh(connection)
            self.assertEqual([], connection.execute(
                sa.select(_profile.c.id).where(
                    known._may_be_new())).scalars().all())

    def test_old_gaps_are_not_asked_for(self):
        self.intern(['CUSTOM_A'])
        with session.writer() as connection:
            connection.execute(sa.delete(_profile))
        self.intern(['CUSTOM_B'])
        self.refresh()
        known = known_profiles.get()
        self.assertEqual([(1, 1)], known._gaps)
        self.useFixture(base_fixtures.MockPatch(
            'allocator.db.known_profiles.SETTLED', -1))
        self.refresh()
        self.assertEqual([], known._gaps)

    def test_what_is_removed_is_forgotten_in_time(self):
        id_ = self.intern(['CUSTOM_A'])['profile_id']
        self.refresh()
        with session.writer() as connection:
            connection.execute(sa.delete(_profile))
        self.useFixture(base_fixtures.MockPatch(
            'allocator.db.known_profiles.RENEWAL', -1))
        self.refresh()
        self.assertIsNone(known_profiles.get().get(id_))
        self.assertEqual({}, self.suiting('CUSTOM_A'))

    def test_every_profile_suits_who_asks_for_none(self):
        self.assertIsNone(self.suiting())


class ProfilingTests(Profiles):
    """What processes of the first release have written is put right."""

    def first_release_adds(self, names=(), **properties):
        """Add a node as the first release does: without a profile."""
        return fixtures.add_node(
            properties=properties, profile_id=None,
            trait_set_id=traits.intern(names), trait_count=len(names))

    def test_a_node_without_profile_gets_one(self):
        node = self.first_release_adds(['CUSTOM_A'], cpus='8')
        self.assertEqual(1, profiling.Profiler().run())
        self.assertEqual(self.intern(['CUSTOM_A'], cpus=8)['profile_id'],
                         self.profile_of(node))

    def test_those_that_are_alike_get_it_together(self):
        """The nodes of a large site are learned in minutes, not hours."""
        alike = [self.first_release_adds(['CUSTOM_A'], cpus='8')
                 for _ in range(3)]
        other = self.first_release_adds(['CUSTOM_A'], cpus='9')
        asked = self.useFixture(statements.Statements()).texts
        self.assertEqual(4, profiling.Profiler().run())
        self.assertEqual(2, sum(text.startswith('UPDATE nodes')
                                for text in asked))
        expected = self.intern(['CUSTOM_A'], cpus=8)['profile_id']
        self.assertEqual({expected}, set(map(self.profile_of, alike)))
        self.assertNotEqual(expected, self.profile_of(other))

    def test_what_is_right_is_not_written(self):
        fixtures.add_node(['CUSTOM_A'], properties={'cpus': 8})
        self.assertEqual(0, profiling.Profiler().run())

    def test_changed_since_the_last_look(self):
        node = fixtures.add_node(['CUSTOM_A'])
        profiler = profiling.Profiler()
        self.assertEqual(0, profiler.run())
        fixtures.change_node(
            node.uuid, trait_set_id=traits.intern(['CUSTOM_B']),
            properties={'cpus': 8}, updated_at=timeutils.utcnow())
        self.assertEqual(1, profiler.run())
        self.assertEqual(self.intern(['CUSTOM_B'], cpus=8)['profile_id'],
                         self.profile_of(node))

    def test_properties_that_are_no_object_count_as_none(self):
        """One such node ended every round of the upkeep."""
        log = self.useFixture(base_fixtures.FakeLogger())
        broken = [self.first_release_adds(['CUSTOM_A'], cpus='8')
                  for _ in range(5)]
        for node, text in zip(broken, ('[1]', '"text"', '7', 'null',
                                       '{broken'), strict=True):
            fixtures.change_node(node.uuid,
                                 properties=sa.literal(text, sa.Text))
        fine = self.first_release_adds(['CUSTOM_A'], cpus='8')
        self.assertEqual(6, profiling.Profiler().run())
        self.assertEqual({self.intern(['CUSTOM_A'])['profile_id']},
                         set(map(self.profile_of, broken)))
        self.assertEqual(self.intern(['CUSTOM_A'], cpus=8)['profile_id'],
                         self.profile_of(fine))
        for node in broken:
            self.assertIn('The properties of node %s are no JSON object'
                          % node.uuid, log.output)
        self.assertNotIn(fine.uuid, log.output)

    def test_the_setting_changes(self):
        node = fixtures.add_node(properties={'vendor': 'acme'})
        self.configuration.set('schedulable_properties', ['vendor'],
                               group='conductor')
        self.assertEqual(1, profiling.Profiler().run())
        self.assertEqual(self.intern(vendor='acme')['profile_id'],
                         self.profile_of(node))

    def test_a_trait_lost_without_the_profile_is_not_handed_out(self):
        node = fixtures.add_node(['CUSTOM_A'])
        fixtures.change_node(node.uuid, trait_set_id=None, trait_count=1)
        requirement = suitability.Requirement('metal', ('CUSTOM_A',))
        with session.writer() as connection:
            self.assertEqual([], taking.take(connection, requirement, 1,
                                             taking.Search()))

    def test_the_next_node_is_taken_instead(self):
        broken, fine = (fixtures.add_node(['CUSTOM_A']) for _ in range(2))
        fixtures.change_node(broken.uuid, trait_set_id=None, trait_count=1)
        requirement = suitability.Requirement('metal', ('CUSTOM_A',))
        with session.writer() as connection:
            [taken] = taking.take(connection, requirement, 1,
                                  taking.Search())
        self.assertEqual(fine.uuid, taken.uuid)


class StatementTests(Profiles):

    def test_a_claim_with_traits_takes_five_statements(self):
        """The first release also asked which sets of traits will do.

        One of them asks whether somebody waits.
        """
        fixtures.add_node(['CUSTOM_A'])
        allocations.create({
            'uuid': uuidutils.generate_uuid(), 'resource_class': 'metal',
            'state': 'allocating', 'traits': ['CUSTOM_A'],
            'candidate_nodes': [], 'extra': {}})
        self.refresh()
        seen = self.useFixture(statements.Statements()).texts
        batch = claims.claim_pending(10)
        self.assertEqual((1, 5), (len(batch.claims), len(seen)))


class SelectionTests(Profiles):
    """With more profiles than a query may list, the result is the same."""

    def take(self, *names, count=1, owner=None):
        requirement = suitability.Requirement('metal', names, owner)
        with session.writer() as connection:
            return [row.uuid for row in taking.take(
                connection, requirement, count, taking.Search())]

    def setUp(self):
        super().setUp()
        self.useFixture(base_fixtures.MockPatch(
            'allocator.db.candidates.MANY_PROFILES', 3))
        self.useFixture(base_fixtures.MockPatch(
            'allocator.db.candidates.LOOK', 2))

    def test_each_node_its_own_profile(self):
        added = [fixtures.add_node(['CUSTOM_A'], properties={'cpus': number})
                 for number in range(1, 10)]
        fixtures.add_node(properties={'cpus': 10})
        self.assertEqual({node.uuid for node in added},
                         set(self.take('CUSTOM_A', count=20)))

    def test_least_special_first_beyond_the_first_look(self):
        for number in range(5):
            fixtures.add_node(['CUSTOM_B'], properties={'cpus': number})
        special = fixtures.add_node(['CUSTOM_A', 'CUSTOM_B'])
        for number in range(4):
            fixtures.add_node(['CUSTOM_A', 'CUSTOM_C', 'CUSTOM_D'],
                              properties={'cpus': number})
        self.assertEqual([special.uuid], self.take('CUSTOM_A'))

    def test_rare_profiles_among_many_free_nodes(self):
        """Each look read ten times as many free nodes as the one before."""
        for number in range(30):
            fixtures.add_node(['CUSTOM_B'], properties={'cpus': number})
        added = {fixtures.add_node(['CUSTOM_A'],
                                   properties={'cpus': number}).uuid
                 for number in range(10)}
        looks = self.useFixture(base_fixtures.MockPatch(
            'allocator.db.candidates._look',
            wraps=candidates._look)).mock
        self.refresh()
        [taken] = self.take('CUSTOM_A')
        self.assertIn(taken, added)
        self.assertLessEqual(looks.call_count, 1)
        self.assertEqual(added, set(self.take('CUSTOM_A', count=20)))

    def test_owned_and_leased_nodes_of_many_profiles(self):
        special = [fixtures.add_node(['CUSTOM_A', 'CUSTOM_B'], owner='p',
                                     properties={'cpus': n}).uuid
                   for n in range(5)]
        plain = [fixtures.add_node(['CUSTOM_A'], lessee='p',
                                   properties={'cpus': n}).uuid
                 for n in range(5)]
        fixtures.add_node(['CUSTOM_A'], owner='q')
        taken = self.take('CUSTOM_A', owner='p', count=20)
        self.assertEqual((set(plain), set(special)),
                         (set(taken[:5]), set(taken[5:])))

    def test_owned_and_leased_nodes_in_one_order(self):
        special = fixtures.add_node(['CUSTOM_A', 'CUSTOM_B'], owner='p')
        plain = fixtures.add_node(lessee='p')
        fixtures.add_node(owner='q')
        self.assertEqual([plain.uuid, special.uuid],
                         self.take(owner='p', count=5))
