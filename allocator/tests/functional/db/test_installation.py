# SPDX-License-Identifier: Apache-2.0
"""The row that tells this installation from others: made once, kept."""

import concurrent.futures

import sqlalchemy as sa

from allocator.db import installation
from allocator.db import migration
from allocator.db import models
from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema

# The revision before there was one.
BEFORE = 'f5a90c3d17e8'


class Opened:

    def setUp(self):
        super().setUp()
        opened = self.useFixture(schema.Open(self.kind, tables=False))
        self.engine = opened.database.engine

    def execute(self, *statements):
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self):
        with self.engine.connect() as connection:
            return connection.execute(
                sa.select(models.Installation.__table__)).all()


@testcase.per_database()
class MigrationTests(Opened):

    def test_with_backends_there_are_older_marks(self):
        migration.upgrade(BEFORE)
        self.execute(sa.insert(models.Backend.__table__).values(
            id=7, name='east'))
        migration.upgrade()
        [row] = self.rows()
        self.assertEqual((installation.ONLY, 36, True), (
            row.id, len(row.uuid), row.has_older_marks))
        self.assertIsNotNone(row.created_at)
        self.assertEqual(row, installation.get())

    def test_without_backends_there_are_none(self):
        migration.upgrade(BEFORE)
        migration.upgrade()
        [row] = self.rows()
        self.assertFalse(row.has_older_marks)

    def test_each_database_has_its_own(self):
        migration.upgrade()
        [first] = self.rows()
        self.execute(sa.delete(models.Installation.__table__),
                     sa.text("UPDATE alembic_version SET version_num = '%s'"
                             % BEFORE))
        # As an upgrade does that was ended before it had made the row.
        migration.upgrade()
        [second] = self.rows()
        self.assertNotEqual(first.uuid, second.uuid)

    def test_upgraded_again_it_stays(self):
        migration.upgrade()
        before = self.rows()
        self.execute(sa.text(
            "UPDATE alembic_version SET version_num = '%s'" % BEFORE))
        migration.upgrade()
        self.assertEqual(before, self.rows())

    def test_made_before_it_was_upgraded_again_it_has_older_marks(self):
        """Its upgrade had been ended when there was but the table."""
        migration.upgrade()
        self.execute(
            sa.update(models.Installation.__table__).values(
                has_older_marks=False),
            sa.insert(models.Backend.__table__).values(id=7, name='east'),
            sa.text("UPDATE alembic_version SET version_num = '%s'" % BEFORE))
        [before] = self.rows()
        migration.upgrade()
        [row] = self.rows()
        self.assertEqual((before.uuid, True), (row.uuid, row.has_older_marks))

    def test_made_by_a_process_it_has_older_marks_if_there_are_backends(self):
        migration.upgrade()
        self.execute(
            sa.insert(models.Backend.__table__).values(id=7, name='east'),
            sa.delete(models.Installation.__table__))
        self.assertTrue(installation.get().has_older_marks)

    def test_the_release_before_goes_on_in_the_new_schema(self):
        """It asks for what it knows, and finds all of it."""
        migration.upgrade(BEFORE)
        inspector = sa.inspect(self.engine)
        known = {table: [column['name'] for column in
                         inspector.get_columns(table)]
                 for table in inspector.get_table_names()}
        migration.upgrade()
        inspector = sa.inspect(self.engine)
        self.assertEqual(known, {
            table: [column['name'] for column in inspector.get_columns(table)]
            for table in known})

    def test_made_without_migrations_it_has_one_too(self):
        migration.create_schema()
        [row] = self.rows()
        self.assertFalse(row.has_older_marks)


@testcase.per_database(*databases.SERVERS)
class RaceTests(Opened):

    def test_many_make_it_at_once(self):
        models.Base.metadata.create_all(self.engine)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = set(pool.map(lambda _number: installation._make().uuid,
                                 range(16)))
        self.assertEqual({row.uuid for row in self.rows()}, found)
        self.assertEqual(1, len(found))
