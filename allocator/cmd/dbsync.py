# SPDX-License-Identifier: Apache-2.0
"""allocator-dbsync: makes and upgrades the database schema."""

import sys

from alembic.util import exc as alembic_exc
from oslo_config import cfg
from oslo_db import exception as db_exc
from sqlalchemy import exc as sa_exc

from allocator.common import service
from allocator.conf import CONF
from allocator.db import migration


def _add_commands(subparsers):
    upgrade = subparsers.add_parser(
        'upgrade', help='Bring the schema up to a revision (default: head).')
    upgrade.add_argument('--revision', default='head')
    upgrade.set_defaults(run=lambda: migration.upgrade(
        CONF.command.revision))

    version = subparsers.add_parser(
        'version', help='Print the revision of the database.')
    version.set_defaults(run=lambda: print(migration.version()))

    revision = subparsers.add_parser(
        'revision', help='Write a new migration (for developers).')
    revision.add_argument('-m', '--message', required=True)
    revision.add_argument('--autogenerate', action='store_true')
    revision.set_defaults(run=lambda: migration.revision(
        CONF.command.message, CONF.command.autogenerate))

    stamp = subparsers.add_parser(
        'stamp', help='Note a revision in the database, changing nothing '
                      'else.')
    stamp.add_argument('revision')
    stamp.set_defaults(run=lambda: migration.stamp(CONF.command.revision))

    create = subparsers.add_parser(
        'create_schema', help='Make the schema in an empty database.')
    create.set_defaults(run=_create_schema)


def _create_schema():
    try:
        migration.create_schema()
    except migration.SchemaExists as exc:
        sys.exit(str(exc))


def main():
    CONF.register_cli_opt(cfg.SubCommandOpt(
        'command', title='Commands', handler=_add_commands))
    service.prepare(sys.argv, auth_strategy='keystone')
    service.require_database()
    try:
        CONF.command.run()
    except alembic_exc.CommandError as exc:
        # A revision that this release does not know, most likely.
        sys.exit(str(exc))
    except (db_exc.DBError, sa_exc.DBAPIError) as exc:
        sys.exit('The database refused: %s' % exc)
