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
# allocated. The database computes it, so no writer can forget it. A node of a
# backend has another value: conductors of the first release, which would hand
# it out without asking the backend, look for 1.
FREE = ("CASE WHEN provision_state = 'available' "
        "AND power_state IS NOT NULL AND NOT maintenance "
        "AND instance_uuid IS NULL "
        "THEN CASE WHEN backend_id = 0 THEN 1 ELSE 2 END ELSE 0 END")

# Values of FREE.
OWN_FREE = 1
MIRRORED_FREE = 2

# The backend_id of the nodes of this service itself.
OWN = 0


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
    # What this conductor knows: see allocator.db.conductors. It counts only
    # if it was written with the last heartbeat: one of the first release,
    # started under the same name, writes none.
    version = sa.Column(sa.Integer)
    version_at = sa.Column(types.DateTime)


class Chassis(Base):
    __tablename__ = 'chassis'
    __table_args__ = (
        sa.UniqueConstraint('uuid', name='uniq_chassis0uuid'),
        OPTIONS,
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    uuid = sa.Column(sa.String(36), nullable=False)
    description = sa.Column(sa.String(255))
    extra = sa.Column(types.JSONObject, nullable=False)


class TraitSet(Base):
    """A set of traits that one or more profiles have.

    A set never changes, and stays as long as a profile or a node refers to
    it. ``updated_at`` says since when no profile does, or when it was last
    wanted meanwhile; it is null while one does.
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


class Profile(Base):
    """A kind of machine: traits and schedulable properties.

    Fleets of any size have few different machines. A profile never changes,
    and its id is never used again, so to test a node's profile under the
    row's lock is to test all that the profile says; processes may remember
    it as long as they like.
    """

    __tablename__ = 'profiles'
    __table_args__ = (
        sa.UniqueConstraint('digest', name='uniq_profiles0digest'),
        sa.Index('profiles_unused_since_idx', 'unused_since'),
        {**OPTIONS, 'sqlite_autoincrement': True},
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    # See allocator.db.profiles.digest().
    digest = sa.Column(sa.String(64), nullable=False)
    trait_set_id = sa.Column(
        types.BigInteger,
        sa.ForeignKey('trait_sets.id', name='profiles_trait_set_fk'))
    properties = sa.Column(types.JSON, nullable=False)
    # When it was found without nodes, or was last wanted while it had none;
    # null while nodes have it.
    unused_since = sa.Column(types.DateTime)


class Installation(Base):
    """What tells this installation of the service from others: one row."""

    __tablename__ = 'installation'
    __table_args__ = (OPTIONS,)

    # Always 1, so that there is but one.
    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    uuid = sa.Column(sa.String(36), nullable=False)
    # Whether there were backends before this table: what was made at them has
    # another mark.
    has_older_marks = sa.Column(sa.Boolean, nullable=False,
                                server_default=sa.false())


class Backend(Base):
    """A Bare Metal service whose nodes are handed out.

    One process at a time, the holder, mirrors it. Each of its transactions
    first updates this row where the epoch is its own: who takes over counts
    the epoch up, so what a paused holder still writes changes nothing.
    """

    __tablename__ = 'backends'
    __table_args__ = (
        sa.UniqueConstraint('name', name='uniq_backends0name'),
        {**OPTIONS, 'sqlite_autoincrement': True},
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    name = sa.Column(sa.String(63), nullable=False)
    # Which process mirrors it, and until when unless it says so again.
    holder = sa.Column(sa.String(255))
    epoch = sa.Column(types.BigInteger, nullable=False, server_default='0')
    held_until = sa.Column(types.DateTime)
    # When the last look, and the last full one, that came to its end began,
    # and since when looks have failed.
    looked_at = sa.Column(types.DateTime)
    swept_at = sa.Column(types.DateTime)
    failing_since = sa.Column(types.DateTime)
    # A look that begins later than this is wanted: somebody waits for it.
    look_wanted_at = sa.Column(types.DateTime)
    last_error = sa.Column(types.LongText)
    # Where clients are sent to.
    public_url = sa.Column(types.LongText)
    # How many nodes were missing at once when the mirror stopped to remove
    # any; who has looked into it says so by accepting that many.
    missing = sa.Column(sa.Integer, nullable=False, server_default='0')
    accepted = sa.Column(sa.Integer, nullable=False, server_default='0')
    # Writes in a row that got no answer; and when they became so many that
    # nothing is claimed there, or it answered again.
    unanswered = sa.Column(sa.Integer, nullable=False, server_default='0')
    answers_changed_at = sa.Column(types.DateTime)
    # When the look came to its end from which on the looks never were too
    # old.
    fresh_since = sa.Column(types.DateTime)
    # Whether its holder's configuration lets nothing be handed out, and when
    # that changed.
    is_drained = sa.Column(sa.Boolean, nullable=False,
                           server_default=sa.false())
    drained_changed_at = sa.Column(types.DateTime)


class BackendWrite(Base):
    """What is wanted at a backend for the UUID of one allocation.

    Written by the transaction that decides it, brought about by a writer, and
    kept for a day as a tombstone once it is done: by it a leftover is told.
    """

    __tablename__ = 'backend_writes'
    __table_args__ = (
        sa.UniqueConstraint('backend_id', 'uuid',
                            name='uniq_backend_writes0backend_id0uuid'),
        sa.Index('backend_writes_due_idx', 'backend_id', 'finished_at',
                 'due_at'),
        sa.Index('backend_writes_uuid_idx', 'uuid'),
        sa.Index('backend_writes_node_idx', 'node_id'),
        sa.Index('backend_writes_finished_idx', 'finished_at'),
        OPTIONS,
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    # No foreign keys: the row outlives the allocation, and the node.
    backend_id = sa.Column(types.BigInteger, nullable=False)
    uuid = sa.Column(sa.String(36), nullable=False)
    allocation_id = sa.Column(types.BigInteger)
    node_id = sa.Column(types.BigInteger, nullable=False)
    node_uuid = sa.Column(sa.String(36), nullable=False)
    # Counted up whenever something else is wanted; whoever confirms compares.
    attempt = sa.Column(types.BigInteger, nullable=False)
    # "claim", "release" or "backfill".
    wants = sa.Column(sa.String(15), nullable=False)
    # What is to be sent, and what is needed to put an allocation back whose
    # release is refused.
    request = sa.Column(types.JSON, nullable=False)
    request_id = sa.Column(sa.String(255))
    # When the first request of a claim was sent. While it is set and nothing
    # certain is known, the backend may carry one out at any time.
    sent_at = sa.Column(types.DateTime)
    due_at = sa.Column(types.DateTime, nullable=False)
    lease = sa.Column(sa.String(36))
    leased_until = sa.Column(types.DateTime)
    tries = sa.Column(sa.Integer, nullable=False, server_default='0')
    last_error = sa.Column(types.LongText)
    finished_at = sa.Column(types.DateTime)
    # "confirmed", "refused", "withdrawn", "released" or "kept".
    outcome = sa.Column(sa.String(15))


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
        # What the members of a project sort theirs by.
        sa.Index('allocations_owner_uuid_idx', 'owner', 'uuid', 'id'),
        sa.Index('allocations_owner_name_idx', 'owner', 'name', 'id'),
        sa.Index('allocations_owner_state_idx', 'owner', 'state', 'id'),
        sa.Index('allocations_owner_resource_class_idx', 'owner',
                 'resource_class', 'id'),
        sa.Index('allocations_owner_created_at_idx', 'owner', 'created_at',
                 'id'),
        sa.Index('allocations_owner_updated_at_idx', 'owner', 'updated_at',
                 'id'),
        # With the id it would be longer than MySQL admits. PostgreSQL admits
        # 2,704 bytes; the sentences of the census, with the longest owner
        # and class, in characters of four bytes, keep within.
        sa.Index('allocations_owner_last_error_idx', 'owner', 'last_error'),
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
    # The global request id under which it was asked for.
    request_id = sa.Column(sa.String(255))
    # What else the node must and must not be: those of
    # allocator.common.constraints.FIELDS that were given; null for none.
    constraints = sa.Column(types.JSON)
    # Null means 0, which is what the first release leaves.
    priority = sa.Column(sa.SmallInteger)
    # Seconds from creation for which it may wait; null or 0 for one that
    # does not.
    wait_timeout = sa.Column(sa.Integer)


class Queue(Base):
    """A resource class for whose nodes somebody waits, or has just waited.

    Whoever serves those that wait writes this row first, so one does at a
    time: a lock for databases that know but written rows.
    """

    __tablename__ = 'queues'
    __table_args__ = (OPTIONS,)

    resource_class = sa.Column(sa.String(80), primary_key=True)
    served = sa.Column(types.BigInteger, nullable=False, server_default='0')


class Waiter(Base):
    """An allocation that waits for a node, or may have to again.

    There is none for an allocation that does not wait, and none once a node
    is its own: the table is as large as the queue, whatever has been
    allocated.
    """

    __tablename__ = 'waiters'
    __table_args__ = (
        # The best one of each demand, and of the class.
        sa.Index('waiters_demand_idx', 'is_waiting', 'resource_class',
                 'demand', 'queue_rank', 'allocation_id'),
        sa.Index('waiters_order_idx', 'is_waiting', 'resource_class',
                 'queue_rank', 'allocation_id'),
        sa.Index('waiters_deadline_idx', 'deadline', 'allocation_id'),
        OPTIONS,
    )

    # SQLite does not know the cascade; it is for processes of a release that
    # does not know this table.
    allocation_id = sa.Column(
        types.BigInteger,
        sa.ForeignKey('allocations.id', name='waiters_allocation_fk',
                      ondelete='CASCADE'),
        primary_key=True, autoincrement=False)
    resource_class = sa.Column(sa.String(80), nullable=False)
    # A digest of what it asks for; empty for one that names candidates.
    demand = sa.Column(sa.String(32), nullable=False)
    # Minus its priority: the best come first.
    queue_rank = sa.Column(sa.SmallInteger, nullable=False)
    deadline = sa.Column(types.DateTime, nullable=False)
    # Not while a backend is asked for a node.
    is_waiting = sa.Column(sa.Boolean, nullable=False,
                           server_default=sa.true())


class WaiterCandidate(Base):
    """A node that an allocation, which waits, would take."""

    __tablename__ = 'waiter_candidates'
    __table_args__ = (
        sa.Index('waiter_candidates_node_idx', 'node_uuid', 'allocation_id'),
        OPTIONS,
    )

    allocation_id = sa.Column(
        types.BigInteger,
        sa.ForeignKey('waiters.allocation_id',
                      name='waiter_candidates_waiter_fk',
                      ondelete='CASCADE'),
        primary_key=True, autoincrement=False)
    node_uuid = sa.Column(sa.String(36), primary_key=True)


class Node(Base):
    __tablename__ = 'nodes'
    __table_args__ = (
        sa.UniqueConstraint('uuid', name='uniq_nodes0uuid'),
        # Each backend has names and instances of its own.
        sa.UniqueConstraint('name', 'backend_id',
                            name='uniq_nodes0name0backend_id'),
        sa.UniqueConstraint('instance_uuid', 'backend_id',
                            name='uniq_nodes0instance_uuid0backend_id'),
        sa.UniqueConstraint('allocation_id', name='uniq_nodes0allocation_id'),
        # The claim reads these three from left to right, and nothing else:
        # all nodes, those of an owner, those of a lessee.
        sa.Index('nodes_claim_idx', 'resource_class', 'free', 'backend_id',
                 'trait_count', 'profile_id'),
        sa.Index('nodes_claim_owner_idx', 'owner', 'resource_class', 'free',
                 'backend_id', 'trait_count', 'profile_id'),
        sa.Index('nodes_claim_lessee_idx', 'lessee', 'resource_class',
                 'free', 'backend_id', 'trait_count', 'profile_id'),
        sa.Index('nodes_backend_idx', 'backend_id', 'id'),
        sa.Index('nodes_profile_idx', 'profile_id'),
        # What conductors of the first release read, and name in their
        # statements.
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
        sa.Index('nodes_name_idx', 'name', 'id'),
        sa.Index('nodes_resource_class_idx', 'resource_class', 'id'),
        sa.Index('nodes_power_state_idx', 'power_state', 'id'),
        sa.Index('nodes_created_at_idx', 'created_at', 'id'),
        sa.Index('nodes_updated_at_idx', 'updated_at', 'id'),
        # How many nodes of each class are free and held. The class does not
        # come first, so that nothing that is sought by class is tempted.
        sa.Index('nodes_pool_idx', 'instance_uuid', 'resource_class', 'free'),
        # What a project owns, and what it leases.
        sa.Index('nodes_owner_idx', 'owner', 'id'),
        sa.Index('nodes_lessee_idx', 'lessee', 'id'),
        OPTIONS,
    )

    id = sa.Column(types.BigInteger, primary_key=True)
    uuid = sa.Column(sa.String(36), nullable=False)
    name = sa.Column(sa.String(255))
    # The backend that has it; 0 for a node of this service itself.
    backend_id = sa.Column(types.BigInteger, nullable=False,
                           server_default='0')
    # Counted up by every change of a backend's node: what was read there
    # before the change does not undo it.
    generation = sa.Column(types.BigInteger, nullable=False,
                           server_default='0')
    # A backend's node that refused a claim although it looked free is left
    # alone until then; how often in a row it did.
    avoided_until = sa.Column(types.DateTime)
    refusals = sa.Column(sa.Integer, nullable=False, server_default='0')
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
    # Null until a conductor has seen a node that the first release made.
    profile_id = sa.Column(
        types.BigInteger,
        sa.ForeignKey('profiles.id', name='nodes_profile_fk'))
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
    driver_info = sa.Column(types.JSONObject, nullable=False)
    properties = sa.Column(types.JSONObject, nullable=False)
    extra = sa.Column(types.JSONObject, nullable=False)
    instance_info = sa.Column(types.JSONObject, nullable=False)
    network_data = sa.Column(types.JSONObject, nullable=False)
    # The names of the hardware interfaces: {"deploy_interface": "direct"}.
    interfaces = sa.Column(types.JSONObject, nullable=False)
