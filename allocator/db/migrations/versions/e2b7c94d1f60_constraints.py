# SPDX-License-Identifier: Apache-2.0
"""Constraints of allocations

Revision ID: e2b7c94d1f60
Revises: d94f1b7c3e60
"""

from alembic import op
import sqlalchemy as sa

from allocator.db import types

revision = 'e2b7c94d1f60'
down_revision = 'd94f1b7c3e60'


def upgrade():
    # MySQL and MariaDB commit each statement: an upgrade that was ended
    # halfway may have made it.
    known = {column['name'] for column in sa.inspect(
        op.get_bind()).get_columns('allocations')}
    if 'constraints' not in known:
        op.add_column('allocations', sa.Column('constraints', types.JSON()))
