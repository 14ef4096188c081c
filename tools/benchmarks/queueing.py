# SPDX-License-Identifier: Apache-2.0
"""Allocations that wait, and what they wait for, put there by SQL."""

import datetime
import uuid

import sqlalchemy as sa

from allocator.db import models
from allocator.db import profiles
from allocator.db import traits as db_traits
from benchmarks import seeding

_allocation = models.Allocation.__table__
_member = models.TraitSetMember.__table__
_node = models.Node.__table__
_profile = models.Profile.__table__
_queue = models.Queue.__table__
_set = models.TraitSet.__table__
_waiter = models.Waiter.__table__


def nodes(engine, traits):
    """Add nodes that are taken, for which allocations wait.

    :param traits: the one trait of each node
    :returns: list of the UUIDs of the allocations that have them
    """
    found = []
    with engine.begin() as connection:
        for trait in traits:
            uuid_ = str(uuid.uuid4())
            node = connection.execute(sa.insert(_node).values(
                seeding.NODE | {'uuid': str(uuid.uuid4()),
                                'resource_class': seeding.AWAITED,
                                'instance_uuid': uuid_}
                | _one_trait(connection, trait))).inserted_primary_key[0]
            id_ = connection.execute(sa.insert(_allocation).values(
                uuid=uuid_, resource_class=seeding.AWAITED, state='active',
                node_id=node, traits=[trait], candidate_nodes=[], extra={},
                created_at=datetime.datetime(2026, 1, 1)
            )).inserted_primary_key[0]
            connection.execute(sa.update(_node).where(_node.c.id == node)
                               .values(allocation_id=id_))
            found.append(uuid_)
    return found


def _one_trait(connection, trait):
    """Find or make the profile of a node with one trait.

    :returns: dict of the columns that say it
    """
    wanted = profiles.wanted([trait], {})
    found = profiles.columns(connection, wanted)
    if found is not None:
        return found
    set_id = connection.execute(sa.insert(_set).values(
        digest=db_traits.digest([trait]), size=1)).inserted_primary_key[0]
    connection.execute(sa.insert(_member).values(
        trait_set_id=set_id, trait=trait))
    id_ = connection.execute(sa.insert(_profile).values(
        digest=profiles.digest(wanted), trait_set_id=set_id,
        properties={})).inserted_primary_key[0]
    return {'profile_id': id_, 'trait_set_id': set_id, 'trait_count': 1}


def allocations(engine, demands, count, seconds):
    """Have allocations wait, for each demand by turns.

    :param demands: dict of demands, see allocator.db.waiters, by trait
    :param count: how many
    :param seconds: for how long
    """
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    names = list(demands)
    with engine.begin() as connection:
        if not connection.execute(sa.select(_queue).where(
                _queue.c.resource_class == seeding.AWAITED)).first():
            connection.execute(sa.insert(_queue).values(
                resource_class=seeding.AWAITED))
        seeding.insert(connection, _allocation, (
            {'uuid': str(uuid.uuid4()), 'resource_class': seeding.AWAITED,
             'state': 'waiting', 'traits': [names[number % len(names)]],
             'candidate_nodes': [], 'extra': {}, 'created_at': now,
             'wait_timeout': seconds} for number in range(count)))
        ids = connection.execute(sa.select(_allocation.c.id).where(
            _allocation.c.resource_class == seeding.AWAITED,
            _allocation.c.state == 'waiting')
            .order_by(_allocation.c.id)).scalars().all()
        seeding.insert(connection, _waiter, (
            {'allocation_id': id_, 'resource_class': seeding.AWAITED,
             'queue_rank': 0, 'demand': demands[names[number % len(names)]],
             'created_at': now,
             'deadline': now + datetime.timedelta(seconds=seconds)}
            for number, id_ in enumerate(ids)))
    seeding.analyze(engine)


def first(engine, demand):
    """Find the first of those that wait for something.

    :returns: UUID
    """
    with engine.connect() as connection:
        return connection.execute(
            sa.select(_allocation.c.uuid).join(
                _waiter, _waiter.c.allocation_id == _allocation.c.id).where(
                _waiter.c.is_waiting == sa.true(),
                _waiter.c.resource_class == seeding.AWAITED,
                _waiter.c.demand == demand).order_by(
                _waiter.c.queue_rank, _waiter.c.allocation_id)
            .limit(1)).scalar()


def count(engine):
    """Count those that wait."""
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).where(
            _allocation.c.resource_class == seeding.AWAITED,
            _allocation.c.state == 'waiting')).scalar()


def end(engine):
    """Remove those that wait, and the nodes that they wait for."""
    with engine.begin() as connection:
        connection.execute(sa.delete(_waiter))
        connection.execute(sa.delete(_node).where(
            _node.c.resource_class == seeding.AWAITED))
        connection.execute(sa.delete(_allocation).where(
            _allocation.c.resource_class == seeding.AWAITED))
