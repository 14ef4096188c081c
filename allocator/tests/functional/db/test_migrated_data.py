# SPDX-License-Identifier: Apache-2.0
"""The upgrade of a database of the first release with data in it."""

from alembic import autogenerate
from alembic import migration as alembic_migration
import sqlalchemy as sa

from allocator.db import claims
from allocator.db import conductors
from allocator.db import migration
from allocator.db import models
from allocator.db import nodes
from allocator.db import profiles
from allocator.db import profiling
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import first_release
from allocator.tests.functional.db import schema

_conductor = models.Conductor.__table__
_profile = models.Profile.__table__

# What a node shows besides its columns.
FIELDS = ['traits', 'allocation_uuid', 'chassis_uuid']

DDL = ('CREATE ', 'ALTER ')


class Interrupted(Exception):
    """What ended the upgrade."""


class Upgrades:

    def setUp(self):
        super().setUp()
        opened = self.useFixture(schema.Open(self.kind, tables=False))
        self.engine = opened.database.engine
        migration.upgrade(first_release.REVISION)
        self.old = first_release.Rows(self.engine)
        self.old.fill()
        self.before = self.old.read()
        # Every field that the first release showed of a node.
        self.fields = FIELDS + [
            column['name'] for column in sa.inspect(
                self.engine).get_columns('nodes')]

    def uuids(self):
        return [row['uuid'] for row in self.before['nodes']]

    def show_all(self):
        return {uuid: nodes.show(uuid, self.fields) for uuid in self.uuids()}

    def assert_upgraded(self):
        """The schema is what the models say, and nothing is lost."""
        self.assertEqual(migration.head(), migration.version())
        self.assertEqual(self.before, self.old.read())
        with self.engine.connect() as connection:
            self.assertEqual([], autogenerate.compare_metadata(
                alembic_migration.MigrationContext.configure(
                    connection, opts={'compare_type': True}),
                models.Base.metadata))


@testcase.per_database()
class DataTests(Upgrades):

    def test_nothing_is_lost(self):
        self.assertEqual(8, len(self.before['nodes']))
        self.assertEqual([1, 1, 1, 0, 0, 0, 0, 0],
                         [row['free'] for row in self.before['nodes']])
        migration.upgrade()
        self.assert_upgraded()

    def test_traits_and_properties_answer_as_ever(self):
        shown = self.show_all()
        migration.upgrade()
        self.assertEqual(shown, self.show_all())
        profiling.Profiler().run()
        self.assertEqual(shown, self.show_all())
        for number, kind in enumerate(['plain', 'small', 'large'], 1):
            node = shown[first_release.NODE % number]
            self.assertEqual(first_release.TRAITS[kind], node['traits'])
            self.assertEqual(first_release.PROPERTIES[kind],
                             node['properties'])

    def test_each_node_gets_the_profile_of_what_it_is(self):
        migration.upgrade()
        profiler = profiling.Profiler()
        self.assertEqual(8, profiler.run())
        self.assertEqual(0, profiler.run())
        with self.engine.connect() as connection:
            digests = dict(connection.execute(
                sa.select(_profile.c.id, _profile.c.digest)).tuples().all())
        self.assertEqual(3, len(digests))
        rows = seeds.nodes(self.engine)
        for node in self.show_all().values():
            self.assertEqual(
                profiles.digest(profiles.wanted(node['traits'],
                                                node['properties'])),
                digests[rows[node['uuid']].profile_id])
        # A profile is nothing that clients see.
        self.assertEqual(self.before, self.old.read())

    def test_the_pending_allocations_get_their_nodes(self):
        migration.upgrade()
        profiling.Profiler().run()
        batch = claims.claim_pending(10)
        self.assertEqual(
            {first_release.ALLOCATION % allocation: first_release.NODE % node
             for allocation, node in ((3, 1), (4, 3), (5, 2))},
            {claim.allocation.uuid: claim.node.uuid
             for claim in batch.claims})
        self.assertEqual([], batch.unserved)
        self.assertEqual(
            {0}, {row.free for row in seeds.nodes(self.engine).values()})

    def test_a_request_without_traits_needs_no_profile(self):
        migration.upgrade()
        batch = claims.claim_pending(1)
        self.assertEqual([first_release.NODE % 1],
                         [claim.node.uuid for claim in batch.claims])

    def test_an_old_heartbeat_is_of_the_first_version(self):
        migration.upgrade()
        [(row, is_alive)] = conductors.list_all()
        self.assertFalse(is_alive)
        self.assertEqual(1, conductors.version_of(row))
        # The first release beats on in the new schema.
        now = profiling.now()
        with session.writer() as connection:
            connection.execute(sa.update(_conductor).values(updated_at=now))
        self.assertFalse(conductors.all_know(conductors.PROFILES))
        conductors.beat('old')
        self.assertTrue(conductors.all_know(conductors.PROFILES))


class Interruptions(Upgrades):

    def upgrade_partly(self, count):
        """Upgrade, and end it before a statement that changes the schema.

        :param count: how many such statements come before
        :returns: whether the upgrade reached its end all the same
        """
        seen = []

        def look(_connection, _cursor, statement, *_others):
            if statement.lstrip().startswith(DDL):
                seen.append(statement)
                if len(seen) > count:
                    raise Interrupted(statement)

        engine = session.get_engine()
        sa.event.listen(engine, 'before_cursor_execute', look)
        try:
            migration.upgrade()
        except Exception:
            # As oslo.db has it; an error of another statement is none.
            if len(seen) <= count:
                raise
            return False
        finally:
            sa.event.remove(engine, 'before_cursor_execute', look)
        return True


@testcase.per_database(databases.MYSQL)
class InterruptedEverywhereTests(Interruptions):

    def test_an_upgrade_that_ends_after_each_statement_gets_to_its_end(self):
        attempts = 1
        while not self.upgrade_partly(1):
            attempts += 1
            self.assertLess(attempts, 100)
        self.assertGreater(attempts, 20)
        self.assert_upgraded()


@testcase.per_database(databases.SQLITE, databases.POSTGRESQL)
class InterruptedTests(Interruptions):

    def test_an_upgrade_that_ends_halfway_can_be_run_again(self):
        for count in (1, 5, 15):
            self.assertFalse(self.upgrade_partly(count))
        self.assertEqual(self.before, self.old.read())
        migration.upgrade()
        self.assert_upgraded()
