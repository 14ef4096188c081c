# SPDX-License-Identifier: Apache-2.0
"""Allocations that wait for a node

Revision ID: c4e81d0b97f3
Revises: e2b7c94d1f60
"""

from typing import Any

from alembic import op
import sqlalchemy as sa

from allocator.db import types

revision = 'c4e81d0b97f3'
down_revision = 'e2b7c94d1f60'

OPTIONS: dict[str, Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
    'mariadb_engine': 'InnoDB',
    'mariadb_charset': 'utf8mb4',
    'mariadb_collate': 'utf8mb4_bin',
}

INDEXES = {
    'waiters_demand_idx': ['is_waiting', 'resource_class', 'demand',
                           'queue_rank', 'allocation_id'],
    'waiters_order_idx': ['is_waiting', 'resource_class', 'queue_rank',
                          'allocation_id'],
    'waiters_deadline_idx': ['deadline', 'allocation_id'],
}


def upgrade():
    # Other statements than these may have been done by an upgrade that was
    # ended halfway.
    inspector = sa.inspect(op.get_bind())
    tables = inspector.get_table_names()
    known = {column['name']
             for column in inspector.get_columns('allocations')}
    for column in (sa.Column('priority', sa.SmallInteger()),
                   sa.Column('wait_timeout', sa.Integer())):
        if column.name not in known:
            op.add_column('allocations', column)
    if 'queues' not in tables:
        op.create_table(
            'queues',
            sa.Column('created_at', types.DateTime),
            sa.Column('updated_at', types.DateTime),
            sa.Column('resource_class', sa.String(80), primary_key=True),
            sa.Column('served', types.BigInteger, nullable=False,
                      server_default='0'),
            **OPTIONS)
    if 'waiters' not in tables:
        _create_waiters()
    found = {index['name'] for index in sa.inspect(
        op.get_bind()).get_indexes('waiters')}
    for name, columns in INDEXES.items():
        if name not in found:
            op.create_index(name, 'waiters', columns)
    if 'waiter_candidates' not in tables:
        _create_candidates()
    if not any(index['name'] == 'waiter_candidates_node_idx'
               for index in sa.inspect(
                   op.get_bind()).get_indexes('waiter_candidates')):
        op.create_index('waiter_candidates_node_idx', 'waiter_candidates',
                        ['node_uuid', 'allocation_id'])


def _create_waiters():
    op.create_table(
        'waiters',
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.Column('allocation_id', types.BigInteger,
                  sa.ForeignKey('allocations.id',
                                name='waiters_allocation_fk',
                                ondelete='CASCADE'),
                  primary_key=True, autoincrement=False),
        sa.Column('resource_class', sa.String(80), nullable=False),
        sa.Column('demand', sa.String(32), nullable=False),
        sa.Column('queue_rank', sa.SmallInteger(), nullable=False),
        sa.Column('deadline', types.DateTime, nullable=False),
        sa.Column('is_waiting', sa.Boolean(), nullable=False,
                  server_default=sa.true()),
        **OPTIONS)


def _create_candidates():
    op.create_table(
        'waiter_candidates',
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.Column('allocation_id', types.BigInteger,
                  sa.ForeignKey('waiters.allocation_id',
                                name='waiter_candidates_waiter_fk',
                                ondelete='CASCADE'),
                  primary_key=True, autoincrement=False),
        sa.Column('node_uuid', sa.String(36), primary_key=True),
        **OPTIONS)
