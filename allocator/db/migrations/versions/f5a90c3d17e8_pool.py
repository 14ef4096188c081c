# SPDX-License-Identifier: Apache-2.0
"""The index by which the pool is counted

Revision ID: f5a90c3d17e8
Revises: c4e81d0b97f3
"""

from alembic import op
import sqlalchemy as sa

revision = 'f5a90c3d17e8'
down_revision = 'c4e81d0b97f3'


def upgrade():
    # MySQL and MariaDB commit each statement: an upgrade that was ended
    # halfway may have made it.
    known = {index['name'] for index in sa.inspect(
        op.get_bind()).get_indexes('nodes')}
    if 'nodes_pool_idx' not in known:
        op.create_index('nodes_pool_idx', 'nodes', [
            'instance_uuid', 'resource_class', 'free'])
