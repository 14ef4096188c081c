# SPDX-License-Identifier: Apache-2.0
"""Sets of traits that are removed and wanted at the same moment.

SQLite admits one writer at a time, so nothing comes in between.
"""

from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.db import models
from allocator.db import profiles
from allocator.db import traits
from allocator.tests.functional import databases
from allocator.tests.functional import holding
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema
from allocator.tests.functional.db import test_profile_races as races

_member = models.TraitSetMember.__table__
_profile = models.Profile.__table__
_set = models.TraitSet.__table__

NAMES = ['CUSTOM_A', 'CUSTOM_B']


def updates_set(statement):
    return statement.startswith('UPDATE trait_sets')


@testcase.per_database(*databases.SERVERS)
class TraitSetTests(races.Races):

    def unused_set(self, names=NAMES):
        """Make a set that no profile has had for two hours."""
        id_ = traits.intern(names)
        with self.engine.begin() as connection:
            connection.execute(sa.update(_set).where(_set.c.id == id_).values(
                updated_at=races.LONG_AGO))
        return id_

    def sets(self):
        """Read the sets.

        :returns: dict of the number of members by id
        """
        with self.engine.connect() as connection:
            return {row.id: row.number for row in connection.execute(
                sa.select(_set.c.id, sa.func.count(_member.c.trait)
                          .label('number')).select_from(
                    _set.outerjoin(_member)).group_by(_set.c.id))}

    def remove(self, id_):
        """Remove a set as a conductor does, in another thread."""
        call = races.Call(traits._remove, [id_])
        call.start()
        return call

    def test_removed_while_it_is_interned_is_made_anew(self):
        id_ = self.unused_set()
        with schema.before(updates_set, lambda: self.assertEqual(
                1, self.remove(id_).finish())):
            made = profiles.intern(profiles.wanted(NAMES, {}))
        self.assertNotEqual(id_, made['trait_set_id'])
        self.assertEqual({made['trait_set_id']: 2}, self.sets())

    def test_a_removal_waits_for_interning(self):
        id_ = self.unused_set()
        with holding.transaction(self.engine) as connection:
            connection.execute(sa.update(_set).where(
                _set.c.id == id_).values(updated_at=timeutils.utcnow()))
            call = self.remove(id_)
            self.wait_until_blocked(call)
            connection.commit()
        self.assertEqual(0, call.finish())
        self.assertEqual({id_: 2}, self.sets())

    def test_a_profile_that_gets_it_meanwhile_keeps_it(self):
        id_ = self.unused_set()
        with holding.transaction(self.engine) as connection:
            connection.execute(sa.insert(_profile).values(
                digest='0' * 64, trait_set_id=id_, properties={}))
            call = self.remove(id_)
            self.wait_until_blocked(call)
            connection.commit()
        self.assertEqual(0, call.finish())
        self.assertEqual({id_: 2}, self.sets())

    def test_a_node_of_the_first_release_that_has_it_keeps_it(self):
        kept, gone = self.unused_set(), self.unused_set(['CUSTOM_C'])
        node = seeds.add_node(self.engine)
        with holding.node(self.engine, node, trait_set_id=kept) as connection:
            call = self.remove(kept)
            self.wait_until_blocked(call)
            connection.commit()
        self.assertEqual(0, call.finish())
        self.assertEqual(1, traits.remove_unused())
        self.assertEqual({kept: 2}, self.sets())
        self.assertNotIn(gone, self.sets())

    def test_several_conductors_remove_at_once(self):
        made = [self.unused_set(['CUSTOM_%d' % number]) for number in range(9)]
        calls = [races.Call(traits.remove_unused) for _ in range(4)]
        for call in calls:
            call.start()
        self.assertEqual(len(made), sum(call.finish() for call in calls))
        self.assertEqual({}, self.sets())
