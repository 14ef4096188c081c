# SPDX-License-Identifier: Apache-2.0
"""Indexes of lists

Revision ID: 9d1c4f7ab2e6
Revises: 6c1f0c2a7b58
"""

from alembic import op
import sqlalchemy as sa

revision = '9d1c4f7ab2e6'
down_revision = '6c1f0c2a7b58'

# Columns by name of the index, by table.
INDEXES = {
    'allocations': {
        'allocations_owner_uuid_idx': ['owner', 'uuid', 'id'],
        'allocations_owner_name_idx': ['owner', 'name', 'id'],
        'allocations_owner_state_idx': ['owner', 'state', 'id'],
        'allocations_owner_resource_class_idx': [
            'owner', 'resource_class', 'id'],
        'allocations_owner_created_at_idx': ['owner', 'created_at', 'id'],
        'allocations_owner_updated_at_idx': ['owner', 'updated_at', 'id'],
        'allocations_owner_last_error_idx': ['owner', 'last_error'],
    },
    'nodes': {
        'nodes_name_idx': ['name', 'id'],
        'nodes_resource_class_idx': ['resource_class', 'id'],
        'nodes_power_state_idx': ['power_state', 'id'],
        'nodes_created_at_idx': ['created_at', 'id'],
        'nodes_updated_at_idx': ['updated_at', 'id'],
        'nodes_owner_idx': ['owner', 'id'],
        'nodes_lessee_idx': ['lessee', 'id'],
    },
}


def upgrade():
    # MySQL and MariaDB commit each statement: an upgrade that was ended
    # halfway has made some of them.
    inspector = sa.inspect(op.get_bind())
    for table, indexes in INDEXES.items():
        known = {index['name'] for index in inspector.get_indexes(table)}
        for name, columns in indexes.items():
            if name not in known:
                op.create_index(name, table, columns)
