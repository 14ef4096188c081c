# SPDX-License-Identifier: Apache-2.0
"""Profiles that are removed, made and given to nodes at the same moment.

SQLite admits one writer at a time, so nothing comes in between.
"""

import datetime
import threading

from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.db import claims
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import node_changes
from allocator.db import nodes
from allocator.db import profiles
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import holding
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting
from allocator.tests.functional.db import schema

_node = models.Node.__table__
_profile = models.Profile.__table__

LONG_AGO = timeutils.utcnow() - datetime.timedelta(hours=2)

# Seconds that a thread may take once nothing holds it up.
PATIENCE = 15


def deletes_profiles(statement):
    return statement.startswith('DELETE FROM profiles')


def updates_profile(statement):
    return statement.startswith('UPDATE profiles')


def updates_node(statement):
    return statement.startswith('UPDATE') and ' nodes ' in statement


def inserts_node(statement):
    return statement.startswith('INSERT INTO nodes')


class Call(threading.Thread):
    """A call in a thread of its own.

    :ivar result: what it returned, or the exception
    """

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self._call = function, args
        self.result = None

    def run(self):
        function, args = self._call
        try:
            self.result = function(*args)
        except Exception as exc:
            self.result = exc

    def finish(self):
        """Wait for the end.

        :returns: what the function returned
        """
        self.join(PATIENCE)
        if self.is_alive():
            raise AssertionError('It still waits')
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Races:

    def setUp(self):
        super().setUp()
        self.engine = self.useFixture(
            schema.Open(self.kind)).database.engine

    def intern(self, names=(), **properties):
        return profiles.intern(
            profiles.wanted(names, properties))['profile_id']

    def unused(self, **properties):
        """Make a profile that no node has had for two hours."""
        id_ = self.intern(**properties)
        with self.engine.begin() as connection:
            connection.execute(sa.update(_profile).where(
                _profile.c.id == id_).values(unused_since=LONG_AGO))
        return id_

    def ids(self):
        with self.engine.connect() as connection:
            return set(connection.execute(
                sa.select(_profile.c.id)).scalars())

    def profile_of(self, uuid):
        return seeds.nodes(self.engine)[uuid].profile_id

    def change(self, uuid, **properties):
        node_changes.change(uuid, lambda row: node_changes.Change(
            {'properties': properties}))

    def create(self, **properties):
        return nodes.create({
            'uuid': '4ad4f6bc-5a8b-4b5e-9b6d-0a4d5f7e1c22', 'driver': 'fake',
            'resource_class': 'baremetal', 'provision_state': 'enroll',
            'driver_info': {}, 'properties': properties, 'extra': {},
            'instance_info': {}, 'network_data': {}, 'interfaces': {}})

    def wait_until_blocked(self, call):
        """Wait until a call waits for a lock."""
        statement = {
            databases.MYSQL:
                # Who waits is told to administrators only: whose statement
                # has taken a second, then.
                'SELECT COUNT(*) FROM information_schema.processlist WHERE '
                "db = DATABASE() AND command = 'Query' AND time >= 1",
            databases.POSTGRESQL:
                'SELECT COUNT(*) FROM pg_stat_activity WHERE '
                "datname = current_database() AND wait_event_type = 'Lock'",
        }[self.kind]

        def waits():
            if not call.is_alive():
                raise AssertionError('It did not wait: %s' % call.result)
            with self.engine.connect() as connection:
                return connection.exec_driver_sql(statement).scalar()

        waiting.until(waits, PATIENCE, 'a call that waits for a lock')


@testcase.per_database(*databases.SERVERS)
class RemovalTests(Races):

    def test_interned_just_before_its_removal_stays(self):
        id_ = self.unused(cpus=8)
        with schema.before(deletes_profiles,
                           lambda: self.intern(cpus='8')):
            self.assertEqual(0, profiles.remove_unused())
        self.assertEqual({id_}, self.ids())

    def test_removed_while_it_is_interned_is_made_anew(self):
        id_ = self.unused(cpus=8)
        with schema.before(updates_profile,
                           lambda: self.remove(id_)):
            made = self.intern(cpus=8)
        self.assertNotEqual(id_, made)
        self.assertEqual({made}, self.ids())

    def remove(self, id_):
        """Remove a profile as a conductor does, in another thread."""
        call = Call(profiles._remove, [id_])
        call.start()
        self.assertEqual(1, call.finish())

    def test_interning_waits_for_a_removal_that_is_not_committed(self):
        id_ = self.unused(cpus=8)
        with holding.transaction(self.engine) as connection:
            connection.execute(
                sa.delete(_profile).where(_profile.c.id == id_))
            call = Call(lambda: self.intern(cpus=8))
            call.start()
            self.wait_until_blocked(call)
            connection.commit()
        made = call.finish()
        self.assertNotEqual(id_, made)
        self.assertEqual({made}, self.ids())

    def test_a_removal_waits_for_interning(self):
        id_ = self.unused(cpus=8)
        with holding.transaction(self.engine) as connection:
            connection.execute(sa.update(_profile).where(
                _profile.c.id == id_).values(unused_since=timeutils.utcnow()))
            call = Call(profiles._remove, [id_])
            call.start()
            self.wait_until_blocked(call)
            connection.commit()
        self.assertEqual(0, call.finish())
        self.assertEqual({id_}, self.ids())

    def test_a_node_that_gets_it_meanwhile_keeps_it(self):
        id_ = self.unused(cpus=8)
        node = seeds.add_node(self.engine)
        with holding.node(self.engine, node, profile_id=id_) as connection:
            call = Call(profiles._remove, [id_])
            call.start()
            self.wait_until_blocked(call)
            connection.commit()
        self.assertEqual(0, call.finish())
        self.assertEqual(id_, self.profile_of(node))

    def test_a_node_that_gets_it_before_the_removal_keeps_it(self):
        id_ = self.unused(cpus=8)
        node = seeds.add_node(self.engine)
        with schema.before(deletes_profiles,
                           lambda: self.change(node, cpus=8)):
            profiles.remove_unused()
        self.assertEqual(id_, self.profile_of(node))

    def test_other_profiles_go_all_the_same(self):
        kept, gone = self.unused(cpus=8), self.unused(cpus=9)
        node = seeds.add_node(self.engine)
        with schema.before(deletes_profiles,
                           lambda: self.change(node, cpus=8)):
            profiles.remove_unused()
        profiles.remove_unused()
        self.assertIn(kept, self.ids())
        self.assertNotIn(gone, self.ids())


@testcase.per_database(*databases.SERVERS)
class GivingTests(Races):
    """A client gives a node a profile that is about to be removed.

    The client was told that the chassis None does not exist.
    """

    def test_removal_between_look_and_change(self):
        id_ = self.unused(cpus=8)
        node = seeds.add_node(self.engine)
        call = Call(profiles._remove, [id_])

        def remove():
            call.start()
            self.wait_until_blocked(call)

        with schema.before(updates_node, remove):
            self.change(node, cpus=8)
        self.assertEqual(0, call.finish())
        self.assertEqual(id_, self.profile_of(node))

    def test_a_removal_that_is_not_committed(self):
        id_ = self.unused(cpus=8)
        node = seeds.add_node(self.engine)
        with holding.transaction(self.engine) as connection:
            connection.execute(
                sa.delete(_profile).where(_profile.c.id == id_))
            call = Call(lambda: self.change(node, cpus=8))
            call.start()
            self.wait_until_blocked(call)
            connection.commit()
        call.finish()
        self.assertNotEqual(id_, self.profile_of(node))
        self.assertIn(self.profile_of(node), self.ids())

    def test_a_removal_before_a_node_is_created(self):
        id_ = self.unused(cpus=8)
        with schema.before(inserts_node, profiles.remove_unused):
            self.create(cpus=8)
        [node] = seeds.nodes(self.engine).values()
        self.assertEqual(id_, node.profile_id)

    def test_givers_do_not_wait_for_each_other(self):
        self.unused(cpus=8)
        held, node = seeds.add_nodes(self.engine, 2)
        other = Call(lambda: self.change(node, cpus=8))

        def change():
            other.start()
            other.finish()

        with schema.before(updates_node, change):
            self.change(held, cpus=8)
        self.assertEqual(self.profile_of(held), self.profile_of(node))


@testcase.per_database(*databases.SERVERS)
class LearningTests(Races):
    """No request fails while a node of an unknown profile is free."""

    def claim(self):
        return [claim.node.uuid for claim in claims.claim_pending(10).claims]

    def learn(self):
        with session.reader() as connection:
            known_profiles.get().refresh(connection)

    def test_made_by_another_process_while_the_request_waits(self):
        seeds.add_node(self.engine, ['CUSTOM_B'])
        self.learn()
        [uuid] = seeds.add_allocations(self.engine, traits=['CUSTOM_A'])
        added = []

        def add():
            # By SQL: this process learns nothing of it.
            added.append(seeds.add_node(self.engine, ['CUSTOM_A']))

        # It comes after the queue was read, before the profiles are.
        with schema.before(lambda text: 'FROM profiles' in text, add):
            self.assertEqual(added, self.claim())

    def test_a_late_commit_with_a_lower_id(self):
        set_id = profiles.intern(
            profiles.wanted(['CUSTOM_A'], {'cpus': 1}))['trait_set_id']
        wanted = profiles.wanted(['CUSTOM_A'], {'cpus': 2})
        with holding.transaction(self.engine) as late:
            low = late.execute(sa.insert(_profile).values(
                digest=profiles.digest(wanted), trait_set_id=set_id,
                properties=wanted.properties)).inserted_primary_key[0]
            high = self.intern(['CUSTOM_B'])
            self.assertGreater(high, low)
            self.learn()
            self.assertIsNone(known_profiles.get().get(low))
            late.commit()
        node = seeds.add_node(self.engine)
        with self.engine.begin() as connection:
            seeds.set_node(connection, node, profile_id=low,
                           trait_set_id=set_id, trait_count=1)
        seeds.add_allocations(self.engine, traits=['CUSTOM_A'])
        self.assertEqual([node], self.claim())
