# SPDX-License-Identifier: Apache-2.0
"""Backends, what is wanted at them, and their nodes

Revision ID: a3d5e8f1406b
Revises: 9d1c4f7ab2e6
"""

from typing import Any

from alembic import op
import sqlalchemy as sa

from allocator.db import types

revision = 'a3d5e8f1406b'
down_revision = '9d1c4f7ab2e6'

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
        "AND instance_uuid IS NULL "
        "THEN CASE WHEN backend_id = 0 THEN 1 ELSE 2 END ELSE 0 END")

# Indexes that hold the column free: those of the release before, and those
# that the claim reads now.
FREE_INDEXES = {
    'nodes_free_idx': ['resource_class', 'free', 'trait_count',
                       'trait_set_id'],
    'nodes_owner_free_idx': ['owner', 'resource_class', 'free',
                             'trait_count', 'trait_set_id'],
    'nodes_lessee_free_idx': ['lessee', 'resource_class', 'free',
                              'trait_count', 'trait_set_id'],
}
CLAIM_INDEXES = {
    'nodes_claim_idx': ['resource_class', 'free', 'backend_id',
                        'trait_count', 'profile_id'],
    'nodes_claim_owner_idx': ['owner', 'resource_class', 'free',
                              'backend_id', 'trait_count', 'profile_id'],
    'nodes_claim_lessee_idx': ['lessee', 'resource_class', 'free',
                               'backend_id', 'trait_count', 'profile_id'],
    'nodes_backend_idx': ['backend_id', 'id'],
}


WRITE_INDEXES = {
    'backend_writes_due_idx': ['backend_id', 'finished_at', 'due_at'],
    'backend_writes_uuid_idx': ['uuid'],
    'backend_writes_node_idx': ['node_id'],
    'backend_writes_finished_idx': ['finished_at'],
}


def upgrade():
    # MySQL and MariaDB commit each statement: an upgrade that was ended
    # halfway has made some of it.
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table('backends'):
        _create_backends()
    if not inspector.has_table('backend_writes'):
        _create_writes()
    known = {column['name'] for column in inspector.get_columns('nodes')}
    if 'backend_id' not in known:
        {'sqlite': _change_nodes_sqlite,
         'postgresql': _change_nodes_postgresql,
         'mysql': _change_nodes_mysql, 'mariadb': _change_nodes_mysql}[
            op.get_bind().dialect.name]()
    inspector = sa.inspect(op.get_bind())
    for table, indexes in (('backend_writes', WRITE_INDEXES),
                           ('nodes', CLAIM_INDEXES)):
        made = {index['name'] for index in inspector.get_indexes(table)}
        for name, columns in indexes.items():
            if name not in made:
                op.create_index(name, table, columns)


def _create_backends():
    op.create_table(
        'backends',
        sa.Column('id', types.BigInteger, nullable=False),
        sa.Column('name', sa.String(63), nullable=False),
        sa.Column('holder', sa.String(255)),
        sa.Column('epoch', types.BigInteger, nullable=False,
                  server_default='0'),
        sa.Column('held_until', types.DateTime),
        sa.Column('looked_at', types.DateTime),
        sa.Column('swept_at', types.DateTime),
        sa.Column('failing_since', types.DateTime),
        sa.Column('look_wanted_at', types.DateTime),
        sa.Column('last_error', types.LongText),
        sa.Column('public_url', types.LongText),
        sa.Column('missing', sa.Integer, nullable=False, server_default='0'),
        sa.Column('accepted', sa.Integer, nullable=False,
                  server_default='0'),
        sa.Column('unanswered', sa.Integer, nullable=False,
                  server_default='0'),
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('name', name='uniq_backends0name'),
        sqlite_autoincrement=True,
        **OPTIONS)


def _create_writes():
    op.create_table(
        'backend_writes',
        sa.Column('id', types.BigInteger, nullable=False),
        sa.Column('backend_id', types.BigInteger, nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('allocation_id', types.BigInteger),
        sa.Column('node_id', types.BigInteger, nullable=False),
        sa.Column('node_uuid', sa.String(36), nullable=False),
        sa.Column('attempt', types.BigInteger, nullable=False),
        sa.Column('wants', sa.String(15), nullable=False),
        sa.Column('request', types.JSON, nullable=False),
        sa.Column('request_id', sa.String(255)),
        sa.Column('sent_at', types.DateTime),
        sa.Column('due_at', types.DateTime, nullable=False),
        sa.Column('lease', sa.String(36)),
        sa.Column('leased_until', types.DateTime),
        sa.Column('tries', sa.Integer, nullable=False, server_default='0'),
        sa.Column('last_error', types.LongText),
        sa.Column('finished_at', types.DateTime),
        sa.Column('outcome', sa.String(15)),
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('backend_id', 'uuid',
                            name='uniq_backend_writes0backend_id0uuid'),
        **OPTIONS)


def _columns():
    return [
        sa.Column('backend_id', types.BigInteger, nullable=False,
                  server_default='0'),
        sa.Column('generation', types.BigInteger, nullable=False,
                  server_default='0'),
        sa.Column('avoided_until', types.DateTime),
        sa.Column('refusals', sa.Integer, nullable=False,
                  server_default='0'),
    ]


def _change_nodes_sqlite():
    # It changes a table by copying it, and the copy must have the generated
    # column in its new form.
    with op.batch_alter_table('nodes', recreate='always') as nodes:
        for column in _columns():
            nodes.add_column(column)
        nodes.drop_constraint('uniq_nodes0name')
        nodes.drop_constraint('uniq_nodes0instance_uuid')
        nodes.create_unique_constraint('uniq_nodes0name0backend_id',
                                       ['name', 'backend_id'])
        nodes.create_unique_constraint(
            'uniq_nodes0instance_uuid0backend_id',
            ['instance_uuid', 'backend_id'])
        nodes.drop_column('free')
        nodes.add_column(sa.Column('free', sa.SmallInteger,
                                   sa.Computed(FREE, persisted=True)))


def _change_nodes_postgresql():
    for column in _columns():
        op.add_column('nodes', column)
    op.drop_constraint('uniq_nodes0name', 'nodes')
    op.drop_constraint('uniq_nodes0instance_uuid', 'nodes')
    op.create_unique_constraint('uniq_nodes0name0backend_id', 'nodes',
                                ['name', 'backend_id'])
    op.create_unique_constraint('uniq_nodes0instance_uuid0backend_id',
                                'nodes', ['instance_uuid', 'backend_id'])
    # Its indexes go with it.
    op.drop_column('nodes', 'free')
    op.add_column('nodes', sa.Column('free', sa.SmallInteger,
                                     sa.Computed(FREE, persisted=True)))
    for name, columns in FREE_INDEXES.items():
        op.create_index(name, 'nodes', columns)


def _change_nodes_mysql():
    # In one statement: the table is copied once.
    op.execute(
        'ALTER TABLE nodes '
        'ADD COLUMN backend_id BIGINT NOT NULL DEFAULT 0, '
        'ADD COLUMN generation BIGINT NOT NULL DEFAULT 0, '
        'ADD COLUMN avoided_until DATETIME(6), '
        'ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0, '
        'DROP INDEX uniq_nodes0name, '
        'DROP INDEX uniq_nodes0instance_uuid, '
        'ADD CONSTRAINT uniq_nodes0name0backend_id '
        'UNIQUE (name, backend_id), '
        'ADD CONSTRAINT uniq_nodes0instance_uuid0backend_id '
        'UNIQUE (instance_uuid, backend_id), '
        'MODIFY COLUMN free SMALLINT GENERATED ALWAYS AS (%s) STORED'
        % FREE)
