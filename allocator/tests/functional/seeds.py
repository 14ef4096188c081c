# SPDX-License-Identifier: Apache-2.0
"""Nodes and allocations put into the database by SQL."""

import uuid

from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.db import models
from allocator.db import traits as db_traits

_allocation = models.Allocation.__table__
_member = models.TraitSetMember.__table__
_node = models.Node.__table__
_set = models.TraitSet.__table__

# Rows in one INSERT.
CHUNK = 500


def _trait_set(connection, traits):
    """Find or make a set of traits.

    :returns: its id; None for no traits
    """
    if not traits:
        return None
    digest = db_traits.digest(traits)
    found = connection.execute(
        sa.select(_set.c.id).where(_set.c.digest == digest)).scalar()
    if found is None:
        found = connection.execute(sa.insert(_set).values(
            digest=digest, size=len(traits))).inserted_primary_key[0]
        connection.execute(sa.insert(_member), [
            {'trait_set_id': found, 'trait': trait} for trait in traits])
    return found


def add_nodes(engine, count=1, traits=(), **values):
    """Add available nodes.

    :param engine: sqlalchemy.Engine
    :param count: how many
    :param traits: traits that each has
    :param values: columns that differ from those of a plain node
    :returns: list of their UUIDs
    """
    traits = sorted(set(traits))
    uuids = [str(uuid.uuid4()) for _ in range(count)]
    plain = {'resource_class': 'baremetal', 'provision_state': 'available',
             'power_state': 'power off', 'driver': 'fake-hardware',
             'trait_count': len(traits), 'created_at': timeutils.utcnow(),
             'driver_info': {}, 'properties': {}, 'extra': {},
             'instance_info': {}, 'network_data': {}, 'interfaces': {}}
    with engine.begin() as connection:
        plain['trait_set_id'] = _trait_set(connection, traits)
        for start in range(0, count, CHUNK):
            connection.execute(sa.insert(_node), [
                {**plain, 'uuid': uuid_, **values}
                for uuid_ in uuids[start:start + CHUNK]])
    return uuids


def add_node(engine, traits=(), **values):
    """Add one available node.

    :returns: its UUID
    """
    return add_nodes(engine, 1, traits, **values)[0]


def add_allocations(engine, count=1, **values):
    """Add pending allocations of which no conductor is told.

    :param values: columns that differ from those of a plain allocation
    :returns: list of their UUIDs
    """
    uuids = [str(uuid.uuid4()) for _ in range(count)]
    plain = {'resource_class': 'baremetal', 'state': 'allocating',
             'traits': [], 'candidate_nodes': [], 'extra': {},
             'created_at': timeutils.utcnow()}
    with engine.begin() as connection:
        for start in range(0, count, CHUNK):
            connection.execute(sa.insert(_allocation), [
                {**plain, 'uuid': uuid_, **values}
                for uuid_ in uuids[start:start + CHUNK]])
    return uuids


def set_node(connectable, ident, **values):
    """Change columns of a node.

    :param connectable: connection within a transaction
    :param ident: UUID of the node
    """
    connectable.execute(
        sa.update(_node).where(_node.c.uuid == ident).values(**values))


def nodes(engine):
    """Read all nodes.

    :returns: dict of rows by UUID
    """
    with engine.connect() as connection:
        return {row.uuid: row
                for row in connection.execute(sa.select(_node))}


def wipe(engine):
    """Remove all nodes and allocations.

    Locks are taken in the service's order, so a claim that is still being
    made is waited for.
    """
    with engine.begin() as connection:
        connection.execute(sa.select(_allocation.c.id).with_for_update())
        connection.execute(sa.update(_node).values(allocation_id=None))
        connection.execute(sa.delete(_allocation))
        connection.execute(sa.delete(_node))
