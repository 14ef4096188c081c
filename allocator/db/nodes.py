# SPDX-License-Identifier: Apache-2.0
"""The nodes table: created, read and listed."""

from oslo_db import exception as db_exc
from oslo_utils import timeutils
from oslo_utils import uuidutils
import sqlalchemy as sa

from allocator.common import exception
from allocator.db import chassis
from allocator.db import models
from allocator.db import node_filters
from allocator.db import pagination
from allocator.db import profiles
from allocator.db import session
from allocator.db import traits
from allocator.db import types

_node = models.Node.__table__
_allocation = models.Allocation.__table__
_backend = models.Backend.__table__
_chassis = models.Chassis.__table__

# What other tables know of a node, and what they know it by.
_JOINED = _node.outerjoin(
    _allocation, _allocation.c.id == _node.c.allocation_id).outerjoin(
    _chassis, _chassis.c.id == _node.c.chassis_id)
# The name of the backend that has a node; null for this service's own.
BACKEND: sa.ColumnElement = sa.select(_backend.c.name).where(
    _backend.c.id == _node.c.backend_id).scalar_subquery()
_ELSEWHERE = {'allocation_uuid': _allocation.c.uuid,
              'backend': BACKEND,
              'chassis_uuid': _chassis.c.uuid}

# Columns that a list can be sorted by.
SORTABLE = frozenset(column.name for column in _node.c
                     if not isinstance(column.type, types.JSON))


def owned_or_leased(project):
    """Build the condition that a project owns or leases a node."""
    return sa.or_(_node.c.owner == project, _node.c.lessee == project)


def _is(ident):
    column = _node.c.uuid if uuidutils.is_uuid_like(ident) else _node.c.name
    return column == ident


@session.retried
def get(ident):
    """Read one node.

    :param ident: UUID or name
    :returns: row
    :raises: NodeNotFound, NodeAmbiguous
    """
    with session.reader() as connection:
        rows = connection.execute(
            sa.select(_node).where(_is(ident)).limit(2)).all()
    # To MariaDB "x" and "x " are equal.
    rows = [row for row in rows if ident in (row.uuid, row.name)]
    if not rows:
        raise exception.NodeNotFound(node=ident)
    if len(rows) > 1:
        raise exception.NodeAmbiguous(node=ident)
    return rows[0]


def _columns(names):
    """Choose what to select for some fields."""
    found: list[sa.ColumnElement] = [_node.c.id, _node.c.uuid, _node.c.owner,
                                     _node.c.lessee]
    for name in names:
        if name == 'traits':
            found.append(_node.c.trait_set_id)
        elif name.endswith('_interface'):
            found.append(_node.c.interfaces)
        elif name in _ELSEWHERE:
            found.append(_ELSEWHERE[name].label(name))
        elif name in _node.c:
            found.append(_node.c[name])
    return list(dict.fromkeys(found))


def _complete(connection, rows, names):
    """Turn rows to dicts and add the traits, with one query for all."""
    found = [dict(row._mapping) for row in rows]
    if 'traits' in names:
        sets = traits.of_sets(connection,
                              [node['trait_set_id'] for node in found])
        for node in found:
            node['traits'] = sets.get(node['trait_set_id'], [])
    return found


@session.retried
def show(uuid, names):
    """Read some fields of a node.

    :param uuid: UUID of the node
    :param names: names of columns, "traits", "allocation_uuid", "backend",
        "chassis_uuid"; other names are left out
    :returns: dict
    :raises: NodeNotFound
    """
    with session.reader() as connection:
        rows = connection.execute(
            sa.select(*_columns(names)).select_from(_JOINED)
            .where(_node.c.uuid == uuid)).all()
        if not rows:
            raise exception.NodeNotFound(node=uuid)
        return _complete(connection, rows, names)[0]


def get_page(filters, names, *, sort_key, descending, limit, marker=None,
             project=None):
    """Read a page of nodes with one query, and one for all their traits.

    :param filters: dict of values by filter, see node_filters
    :param names: fields to read, see show()
    :param sort_key: name of a column
    :param descending: whether to sort in falling order
    :param limit: number of nodes
    :param marker: UUID of the node after which the page begins
    :param project: project that owns or leases each of the nodes, or None
        for the nodes of all
    :returns: pagination.Page of dicts
    :raises: NodeNotFound for an unknown marker; ChassisNotFound
    """
    either = [] if project is None else [_node.c.owner == project,
                                         _node.c.lessee == project]
    return _get_page(
        node_filters.conditions(filters), either, names, marker,
        key=_node.c[sort_key], descending=descending, limit=limit)


@session.retried
def _get_page(conditions, either, names, marker, *, key, **order):
    with session.reader() as connection:
        after = None
        if marker is not None:
            after = _find_marker(connection, marker, key, either)
        page = pagination.page(
            connection, _columns(names), _JOINED, conditions, key=key,
            marker=after, either=either, **order)
        return page._replace(rows=_complete(connection, page.rows, names))


def _find_marker(connection, uuid, key, visible):
    query = sa.select(*dict.fromkeys([_node.c.id, key])).where(
        _node.c.uuid == uuid)
    if visible:
        query = query.where(sa.or_(*visible))
    row = connection.execute(query).first()
    if row is None:
        raise exception.NodeNotFound(node=uuid)
    return row


def create(values):
    """Insert a node.

    :param values: dict of column values, with chassis_uuid; the node has no
        traits yet
    :returns: UUID of the node
    :raises: UnknownChassis, NodeAlreadyExists, NodeDuplicateName,
        InstanceAssociated
    """
    profile = profiles.wanted((), values['properties'])
    values = values | profiles.intern(profile) | {
        'created_at': timeutils.utcnow()}
    _create(values, values.pop('chassis_uuid', None))
    return values['uuid']


@session.retried
def _create(values, chassis_uuid):
    try:
        with session.writer() as connection:
            connection.execute(sa.insert(_node).values(
                chassis_id=chassis.resolve(connection, chassis_uuid),
                **values))
    except db_exc.DBDuplicateEntry as exc:
        # The COMMIT of an earlier attempt may have been done.
        if not _is_stored(values):
            raise duplicate(exc, values['uuid'], values) from None
    except db_exc.DBReferenceError:
        raise exception.UnknownChassis(chassis=chassis_uuid) from None


def _is_stored(values):
    with session.reader() as connection:
        return connection.execute(
            sa.select(_node.c.id).where(
                _node.c.uuid == values['uuid'],
                _node.c.created_at == values['created_at'])
        ).first() is not None


def duplicate(error, uuid, values):
    """Make the exception for a value that another node has already.

    :param error: DBDuplicateEntry
    :param uuid: UUID of the node that was to have the value
    :param values: dict of column values
    """
    if 'name' in error.columns:
        return exception.NodeDuplicateName(name=values['name'])
    if 'instance_uuid' in error.columns:
        return exception.InstanceAssociated(
            instance_uuid=values['instance_uuid'], node=uuid)
    return exception.NodeAlreadyExists(uuid=uuid)


def resolve(connection, idents, tenant=None):
    """Find the UUIDs of nodes with one query.

    :param connection: a database connection
    :param idents: UUIDs and names of nodes
    :param tenant: project to which foreign nodes do not exist, or None
    :returns: list of UUIDs in the order given, without repeats
    :raises: UnknownCandidates, NodeAmbiguous
    """
    if not idents:
        return []
    # A name is no UUID.
    uuids = [ident for ident in idents if uuidutils.is_uuid_like(ident)]
    names = [ident for ident in idents if not uuidutils.is_uuid_like(ident)]
    query = sa.select(_node.c.uuid, _node.c.name).where(sa.or_(*(
        types.is_among(connection, column, group) for column, group in (
            (_node.c.uuid, uuids), (_node.c.name, names)) if group)))
    if tenant is not None:
        query = query.where(owned_or_leased(tenant))
    known = {}
    wanted = set(idents)
    for row in connection.execute(query):
        known[row.uuid] = row.uuid
        # Each backend has names of its own.
        if known.setdefault(row.name, row.uuid) != row.uuid and (
                row.name in wanted):
            raise exception.NodeAmbiguous(node=row.name)
    unknown = [ident for ident in idents if ident not in known]
    if unknown:
        raise exception.UnknownCandidates(nodes=', '.join(unknown))
    return list(dict.fromkeys(known[ident] for ident in idents))


def resolve_excluded(connection, constraints, candidates=(), tenant=None):
    """Find the UUIDs of the nodes that constraints exclude.

    :param connection: a database connection
    :param constraints: dict, see allocator.common.constraints.FIELDS
    :param candidates: UUIDs of the candidate nodes, if there are any
    :param tenant: project to which foreign nodes do not exist, or None
    :returns: the constraints, with UUIDs
    :raises: UnknownExcluded, NodeAmbiguous, AllExcluded
    """
    if 'excluded_nodes' not in constraints:
        return constraints
    try:
        excluded = resolve(connection, constraints['excluded_nodes'], tenant)
    except exception.UnknownCandidates as exc:
        raise exception.UnknownExcluded(nodes=exc.nodes) from None
    if candidates and set(candidates) <= set(excluded):
        raise exception.AllExcluded()
    return constraints | {'excluded_nodes': excluded}


@session.retried
def count_by_shard():
    """Count the nodes of each shard.

    :returns: list of (shard or None, number), sorted by name
    """
    with session.reader() as connection:
        rows = connection.execute(
            sa.select(_node.c.shard, sa.func.count())
            .group_by(_node.c.shard)).all()
    return sorted(map(tuple, rows), key=lambda row: row[0] or '')


@session.retried
def list_drivers():
    """List the drivers that nodes have, sorted."""
    with session.reader() as connection:
        return sorted(connection.execute(
            sa.select(_node.c.driver).distinct().where(
                _node.c.driver.is_not(None))).scalars())
