# SPDX-License-Identifier: Apache-2.0
"""Runs the Alembic migrations."""

import os

from alembic import command
from alembic import config
from alembic import migration as alembic_migration
import sqlalchemy as sa

from allocator.db import installation
from allocator.db import models
from allocator.db import session

HERE = os.path.dirname(__file__)


class SchemaExists(Exception):
    """The database holds tables already; use "upgrade" instead."""


def _config():
    found = config.Config(os.path.join(HERE, 'alembic.ini'))
    found.set_main_option('script_location', os.path.join(HERE, 'migrations'))
    return found


def upgrade(revision='head'):
    """Bring the schema up to a revision."""
    command.upgrade(_config(), revision)


def version():
    """Get the revision of the database.

    :returns: its identifier, or None for a database without schema
    """
    with session.get_engine().connect() as connection:
        return alembic_migration.MigrationContext.configure(
            connection).get_current_revision()


def head():
    """Get the newest revision that this release knows."""
    from alembic import script
    return script.ScriptDirectory.from_config(_config()).get_current_head()


def stamp(revision):
    """Note a revision in the database without changing the schema."""
    command.stamp(_config(), revision)


def revision(message, autogenerate=False):
    """Write a new migration script."""
    command.revision(_config(), message=message, autogenerate=autogenerate)


def create_schema():
    """Make the schema in an empty database.

    :raises: SchemaExists
    """
    engine = session.get_engine()
    if sa.inspect(engine).has_table(models.Allocation.__tablename__):
        raise SchemaExists(SchemaExists.__doc__)
    models.Base.metadata.create_all(engine)
    installation.get()
    stamp('head')
