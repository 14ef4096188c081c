# SPDX-License-Identifier: Apache-2.0
"""Since when each backend is as it is, and on whose request

Revision ID: d94f1b7c3e60
Revises: a3d5e8f1406b
"""

from alembic import op
import sqlalchemy as sa

from allocator.db import types

revision = 'd94f1b7c3e60'
down_revision = 'a3d5e8f1406b'


def _columns():
    return {'backends': [
        sa.Column('answers_changed_at', types.DateTime),
        sa.Column('fresh_since', types.DateTime),
        sa.Column('is_drained', sa.Boolean, nullable=False,
                  server_default=sa.false()),
        sa.Column('drained_changed_at', types.DateTime),
    ], 'allocations': [
        sa.Column('request_id', sa.String(255)),
    ]}


def upgrade():
    # MySQL and MariaDB commit each statement: an upgrade that was ended
    # halfway has made some of it.
    inspector = sa.inspect(op.get_bind())
    for table, columns in _columns().items():
        known = {column['name'] for column in inspector.get_columns(table)}
        for column in columns:
            if column.name not in known:
                op.add_column(table, column)
