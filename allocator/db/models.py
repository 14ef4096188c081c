# SPDX-License-Identifier: Apache-2.0
"""The tables.

``allocations`` is also the queue: a row in state ``allocating`` is work.
The unique keys make it impossible that a node is given twice, whatever the
code does.
"""

from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy import orm

from allocator.db import types

OPTIONS = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    # Byte by byte, like the other databases: names differ by case.
    'mysql_collate': 'utf8mb4_bin',
}
OPTIONS |= {'mariadb' + name.removeprefix('mysql'): value
            for name, value in OPTIONS.items()}

# What a reason for an error may have, in characters.
LAST_ERROR_LENGTH = 512

# Whether nothing but its class, traits and owner keeps a node from being
# allocated. The database computes it, so no writer can forget it.
FREE = ("CASE WHEN provision_state = 'available' "
        "AND power_state IS NOT NULL AND NOT maintenance "
        "AND instance_uuid IS NULL THEN 1 ELSE 0 END")


class Base(orm.DeclarativeBase):
    """What every table has."""

    __table__: ClassVar[sa.Table]

    created_at = sa.Column(types.DateTime)
    updated_at = sa.Column(types.DateTime)


class Conductor(Base):
    """A heartbeat: the conductor was alive at ``updated_at``."""

    __tablename__ = 'conductors'
    __table_args__ = (
        sa.UniqueConstraint('hostname', name='uniq_conductors0hostname'),
        OPTIONS,
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    hostname = sa.Column(sa.String(255), nullable=False)


class Chassis(Base):
    __tablename__ = 'chassis'
    __table_args__ = (
        sa.UniqueConstraint('uuid', name='uniq_chassis0uuid'),
        OPTIONS,
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    uuid = sa.Column(sa.String(36), nullable=False)
    description = sa.Column(sa.String(255))
    extra = sa.Column(types.JSON, nullable=False)


class TraitSet(Base):
    """A set of traits that one or more nodes have.

    Fleets of any size have few different sets. A set never changes and is
    never removed, so a node's traits are one column of its row: to test
    them under the row's lock is to test them all.
    """

    __tablename__ = 'trait_sets'
    __table_args__ = (
        sa.UniqueConstraint('digest', name='uniq_trait_sets0digest'),
        OPTIONS,
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    # SHA-256 of the sorted traits, in hexadecimal.
    digest = sa.Column(sa.String(64), nullable=False)
    size = sa.Column(sa.Integer, nullable=False)


class TraitSetMember(Base):
    __tablename__ = 'trait_set_members'
    __table_args__ = (
        sa.Index('trait_set_members_trait_idx', 'trait', 'trait_set_id'),
        OPTIONS,
    )

    trait_set_id = sa.Column(
        types.BigInteger,
        sa.ForeignKey('trait_sets.id', name='trait_set_members_set_fk'),
        primary_key=True)
    trait = sa.Column(sa.String(255), primary_key=True)


class Allocation(Base):
    __tablename__ = 'allocations'
    __table_args__ = (
        sa.UniqueConstraint('uuid', name='uniq_allocations0uuid'),
        sa.UniqueConstraint('name', name='uniq_allocations0name'),
        sa.UniqueConstraint('node_id', name='uniq_allocations0node_id'),
        # What clients filter and sort by. The unique key of the names does
        # not tell MySQL in what order those without name are.
        sa.Index('allocations_name_idx', 'name', 'id'),
        sa.Index('allocations_state_idx', 'state', 'id'),
        sa.Index('allocations_owner_idx', 'owner', 'id'),
        sa.Index('allocations_resource_class_idx', 'resource_class', 'id'),
        sa.Index('allocations_created_at_idx', 'created_at', 'id'),
        sa.Index('allocations_updated_at_idx', 'updated_at', 'id'),
        sa.Index('allocations_last_error_idx', 'last_error', 'id'),
        OPTIONS,
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    uuid = sa.Column(sa.String(36), nullable=False)
    name = sa.Column(sa.String(255))
    # No foreign key: nodes.allocation_id has one, and two would make a
    # cycle in which neither row could be deleted first.
    node_id = sa.Column(types.BigInteger)
    state = sa.Column(sa.String(15), nullable=False)
    # Short enough to be indexed.
    last_error = sa.Column(sa.String(LAST_ERROR_LENGTH))
    resource_class = sa.Column(sa.String(80))
    traits = sa.Column(types.JSON, nullable=False)
    candidate_nodes = sa.Column(types.JSON, nullable=False)
    owner = sa.Column(sa.String(255))
    extra = sa.Column(types.JSON, nullable=False)


class Node(Base):
    __tablename__ = 'nodes'
    __table_args__ = (
        sa.UniqueConstraint('uuid', name='uniq_nodes0uuid'),
        sa.UniqueConstraint('name', name='uniq_nodes0name'),
        sa.UniqueConstraint('instance_uuid', name='uniq_nodes0instance_uuid'),
        sa.UniqueConstraint('allocation_id', name='uniq_nodes0allocation_id'),
        # The claim reads these three from left to right, and nothing else:
        # all nodes, those of an owner, those of a lessee.
        sa.Index('nodes_free_idx', 'resource_class', 'free', 'trait_count',
                 'trait_set_id'),
        sa.Index('nodes_owner_free_idx', 'owner', 'resource_class', 'free',
                 'trait_count', 'trait_set_id'),
        sa.Index('nodes_lessee_free_idx', 'lessee', 'resource_class', 'free',
                 'trait_count', 'trait_set_id'),
        sa.Index('nodes_chassis_idx', 'chassis_id'),
        # What operators list by.
        sa.Index('nodes_provision_state_idx', 'provision_state', 'id'),
        sa.Index('nodes_maintenance_idx', 'maintenance', 'id'),
        sa.Index('nodes_driver_idx', 'driver', 'id'),
        sa.Index('nodes_shard_idx', 'shard', 'id'),
        sa.Index('nodes_instance_name_idx', 'instance_name', 'id'),
        OPTIONS,
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    uuid = sa.Column(sa.String(36), nullable=False)
    name = sa.Column(sa.String(255))
    instance_uuid = sa.Column(sa.String(36))
    instance_name = sa.Column(sa.String(255))
    allocation_id = sa.Column(
        types.BigInteger,
        sa.ForeignKey('allocations.id', name='nodes_allocation_fk'))
    chassis_id = sa.Column(
        types.BigInteger,
        sa.ForeignKey('chassis.id', name='nodes_chassis_fk'))
    resource_class = sa.Column(sa.String(80))
    trait_set_id = sa.Column(
        types.BigInteger,
        sa.ForeignKey('trait_sets.id', name='nodes_trait_set_fk'))
    trait_count = sa.Column(sa.Integer, nullable=False, server_default='0')
    owner = sa.Column(sa.String(255))
    lessee = sa.Column(sa.String(255))
    provision_state = sa.Column(sa.String(15), nullable=False)
    target_provision_state = sa.Column(sa.String(15))
    provision_updated_at = sa.Column(types.DateTime)
    power_state = sa.Column(sa.String(15))
    target_power_state = sa.Column(sa.String(15))
    maintenance = sa.Column(sa.Boolean, nullable=False,
                            server_default=sa.false())
    maintenance_reason = sa.Column(types.LongText)
    free = sa.Column(sa.SmallInteger, sa.Computed(FREE, persisted=True))
    retired = sa.Column(sa.Boolean, nullable=False,
                        server_default=sa.false())
    retired_reason = sa.Column(types.LongText)
    protected = sa.Column(sa.Boolean, nullable=False,
                          server_default=sa.false())
    protected_reason = sa.Column(types.LongText)
    automated_clean = sa.Column(sa.Boolean)
    disable_power_off = sa.Column(sa.Boolean, nullable=False,
                                  server_default=sa.false())
    last_error = sa.Column(types.LongText)
    description = sa.Column(types.LongText)
    conductor_group = sa.Column(sa.String(255), nullable=False,
                                server_default='')
    shard = sa.Column(sa.String(255))
    driver = sa.Column(sa.String(255))
    driver_info = sa.Column(types.JSON, nullable=False)
    properties = sa.Column(types.JSON, nullable=False)
    extra = sa.Column(types.JSON, nullable=False)
    instance_info = sa.Column(types.JSON, nullable=False)
    network_data = sa.Column(types.JSON, nullable=False)
    # The names of the hardware interfaces: {"deploy_interface": "direct"}.
    interfaces = sa.Column(types.JSON, nullable=False)
