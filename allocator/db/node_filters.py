# SPDX-License-Identifier: Apache-2.0
"""Filters of lists of nodes: plain values made conditions of a query."""

import sqlalchemy as sa

from allocator.db import chassis
from allocator.db import conductors
from allocator.db import models

_backend = models.Backend.__table__
_node = models.Node.__table__

# Columns that have the value of the filter.
EQUAL = ('chassis_id', 'conductor_group', 'driver', 'instance_name',
          'instance_uuid', 'lessee', 'maintenance', 'owner',
          'provision_state', 'resource_class', 'retired')


def conditions(filters):
    """Turn filters into conditions on the nodes table.

    :param filters: dict of values by filter: a value for each of EQUAL,
        booleans for ``associated`` and ``sharded``, a list of shards for
        ``shard``, texts for ``backend``, ``chassis_uuid``, ``conductor``,
        ``description_contains`` and ``fault``
    :returns: list of SQL conditions
    :raises: ChassisNotFound
    """
    return [_node.c[name] == value if name in EQUAL else _READERS[name](value)
            for name, value in filters.items()]


def of_backend(name):
    """Build the condition that a node is one of a backend.

    :param name: name of the backend
    """
    return _node.c.backend_id == sa.select(_backend.c.id).where(
        _backend.c.name == name).scalar_subquery()


def _associated(value):
    return _is_set(_node.c.instance_uuid, value)


def _sharded(value):
    return _is_set(_node.c.shard, value)


def _is_set(column, value):
    return column.is_not(None) if value else column.is_(None)


def _shard(names):
    # Equality leads into an index in the order of the ids.
    return (_node.c.shard == names[0] if len(names) == 1
            else _node.c.shard.in_(names))


def _chassis(uuid):
    return _node.c.chassis_id == chassis.get_id(uuid)


def _description(text):
    return _node.c.description.icontains(text, autoescape=True)


def _conductor(hostname):
    return (sa.true() if hostname == conductors.first_alive()
            else sa.false())


def _fault(_name):
    # Without hardware no node ever has one.
    return sa.false()


_READERS = {'associated': _associated, 'backend': of_backend,
            'chassis_uuid': _chassis,
            'conductor': _conductor, 'description_contains': _description,
            'fault': _fault, 'shard': _shard, 'sharded': _sharded}
