# SPDX-License-Identifier: Apache-2.0
"""Nodes and allocations put into the database by SQL."""

import datetime
import uuid

from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.db import models
from allocator.db import profiles
from allocator.db import suitability
from allocator.db import traits as db_traits
from allocator.db import waiters

_allocation = models.Allocation.__table__
_member = models.TraitSetMember.__table__
_node = models.Node.__table__
_profile = models.Profile.__table__
_waiter = models.Waiter.__table__
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


def profile(connection, traits, properties):
    """Find or make a profile.

    :returns: dict of the columns that a node says it by
    """
    wanted = profiles.wanted(traits, properties)
    found = profiles.columns(connection, wanted)
    if found is not None:
        return found
    set_id = _trait_set(connection, sorted(traits))
    id_ = connection.execute(sa.insert(_profile).values(
        digest=profiles.digest(wanted), trait_set_id=set_id,
        properties=wanted.properties)).inserted_primary_key[0]
    return {'profile_id': id_, 'trait_set_id': set_id,
            'trait_count': len(traits)}


def add_nodes(engine, count=1, traits=(), **values):
    """Add available nodes.

    :param engine: sqlalchemy.Engine
    :param count: how many
    :param traits: traits that each has
    :param values: columns that differ from those of a plain node
    :returns: list of their UUIDs
    """
    traits = sorted(set(traits))
    with engine.begin() as connection:
        plain = profile(connection, traits, values.get('properties', {}))
        return _insert(connection, [plain] * count, values)


def _insert(connection, profiled, values):
    """Insert nodes.

    :param profiled: list of what profile() returns, one for each node
    :returns: list of their UUIDs
    """
    uuids = [str(uuid.uuid4()) for _ in profiled]
    plain = {'resource_class': 'baremetal', 'provision_state': 'available',
             'power_state': 'power off', 'driver': 'fake-hardware',
             'created_at': timeutils.utcnow(),
             'driver_info': {}, 'properties': {}, 'extra': {},
             'instance_info': {}, 'network_data': {}, 'interfaces': {}}
    rows = [{**plain, **columns, 'uuid': uuid_, **values}
            for uuid_, columns in zip(uuids, profiled, strict=True)]
    for start in range(0, len(rows), CHUNK):
        connection.execute(sa.insert(_node), rows[start:start + CHUNK])
    return uuids


def add_kinds(engine, count, kinds, traits=(), **values):
    """Add available nodes of many profiles, which differ in a property.

    :param count: how many nodes
    :param kinds: how many profiles
    :param traits: traits that each has
    :returns: list of their UUIDs
    """
    traits = sorted(set(traits))
    with engine.begin() as connection:
        set_id = _trait_set(connection, traits)
        first = connection.execute(
            sa.select(sa.func.count()).select_from(_profile)).scalar()
        wanted = [profiles.wanted(traits, {'cpus': first + number})
                  for number in range(kinds)]
        digests = [profiles.digest(one) for one in wanted]
        for start in range(0, kinds, CHUNK):
            connection.execute(sa.insert(_profile), [
                {'digest': digest, 'trait_set_id': set_id,
                 'properties': one.properties} for digest, one in
                zip(digests[start:start + CHUNK],
                    wanted[start:start + CHUNK], strict=True)])
        ids = {row.digest: row.id for row in connection.execute(
            sa.select(_profile.c.digest, _profile.c.id))}
        return _insert(connection, [
            {'profile_id': ids[digests[number % kinds]],
             'trait_set_id': set_id, 'trait_count': len(traits)}
            for number in range(count)], values)


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


def add_waiters(engine, count, demands, **values):
    """Add allocations that wait, of which no conductor is told.

    :param count: how many
    :param demands: list of lists of traits: what they ask for by turns
    :param values: columns that differ from those of a plain allocation
    :returns: list of their UUIDs
    """
    found = []
    columns = {'resource_class': 'baremetal', 'wait_timeout': 86400,
               'priority': None, 'state': 'waiting'} | values
    for number, traits in enumerate(demands):
        found.append(add_allocations(
            engine, len(range(number, count, len(demands))),
            traits=sorted(traits), **columns))
    uuids = [uuid_ for group in found for uuid_ in group]
    now = timeutils.utcnow()
    waiters.ensure_queue(columns['resource_class'])
    with engine.begin() as connection:
        for start in range(0, count, CHUNK):
            rows = connection.execute(sa.select(_allocation).where(
                _allocation.c.uuid.in_(uuids[start:start + CHUNK]))).all()
            connection.execute(sa.insert(_waiter), [
                {'allocation_id': row.id, 'created_at': row.created_at,
                 'resource_class': row.resource_class,
                 'queue_rank': -(row.priority or 0),
                 'demand': waiters.demand_of(suitability.requirement_of(row)),
                 'deadline': now + datetime.timedelta(
                     seconds=row.wait_timeout)} for row in rows])
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
        for table in (models.WaiterCandidate.__table__, _waiter, _allocation):
            connection.execute(sa.delete(table))
        connection.execute(sa.delete(_node))
