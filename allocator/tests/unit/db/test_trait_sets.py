# SPDX-License-Identifier: Apache-2.0
"""Sets of traits: shared, and removed when nothing has them."""

import datetime

from oslo_utils import timeutils
from oslotest import base
import sqlalchemy as sa

from allocator.conductor import upkeep
from allocator.db import conductors
from allocator.db import models
from allocator.db import node_changes
from allocator.db import nodes
from allocator.db import profiles
from allocator.db import session
from allocator.db import traits
from allocator.tests import fixtures

_conductor = models.Conductor.__table__
_member = models.TraitSetMember.__table__
_profile = models.Profile.__table__
_set = models.TraitSet.__table__

LONG_AGO = timeutils.utcnow() - datetime.timedelta(hours=2)


class RemovalTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())

    def read(self, column):
        with session.reader() as connection:
            return set(connection.execute(sa.select(column)).scalars())

    def age(self):
        """Let two hours pass."""
        with session.writer() as connection:
            for column in (_profile.c.unused_since, _set.c.updated_at):
                connection.execute(sa.update(column.table).where(
                    column.is_not(None)).values({column.name: LONG_AGO}))

    def give(self, node, *names):
        node_changes.change_traits(node.uuid, lambda _before: names)

    def test_each_change_of_a_trait_leaves_nothing_for_ever(self):
        """Each new name left rows for good."""
        node = fixtures.add_node()
        for number in range(3):
            self.give(node, 'CUSTOM_%d' % number)
        for _ in range(3):
            upkeep.Upkeep().round()
            self.age()
        self.assertEqual({'CUSTOM_2'}, self.read(_member.c.trait))
        self.assertEqual(1, len(self.read(_set.c.id)))
        self.assertEqual(['CUSTOM_2'],
                         nodes.show(node.uuid, ['traits'])['traits'])

    def test_a_new_set_stays_an_hour(self):
        made = traits.intern(['CUSTOM_A'])
        self.assertEqual(0, traits.remove_unused())
        self.assertEqual({made}, self.read(_set.c.id))
        self.age()
        self.assertEqual(1, traits.remove_unused())
        self.assertEqual(set(), self.read(_set.c.id))

    def test_the_hour_begins_when_the_last_profile_goes(self):
        profiles.intern(profiles.wanted(['CUSTOM_A'], {}))
        traits.remove_unused()
        self.age()
        with session.writer() as connection:
            connection.execute(sa.delete(_profile))
        self.assertEqual(0, traits.remove_unused())
        self.age()
        self.assertEqual(1, traits.remove_unused())

    def test_wanted_again_stays_another_hour(self):
        kept = traits.intern(['CUSTOM_A'])
        self.age()
        self.assertEqual(kept, traits.intern(['CUSTOM_A']))
        self.assertEqual(0, traits.remove_unused())

    def test_removed_and_wanted_again_it_is_made_anew(self):
        traits.intern(['CUSTOM_A'])
        self.age()
        self.assertEqual(1, traits.remove_unused())
        made = profiles.intern(profiles.wanted(['CUSTOM_A'], {}))
        self.assertEqual({made['trait_set_id']}, self.read(_set.c.id))
        self.assertEqual({'CUSTOM_A'}, self.read(_member.c.trait))

    def test_one_that_a_node_has_without_profile_stays(self):
        """The first release gives nodes sets, and knows no profiles."""
        kept = traits.intern(['CUSTOM_A'])
        gone = traits.intern(['CUSTOM_B'])
        fixtures.add_node(profile_id=None, trait_set_id=kept, trait_count=1)
        self.age()
        self.assertEqual(1, traits.remove_unused())
        self.assertEqual({kept}, self.read(_set.c.id))
        self.assertNotIn(gone, self.read(_set.c.id))

    def test_more_than_one_transaction_removes_go(self):
        for number in range(2 * traits.BATCH + 1):
            traits.intern(['CUSTOM_%d' % number])
        self.age()
        self.assertEqual(2 * traits.BATCH + 1, traits.remove_unused())

    def test_none_goes_while_the_first_release_lives(self):
        conductors.beat('old')
        with session.writer() as connection:
            connection.execute(sa.update(_conductor).values(
                version=None, version_at=None))
        traits.intern(['CUSTOM_A'])
        self.age()
        upkeep.Upkeep().round()
        self.assertEqual(1, len(self.read(_set.c.id)))
