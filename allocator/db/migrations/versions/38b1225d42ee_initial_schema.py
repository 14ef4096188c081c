# SPDX-License-Identifier: Apache-2.0
"""Initial schema

Revision ID: 38b1225d42ee
Revises:
"""

from typing import Any

from alembic import op
import sqlalchemy as sa

from allocator.db import types

revision = '38b1225d42ee'
down_revision = None

# What a migration builds must not change with the models, so nothing of
# them is used here.
OPTIONS: dict[str, Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
    'mariadb_engine': 'InnoDB',
    'mariadb_charset': 'utf8mb4',
    'mariadb_collate': 'utf8mb4_bin',
}
FREE = ("CASE WHEN provision_state = 'available' "
        "AND power_state IS NOT NULL AND NOT maintenance "
        "AND instance_uuid IS NULL THEN 1 ELSE 0 END")


def upgrade():
    op.create_table(
        'allocations',
        sa.Column('id', types.BigInteger, nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('name', sa.String(255)),
        sa.Column('node_id', types.BigInteger),
        sa.Column('state', sa.String(15), nullable=False),
        sa.Column('last_error', sa.String(512)),
        sa.Column('resource_class', sa.String(80)),
        sa.Column('traits', types.JSON, nullable=False),
        sa.Column('candidate_nodes', types.JSON, nullable=False),
        sa.Column('owner', sa.String(255)),
        sa.Column('extra', types.JSON, nullable=False),
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('name', name='uniq_allocations0name'),
        sa.UniqueConstraint('node_id', name='uniq_allocations0node_id'),
        sa.UniqueConstraint('uuid', name='uniq_allocations0uuid'),
        **OPTIONS)
    op.create_index(
        'allocations_created_at_idx', 'allocations', ['created_at', 'id'])
    op.create_index(
        'allocations_last_error_idx', 'allocations', ['last_error', 'id'])
    op.create_index(
        'allocations_name_idx', 'allocations', ['name', 'id'])
    op.create_index(
        'allocations_owner_idx', 'allocations', ['owner', 'id'])
    op.create_index(
        'allocations_resource_class_idx', 'allocations',
        ['resource_class', 'id'])
    op.create_index(
        'allocations_state_idx', 'allocations', ['state', 'id'])
    op.create_index(
        'allocations_updated_at_idx', 'allocations', ['updated_at', 'id'])
    op.create_table(
        'chassis',
        sa.Column('id', types.BigInteger, nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('description', sa.String(255)),
        sa.Column('extra', types.JSON, nullable=False),
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid', name='uniq_chassis0uuid'),
        **OPTIONS)
    op.create_table(
        'conductors',
        sa.Column('id', types.BigInteger, nullable=False),
        sa.Column('hostname', sa.String(255), nullable=False),
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('hostname', name='uniq_conductors0hostname'),
        **OPTIONS)
    op.create_table(
        'trait_sets',
        sa.Column('id', types.BigInteger, nullable=False),
        sa.Column('digest', sa.String(64), nullable=False),
        sa.Column('size', sa.Integer, nullable=False),
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('digest', name='uniq_trait_sets0digest'),
        **OPTIONS)
    op.create_table(
        'nodes',
        sa.Column('id', types.BigInteger, nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('name', sa.String(255)),
        sa.Column('instance_uuid', sa.String(36)),
        sa.Column('instance_name', sa.String(255)),
        sa.Column('allocation_id', types.BigInteger),
        sa.Column('chassis_id', types.BigInteger),
        sa.Column('resource_class', sa.String(80)),
        sa.Column('trait_set_id', types.BigInteger),
        sa.Column('trait_count', sa.Integer, server_default='0',
                  nullable=False),
        sa.Column('owner', sa.String(255)),
        sa.Column('lessee', sa.String(255)),
        sa.Column('provision_state', sa.String(15), nullable=False),
        sa.Column('target_provision_state', sa.String(15)),
        sa.Column('provision_updated_at', types.DateTime),
        sa.Column('power_state', sa.String(15)),
        sa.Column('target_power_state', sa.String(15)),
        sa.Column('maintenance', sa.Boolean, server_default=sa.false(),
                  nullable=False),
        sa.Column('maintenance_reason', types.LongText),
        sa.Column('free', sa.SmallInteger, sa.Computed(FREE, persisted=True)),
        sa.Column('retired', sa.Boolean, server_default=sa.false(),
                  nullable=False),
        sa.Column('retired_reason', types.LongText),
        sa.Column('protected', sa.Boolean, server_default=sa.false(),
                  nullable=False),
        sa.Column('protected_reason', types.LongText),
        sa.Column('automated_clean', sa.Boolean),
        sa.Column('disable_power_off', sa.Boolean, server_default=sa.false(),
                  nullable=False),
        sa.Column('last_error', types.LongText),
        sa.Column('description', types.LongText),
        sa.Column('conductor_group', sa.String(255), server_default='',
                  nullable=False),
        sa.Column('shard', sa.String(255)),
        sa.Column('driver', sa.String(255)),
        sa.Column('driver_info', types.JSON, nullable=False),
        sa.Column('properties', types.JSON, nullable=False),
        sa.Column('extra', types.JSON, nullable=False),
        sa.Column('instance_info', types.JSON, nullable=False),
        sa.Column('network_data', types.JSON, nullable=False),
        sa.Column('interfaces', types.JSON, nullable=False),
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.ForeignKeyConstraint(['allocation_id'], ['allocations.id'],
                                name='nodes_allocation_fk'),
        sa.ForeignKeyConstraint(['chassis_id'], ['chassis.id'],
                                name='nodes_chassis_fk'),
        sa.ForeignKeyConstraint(['trait_set_id'], ['trait_sets.id'],
                                name='nodes_trait_set_fk'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('allocation_id', name='uniq_nodes0allocation_id'),
        sa.UniqueConstraint('instance_uuid', name='uniq_nodes0instance_uuid'),
        sa.UniqueConstraint('name', name='uniq_nodes0name'),
        sa.UniqueConstraint('uuid', name='uniq_nodes0uuid'),
        **OPTIONS)
    op.create_index(
        'nodes_chassis_idx', 'nodes', ['chassis_id'])
    op.create_index(
        'nodes_free_idx', 'nodes',
        ['resource_class', 'free', 'trait_count', 'trait_set_id'])
    op.create_index(
        'nodes_driver_idx', 'nodes', ['driver', 'id'])
    op.create_index(
        'nodes_instance_name_idx', 'nodes', ['instance_name', 'id'])
    op.create_index(
        'nodes_lessee_free_idx', 'nodes',
        ['lessee', 'resource_class', 'free', 'trait_count', 'trait_set_id'])
    op.create_index(
        'nodes_maintenance_idx', 'nodes', ['maintenance', 'id'])
    op.create_index(
        'nodes_owner_free_idx', 'nodes',
        ['owner', 'resource_class', 'free', 'trait_count', 'trait_set_id'])
    op.create_index(
        'nodes_provision_state_idx', 'nodes', ['provision_state', 'id'])
    op.create_index(
        'nodes_shard_idx', 'nodes', ['shard', 'id'])
    op.create_table(
        'trait_set_members',
        sa.Column('trait_set_id', types.BigInteger, nullable=False),
        sa.Column('trait', sa.String(255), nullable=False),
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.ForeignKeyConstraint(['trait_set_id'], ['trait_sets.id'],
                                name='trait_set_members_set_fk'),
        sa.PrimaryKeyConstraint('trait_set_id', 'trait'),
        **OPTIONS)
    op.create_index(
        'trait_set_members_trait_idx', 'trait_set_members',
        ['trait', 'trait_set_id'])
