# SPDX-License-Identifier: Apache-2.0
"""What a backend says of a node, as it is kept here."""

import dataclasses
import datetime
import functools
import json
import math
import re

from oslo_utils import timeutils

from allocator.db import models

_node = models.Node.__table__

# Columns that are what the backend says, by the names that both have.
_SAME = ('name', 'resource_class', 'provision_state',
         'target_provision_state', 'power_state', 'target_power_state',
         'maintenance_reason', 'owner', 'lessee', 'shard', 'driver',
         'description', 'retired_reason', 'protected_reason',
         'instance_name')
_FLAGS = ('maintenance', 'retired', 'protected')
_DOCUMENTS = ('properties', 'extra')

# What no database can store in a text column.
_UNSTORABLE = dict.fromkeys((0, *range(0xd800, 0xe000)))

# How that looks in JSON text, and what is beyond the BMP and harmless.
_SUSPECT = re.compile(r'\\u(0000|d[89a-f])')


class Unreadable(Exception):
    """What a backend has said of a node makes no sense.

    :ivar uuid: its UUID, or None
    """

    def __init__(self, uuid, reason):
        super().__init__(reason)
        self.uuid = uuid


@dataclasses.dataclass(frozen=True)
class Facts:
    """A node of a backend.

    :ivar uuid: its UUID
    :ivar columns: dict of column values
    :ivar traits: sorted tuple of its traits
    :ivar instance_uuid: UUID of its instance, or None
    :ivar allocation_uuid: UUID of its allocation there, or None
    :ivar updated_at: when it changed, by the clock there, or None
    """

    uuid: str
    columns: dict
    traits: tuple
    instance_uuid: str | None
    allocation_uuid: str | None
    updated_at: datetime.datetime | None

    @functools.cached_property
    def digest(self):
        """What tells these facts from others, in one number."""
        return hash(json.dumps(
            [self.columns, self.traits, self.instance_uuid,
             self.allocation_uuid, self.updated_at], sort_keys=True,
            default=str))


def of_node(node):
    """Read a node of the Bare Metal API.

    :param node: dict (Bare Metal API reference, "Show Node Details")
    :returns: Facts
    :raises: Unreadable
    """
    try:
        return _of_node(node)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise Unreadable(uuid_of(node), '%s: %s' % (
            type(exc).__name__, exc)) from exc


def uuid_of(node):
    """Read the UUID of what may be a node of the Bare Metal API.

    :param node: whatever stands in a list of nodes
    :returns: text, or None if it has none
    """
    uuid = node.get('uuid') if isinstance(node, dict) else None
    return uuid if isinstance(uuid, str) else None


def _of_node(node):
    if uuid_of(node) is None:
        raise ValueError('it has no UUID')
    columns = {name: text(_node.c[name], node.get(name)) for name in _SAME}
    columns |= {name: bool(node.get(name)) for name in _FLAGS}
    columns |= {name: document(node.get(name)) for name in _DOCUMENTS}
    columns['conductor_group'] = text(
        _node.c.conductor_group, node.get('conductor_group')) or ''
    columns['provision_state'] = columns['provision_state'] or 'available'
    columns['provision_updated_at'] = moment(node.get('provision_updated_at'))
    return Facts(node['uuid'], columns,
                 tuple(sorted(node.get('traits') or ())),
                 node.get('instance_uuid'), node.get('allocation_uuid'),
                 moment(node.get('updated_at')))


def moment(text):
    """Read a time of the Bare Metal API (ISO 8601).

    :returns: naive datetime in UTC, or None
    """
    if not text:
        return None
    return timeutils.normalize_time(timeutils.parse_isotime(text))


def text(column, value):
    """Make a value fit a column of text.

    :param column: the column
    :param value: what a backend has said
    :returns: text, or None
    """
    if value is None:
        return None
    length = getattr(column.type, 'length', None)
    return str(value).translate(_UNSTORABLE)[:length]


def document(value):
    """Make a JSON document of what a backend has said.

    Its JSON may have been read from NaN or Infinity, which no JSON has, and
    its strings may hold what is no character.

    :returns: dict that any JSON can hold
    """
    if not value or not isinstance(value, dict):
        return {}
    try:
        if not _SUSPECT.search(json.dumps(value, allow_nan=False)):
            return value
    except ValueError:
        # It holds one of those numbers.
        pass
    return _cleaned(value)


def _cleaned(value):
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, str):
        return value.translate(_UNSTORABLE)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
