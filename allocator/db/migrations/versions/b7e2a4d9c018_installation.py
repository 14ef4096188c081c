# SPDX-License-Identifier: Apache-2.0
"""What tells this installation from others at a backend

Revision ID: b7e2a4d9c018
Revises: f5a90c3d17e8
"""

from typing import Any

from alembic import op
from oslo_utils import uuidutils
import sqlalchemy as sa

from allocator.db import types

revision = 'b7e2a4d9c018'
down_revision = 'f5a90c3d17e8'

OPTIONS: dict[str, Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
    'mariadb_engine': 'InnoDB',
    'mariadb_charset': 'utf8mb4',
    'mariadb_collate': 'utf8mb4_bin',
}


def upgrade():
    bind = op.get_bind()
    if 'installation' not in sa.inspect(bind).get_table_names():
        op.create_table(
            'installation',
            sa.Column('created_at', types.DateTime),
            sa.Column('updated_at', types.DateTime),
            sa.Column('id', sa.Integer(), primary_key=True,
                      autoincrement=False),
            sa.Column('uuid', sa.String(36), nullable=False),
            sa.Column('has_older_marks', sa.Boolean(), nullable=False,
                      server_default=sa.false()),
            **OPTIONS)
    table = sa.table('installation', sa.column('id'), sa.column('uuid'),
                     sa.column('has_older_marks', sa.Boolean()),
                     sa.column('created_at', types.DateTime))
    has_backends = bind.execute(
        sa.select(sa.column('id')).select_from(sa.table('backends'))
        .limit(1)).first() is not None
    # MySQL and MariaDB commit each statement: an upgrade that was ended
    # halfway may have made the table alone, and a process the row since.
    if bind.execute(sa.select(table.c.id)).first() is None:
        bind.execute(sa.insert(table).values(
            id=1, uuid=uuidutils.generate_uuid(),
            has_older_marks=has_backends, created_at=types.utcnow()))
    elif has_backends:
        bind.execute(sa.update(table).values(has_older_marks=True))
