# SPDX-License-Identifier: Apache-2.0
"""Profiles of nodes, versions of conductors

Revision ID: 6c1f0c2a7b58
Revises: 38b1225d42ee
"""

from typing import Any

from alembic import op
import sqlalchemy as sa

from allocator.db import types

revision = '6c1f0c2a7b58'
down_revision = '38b1225d42ee'

OPTIONS: dict[str, Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
    'mariadb_engine': 'InnoDB',
    'mariadb_charset': 'utf8mb4',
    'mariadb_collate': 'utf8mb4_bin',
}


# Columns by name of the index, by table.
INDEXES = {
    'profiles': {
        'profiles_unused_since_idx': ['unused_since'],
    },
    'nodes': {
        'nodes_profile_idx': ['profile_id'],
    },
}


def upgrade():
    # MySQL and MariaDB commit each statement: an upgrade that was ended
    # halfway has made some of it.
    if not sa.inspect(op.get_bind()).has_table('profiles'):
        _create_profiles()
    inspector = sa.inspect(op.get_bind())
    known = {column['name'] for column in inspector.get_columns('conductors')}
    for column in (sa.Column('version', sa.Integer),
                   sa.Column('version_at', types.DateTime)):
        if column.name not in known:
            op.add_column('conductors', column)
    # Empty until the nodes are looked at (allocator.db.profiling): what
    # counts of their properties is a setting.
    _add_profile_id(inspector)
    for table, indexes in INDEXES.items():
        made = {index['name'] for index in inspector.get_indexes(table)}
        for name, columns in indexes.items():
            if name not in made:
                op.create_index(name, table, columns)


def _create_profiles():
    op.create_table(
        'profiles',
        sa.Column('id', types.BigInteger, nullable=False),
        sa.Column('digest', sa.String(64), nullable=False),
        sa.Column('trait_set_id', types.BigInteger),
        sa.Column('properties', types.JSON, nullable=False),
        sa.Column('unused_since', types.DateTime),
        sa.Column('created_at', types.DateTime),
        sa.Column('updated_at', types.DateTime),
        sa.ForeignKeyConstraint(['trait_set_id'], ['trait_sets.id'],
                                name='profiles_trait_set_fk'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('digest', name='uniq_profiles0digest'),
        sqlite_autoincrement=True,
        **OPTIONS)


def _add_profile_id(inspector):
    known = {column['name'] for column in inspector.get_columns('nodes')}
    if op.get_bind().dialect.name == 'sqlite':
        # Its foreign keys are made with the column or not at all; a copy of
        # the table would lose the generated column.
        if 'profile_id' not in known:
            op.execute('ALTER TABLE nodes ADD COLUMN profile_id INTEGER '
                       'CONSTRAINT nodes_profile_fk REFERENCES profiles (id)')
        return
    if 'profile_id' not in known:
        op.add_column('nodes', sa.Column('profile_id', types.BigInteger))
    keys = {key['name'] for key in inspector.get_foreign_keys('nodes')}
    if 'nodes_profile_fk' not in keys:
        op.create_foreign_key('nodes_profile_fk', 'nodes', 'profiles',
                              ['profile_id'], ['id'])
