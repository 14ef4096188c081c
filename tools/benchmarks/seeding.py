# SPDX-License-Identifier: Apache-2.0
"""Nodes and allocations put into the database by SQL, in seconds."""

import datetime
import random
import uuid

import sqlalchemy as sa

from allocator.db import models
from allocator.db import profiles
from allocator.db import traits as db_traits

_allocation = models.Allocation.__table__
_node = models.Node.__table__
_profile = models.Profile.__table__
_set = models.TraitSet.__table__
_member = models.TraitSetMember.__table__

RESOURCE_CLASS = 'benchmark'
# Of nodes for which allocations wait; these stay while others come and go.
AWAITED = RESOURCE_CLASS + '-awaited'
COMMON = 'CUSTOM_BENCHMARK'
RARE = 'CUSTOM_BENCHMARK_RARE'

# One node of so many has the rare trait.
RARE_EACH = 100

# Share of the allocations of the past that failed.
FAILED = 0.09

# Rows in one INSERT.
CHUNK = 1000

NODE = {'resource_class': RESOURCE_CLASS, 'provision_state': 'available',
         'power_state': 'power off', 'driver': 'fake-hardware',
         'trait_count': 3, 'driver_info': {}, 'properties': {}, 'extra': {},
         'instance_info': {}, 'network_data': {}, 'interfaces': {}}


class Occupied(Exception):
    """The database holds nodes or allocations, which would be removed."""

    def __str__(self):
        return self.__doc__


def connect(url):
    """Open a database.

    :param url: its SQLAlchemy URL
    :returns: sqlalchemy.Engine
    """
    options = ({} if url.startswith('sqlite')
               else {'isolation_level': 'READ COMMITTED'})
    return sa.create_engine(url, **options)


def check_unused(engine):
    """Refuse a database that holds more than a benchmark left in it.

    :raises: Occupied
    """
    inspector = sa.inspect(engine)
    for table in (_node, _allocation):
        if inspector.has_table(table.name):
            with engine.connect() as connection:
                if connection.execute(sa.select(table.c.id).where(sa.or_(
                        table.c.resource_class.not_like(RESOURCE_CLASS + '%'),
                        table.c.resource_class.is_(None)))
                        .limit(1)).first():
                    raise Occupied()


def nodes(engine, count):
    """Have so many free nodes, with 3 traits each, and no allocation."""
    wipe(engine)
    with engine.begin() as connection:
        profiles_of = _profiles(connection)
        insert(connection, _node, (
            NODE | {'uuid': str(uuid.uuid4()), 'name': 'node-%06d' % number,
                     **profiles_of[_traits_of(number)]}
            for number in range(count)))
    analyze(engine)


def _traits_of(number):
    last = (RARE if number % RARE_EACH == 0
            else 'CUSTOM_MODEL_%d' % (number % 7))
    return COMMON, 'CUSTOM_RACK_%d' % (number % 20), last


def _profiles(connection):
    """Find or make the profiles that the nodes have.

    :returns: dict by tuple of traits of the columns that say them
    """
    found = {}
    has_profiles = sa.inspect(connection).has_table(_profile.name)
    for names, set_id in _trait_sets(connection).items():
        if not has_profiles:  # an older release is measured
            found[names] = {'trait_set_id': set_id,
                            'trait_count': len(names)}
            continue
        wanted = profiles.wanted(names, {})
        found[names] = profiles.columns(connection, wanted)
        if found[names] is None:
            id_ = connection.execute(sa.insert(_profile).values(
                digest=profiles.digest(wanted), trait_set_id=set_id,
                properties={})).inserted_primary_key[0]
            found[names] = {'profile_id': id_, 'trait_set_id': set_id,
                            'trait_count': len(names)}
    return found


def _trait_sets(connection):
    """Find or make the sets of traits that the nodes have.

    :returns: dict of ids by tuple of traits
    """
    wanted = {_traits_of(number) for number in range(7 * RARE_EACH)}
    known = dict(connection.execute(
        sa.select(_set.c.digest, _set.c.id)).all())
    found = {}
    for names in wanted:
        digest = db_traits.digest(names)
        if digest not in known:
            known[digest] = connection.execute(sa.insert(_set).values(
                digest=digest, size=len(names))).inserted_primary_key[0]
            connection.execute(sa.insert(_member), [
                {'trait_set_id': known[digest], 'trait': name}
                for name in names])
        found[names] = known[digest]
    return found


def insert(connection, table, rows):
    """Insert many rows.

    :param rows: iterable of dicts
    """
    chunk = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            connection.execute(sa.insert(table), chunk)
            chunk = []
    if chunk:
        connection.execute(sa.insert(table), chunk)


def wipe(engine):
    """Remove all nodes and allocations."""
    release(engine)
    with engine.begin() as connection:
        connection.execute(sa.delete(_node).where(
            _node.c.resource_class != AWAITED))


def release(engine):
    """Remove all allocations; the nodes are free again."""
    with engine.begin() as connection:
        connection.execute(
            sa.update(_node).where(_node.c.allocation_id.is_not(None),
                                   _node.c.resource_class != AWAITED)
            .values(allocation_id=None, instance_uuid=None,
                    instance_info={}))
        connection.execute(sa.delete(_allocation).where(
            _allocation.c.resource_class != AWAITED))


def own(engine, project):
    """Have a project own all nodes."""
    with engine.begin() as connection:
        connection.execute(sa.update(_node).values(owner=project))
    analyze(engine)


def take(engine, tenths=9):
    """Give so many tenths of the nodes to active allocations."""
    chosen = _node.c.id % 10 < tenths
    columns = {'uuid': _node.c.uuid, 'node_id': _node.c.id,
               'resource_class': _node.c.resource_class,
               'state': sa.literal('active'), 'traits': sa.literal('[]'),
               'candidate_nodes': sa.literal('[]'),
               'extra': sa.literal('{}'),
               'created_at': sa.func.current_timestamp()}
    of_node = sa.select(_allocation.c.id).where(
        _allocation.c.node_id == _node.c.id).scalar_subquery()
    with engine.begin() as connection:
        connection.execute(sa.insert(_allocation).from_select(
            list(columns), sa.select(*columns.values()).where(chosen)))
    # Else PostgreSQL takes the table for as empty as it was.
    analyze(engine)
    with engine.begin() as connection:
        connection.execute(sa.update(_node).where(chosen).values(
            instance_uuid=_node.c.uuid, allocation_id=of_node))
    analyze(engine)


def pending(engine, count, traits=(COMMON,)):
    """Add allocations that wait for a conductor."""
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    with engine.begin() as connection:
        insert(connection, _allocation, (
            {'uuid': str(uuid.uuid4()), 'resource_class': RESOURCE_CLASS,
             'state': 'allocating', 'traits': list(traits),
             'candidate_nodes': [], 'extra': {}, 'created_at': now}
            for _ in range(count)))
    analyze(engine)


def history(engine, count):
    """Fill the table of allocations as years of use would.

    Some projects have far more than others; the errors are the newest rows,
    so that state and age go together.
    """
    release(engine)
    dice = random.Random(1)
    with engine.begin() as connection:
        node_ids = list(connection.execute(
            sa.select(_node.c.id).order_by(_node.c.id)).scalars())
        insert(connection, _allocation, (
            past(dice, number, count, node_ids) for number in range(count)))
    analyze(engine)


def past(dice, number, count, node_ids):
    """Make an allocation as years of use would have left it.

    :param dice: random.Random
    :param number: of the allocation, from the oldest
    :param count: of them all
    :param node_ids: list of the ids of the nodes that the oldest have
    :returns: dict of columns
    """
    age = datetime.timedelta(minutes=count - number)
    created = datetime.datetime(2026, 1, 1) - age
    failed = number >= count * (1 - FAILED)
    owner = min(int(dice.paretovariate(0.7)), 2000)
    # The classes only matter for filters, so the nodes' is the largest.
    kind = min(int(dice.paretovariate(0.8)), 50)
    active = not failed and number < len(node_ids)
    return {
        'uuid': str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        'name': 'name-%06x-%d' % (dice.getrandbits(24), number)
        if number % 2 else None,
        'state': 'error' if failed else 'active',
        'node_id': node_ids[number] if active else None,
        'last_error': 'No suitable node: of 10 in resource class x, '
        '%d allocated.' % (number % 100) if failed else None,
        'resource_class': RESOURCE_CLASS if kind == 1
        else '%s-%d' % (RESOURCE_CLASS, kind),
        'traits': [COMMON, 'CUSTOM_RACK_%d' % (number % 20)],
        'candidate_nodes': [], 'extra': {},
        'owner': 'project-%04d' % owner if number % 10 else None,
        'created_at': created, 'updated_at': created}


def analyze(engine):
    """Have the database look at its tables, as it does by itself in time."""
    # Autovacuum does both; without the first, lists go to the table for each
    # row that an index has.
    statement = ('VACUUM ANALYZE' if engine.dialect.name == 'postgresql'
                 else 'ANALYZE')
    if engine.dialect.name not in ('postgresql', 'sqlite'):
        statement += ' TABLE ' + ', '.join(
            sa.inspect(engine).get_table_names())
    with engine.connect().execution_options(
            isolation_level='AUTOCOMMIT') as connection:
        connection.exec_driver_sql(statement)


def give_back(engine, uuids):
    """Remove some allocations; their nodes are free again."""
    with engine.begin() as connection:
        for start in range(0, len(uuids), CHUNK):
            chunk = uuids[start:start + CHUNK]
            connection.execute(
                sa.update(_node).where(_node.c.instance_uuid.in_(chunk))
                .values(allocation_id=None, instance_uuid=None,
                        instance_info={}))
            connection.execute(sa.delete(_allocation).where(
                _allocation.c.uuid.in_(chunk)))


def states(engine):
    """Count the allocations by state."""
    with engine.connect() as connection:
        return dict(connection.execute(
            sa.select(_allocation.c.state, sa.func.count())
            .group_by(_allocation.c.state)).all())


def pace(engine):
    """Get how many allocations were settled in a second.

    It is told from the times of the changes, the first transaction's being
    the start.
    """
    times = sa.select(sa.func.min(_allocation.c.updated_at),
                      sa.func.max(_allocation.c.updated_at))
    with engine.connect() as connection:
        first, last = connection.execute(times).one()
        count = connection.execute(
            sa.select(sa.func.count()).select_from(_allocation)
            .where(_allocation.c.updated_at > first)).scalar()
    return count / max((last - first).total_seconds(), 1e-3)
