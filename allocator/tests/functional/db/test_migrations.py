# SPDX-License-Identifier: Apache-2.0
"""allocator-dbsync on each database, and models equal to migrations."""

import configparser
import os

from alembic import autogenerate
from alembic import migration as alembic_migration
import fixtures
import sqlalchemy as sa

from allocator.db import migration
from allocator.db import models
from allocator.tests.functional import databases
from allocator.tests.functional import processes
from allocator.tests.functional import testcase


class Commands:

    def setUp(self):
        super().setUp()
        self.database = self.useFixture(databases.Database(self.kind))
        self.engine = self.database.engine
        self.config_file = os.path.join(
            self.useFixture(fixtures.TempDir()).path, 'allocator.conf')
        parser = configparser.RawConfigParser()
        parser.read_dict({'database': {'connection': self.database.url}})
        with open(self.config_file, 'w') as file:
            parser.write(file)

    def run_command(self, name, *arguments):
        return processes.run(name, '--config-file', self.config_file,
                             *arguments)

    def sync(self, *arguments):
        """Run allocator-dbsync, which must succeed.

        :returns: the last line of its output
        """
        done = self.run_command('allocator-dbsync', *arguments)
        self.assertEqual(0, done.returncode, done.stdout)
        return done.stdout.strip().rpartition('\n')[2]

    def tables(self):
        return set(sa.inspect(self.engine).get_table_names())

    def differences(self):
        """Compare the database with the models."""
        with self.engine.connect() as connection:
            return autogenerate.compare_metadata(
                alembic_migration.MigrationContext.configure(
                    connection, opts={'compare_type': True,
                                      'compare_server_default': False}),
                models.Base.metadata)


@testcase.per_database()
class MigrationTests(Commands):

    def test_upgrade_makes_what_the_models_say(self):
        self.sync('upgrade')
        self.assertEqual([], self.differences())
        self.assertEqual(set(models.Base.metadata.tables)
                         | {'alembic_version'}, self.tables())

    def test_upgrade_again_changes_nothing(self):
        self.sync('upgrade')
        self.sync('upgrade')
        self.assertEqual(migration.head(), self.sync('version'))

    def test_version_of_an_empty_database_is_none(self):
        self.assertEqual('None', self.sync('version'))

    def test_create_schema_makes_the_same_as_upgrade(self):
        self.sync('create_schema')
        self.assertEqual([], self.differences())
        self.assertEqual(migration.head(), self.sync('version'))
        self.sync('upgrade')

    def test_create_schema_refuses_a_database_with_tables(self):
        self.sync('upgrade')
        done = self.run_command('allocator-dbsync', 'create_schema')
        self.assertNotEqual(0, done.returncode)
        self.assertIn('upgrade', done.stdout)
        self.assertNotIn('Traceback', done.stdout)

    def test_stamp_notes_a_revision_and_makes_nothing(self):
        self.sync('stamp', migration.head())
        self.assertEqual({'alembic_version'}, self.tables())
        self.assertEqual(migration.head(), self.sync('version'))

    def test_no_cycle_of_foreign_keys(self):
        """A cycle would block deletes."""
        self.sync('upgrade')
        found = sa.MetaData()
        found.reflect(self.engine)
        allocations = found.tables['allocations']
        self.assertEqual(set(), allocations.foreign_keys)


@testcase.per_database(databases.MYSQL)
class TableOptionTests(Commands):

    def test_all_tables_hold_four_byte_characters_in_innodb(self):
        self.sync('upgrade')
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text(
                'SELECT table_name, engine, table_collation '
                'FROM information_schema.tables '
                'WHERE table_schema = database() '
                "AND table_name <> 'alembic_version'")).all()
        self.assertEqual({('InnoDB', 'utf8mb4_bin')},
                         {tuple(row)[1:] for row in rows})
        self.assertEqual(len(models.Base.metadata.tables), len(rows))
