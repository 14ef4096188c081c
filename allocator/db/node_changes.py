# SPDX-License-Identifier: Apache-2.0
"""Changes of a node: each one short transaction under the node's row lock.

What makes a node suitable or takes it away is decided under the same lock
that the claim takes, so it works at any moment. The allocation of a node is
locked before the node, as everywhere (see ``allocator.db.releases``).
"""

import dataclasses

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.common import exception
from allocator.common import provisioning
from allocator.common import states
from allocator.db import chassis
from allocator.db import models
from allocator.db import nodes
from allocator.db import profiles
from allocator.db import releases
from allocator.db import session
from allocator.db import traits
from allocator.db import types

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# How often a change is begun anew because the node got or lost its
# allocation, or another set of traits, before it was locked.
ATTEMPTS = 20


# What a client's rights to a node stand on.
_GROUNDS = ('id', 'owner', 'lessee')


class _Moved(Exception):
    """The node is not any more what was read before it was locked."""


class _NewProfile(Exception):
    """The node is to have a profile that has to be made first.

    :ivar profile: profiles.Wanted
    """

    def __init__(self, profile):
        super().__init__(profile)
        self.profile = profile


@dataclasses.dataclass(frozen=True)
class Change:
    """What is to become of a node.

    :ivar values: dict of new column values; chassis_uuid stands for the id,
        traits, a list, for the profile
    :ivar frees: whether instance and allocation leave the node
    """

    values: dict
    frees: bool = False


def _persist(function, uuid, *args):
    """Repeat a transaction until nothing came in between."""
    for _attempt in range(ATTEMPTS):
        try:
            return function(uuid, *args)
        except _Moved:
            continue
        except _NewProfile as exc:
            # In a transaction of its own: nodes share profiles.
            profiles.intern(exc.profile)
    raise exception.NodeChanging(node=uuid)


def _lock(connection, uuid):
    """Lock a node, and before it its allocation.

    :returns: row of the node
    :raises: NodeNotFound, _Moved
    """
    allocation_id = connection.execute(
        sa.select(_node.c.allocation_id).where(_node.c.uuid == uuid)).scalar()
    if allocation_id is not None:
        connection.execute(
            sa.select(_allocation.c.id).where(
                _allocation.c.id == allocation_id).with_for_update())
    node = connection.execute(
        sa.select(_node).where(_node.c.uuid == uuid)
        .with_for_update()).first()
    if node is None:
        raise exception.NodeNotFound(node=uuid)
    if node.allocation_id != allocation_id:
        raise _Moved()
    return node


def _check_seen(node, seen):
    """Refuse to act by rights that were found on what is there no more.

    :param node: mapping of the node as it is now
    :param seen: row of the node by which the client was found to have the
        right; None for whoever needs none
    :raises: RightsOutdated
    """
    if seen is None:
        return
    if any(node[name] != seen._mapping[name] for name in _GROUNDS):
        raise exception.RightsOutdated(node=seen.uuid)


def change(uuid, decide, seen=None):
    """Change a node.

    :param uuid: UUID of the node
    :param decide: function that takes the row and returns a Change; it runs
        under the row's lock and may refuse by an exception
    :param seen: row of the node by which the client was found to have the
        right; None for whoever needs none
    :raises: NodeNotFound, NodeDuplicateName, InstanceAssociated,
        UnknownChassis, NodeChanging, RightsOutdated
    """
    _persist(_change, uuid, decide, seen, session.Attempts())


@session.retried
def _change(uuid, decide, seen, attempts):
    """Change a node.

    :param attempts: session.Attempts; if the row has what the one before
        wrote, the change must not be applied to it once more
    """
    values, chassis_uuid = {}, None
    try:
        with session.writer() as connection:
            node = _lock(connection, uuid)
            if attempts.last and _has(node, attempts.last):
                return
            _check_seen(node._mapping, seen)
            decided = decide(node)
            values = dict(decided.values)
            if 'chassis_uuid' in values:
                chassis_uuid = values.pop('chassis_uuid')
                values['chassis_id'] = chassis.resolve(connection,
                                                       chassis_uuid)
            _profile(connection, node, values)
            if decided.frees:
                values |= {'instance_uuid': None, 'allocation_id': None}
                _free(connection, node, values)
            elif values:
                _update(connection, node, values)
            attempts.note(values)
    except db_exc.DBDuplicateEntry as exc:
        raise nodes.duplicate(exc, uuid, values) from None
    except db_exc.DBReferenceError:
        raise exception.UnknownChassis(chassis=chassis_uuid) from None


def _profile(connection, node, values):
    """Complete values by the profile that goes with them.

    :param values: dict of column values, among which may be traits, a list
    :raises: _NewProfile
    """
    if 'traits' not in values and 'properties' not in values:
        return
    names = values.pop('traits', None)
    if names is None:
        names = traits.of_set(connection, node.trait_set_id)
    wanted = profiles.wanted(names,
                             values.get('properties', node.properties))
    columns = profiles.columns(connection, wanted)
    if columns is None:
        raise _NewProfile(wanted)
    values.update(columns)


def _has(node, values):
    """Tell whether a row holds values, those of the database's clock aside."""
    return all(node._mapping[name] == value for name, value in values.items()
               if not isinstance(value, sa.ColumnElement))


def _update(connection, node, values):
    connection.execute(
        sa.update(_node).where(_node.c.id == node.id).values(
            updated_at=types.utcnow(), **values))


def _free(connection, node, values):
    values = {name: value for name, value in values.items()
              if name not in ('instance_uuid', 'allocation_id')}
    releases.free_node(connection, node, **values)
    if node.allocation_id is not None:
        releases.remove(connection, node.allocation_id)


def set_provision_state(uuid, verb, seen=None):
    """Bring a node into the state that a verb leads to.

    :param uuid: UUID of the node
    :param verb: one of provisioning.VERBS
    :param seen: see change()
    :raises: NodeNotFound, InvalidStateRequested, NodeInMaintenance,
        NodeProtected, NodeRetired, NodeChanging, RightsOutdated
    """
    def decide(node):
        values = {'provision_state': provisioning.destination(node, verb),
                  'target_provision_state': None, 'last_error': None,
                  'provision_updated_at': types.utcnow()}
        if verb == 'manage' and node.power_state is None:
            # Nobody else will ever find out.
            values['power_state'] = states.POWER_OFF
        if provisioning.ends_workload(verb):
            return Change(values | {'instance_info': {},
                                    'instance_name': None}, frees=True)
        return Change(values)

    change(uuid, decide, seen)


def delete(uuid, seen=None):
    """Delete a node, and in maintenance its allocation with it.

    :param uuid: UUID of the node
    :param seen: see change()
    :raises: NodeNotFound, NodeProtected, NodeAssociated, Conflict,
        RightsOutdated
    """
    _persist(_delete, uuid, seen, session.Attempts())


@session.retried
def _delete(uuid, seen, attempts):
    """Delete a node.

    :param attempts: session.Attempts, of the id of the node; whether one
        before deleted it
    """
    with session.writer() as connection:
        try:
            node = _lock(connection, uuid)
        except exception.NodeNotFound:
            if attempts.last:
                return
            raise
        if attempts.last not in (None, node.id):
            return  # the node is deleted, and another one has its UUID
        _check_seen(node._mapping, seen)
        _check_deletable(node)
        connection.execute(sa.delete(_node).where(_node.c.id == node.id))
        if node.allocation_id is not None:
            releases.remove(connection, node.allocation_id)
        attempts.note(node.id)


def _check_deletable(node):
    if node.protected:
        raise exception.NodeProtected(node=node.uuid)
    if node.maintenance:
        return
    if node.instance_uuid is not None:
        raise exception.NodeAssociated(node=node.uuid,
                                       instance=node.instance_uuid)
    if node.provision_state not in provisioning.DELETABLE:
        raise exception.NodeNotDeletable(node=node.uuid,
                                         state=node.provision_state)


def change_traits(uuid, edit, seen=None):
    """Give a node another set of traits.

    :param uuid: UUID of the node
    :param edit: function that takes the sorted list of the node's traits
        and returns the new ones
    :param seen: see change()
    :raises: NodeNotFound, NodeChanging, RightsOutdated, and what edit raises
    """
    _persist(_change_traits, uuid, edit, seen)


def _change_traits(uuid, edit, seen):
    before = nodes.show(uuid, ['traits'])
    _check_seen(before, seen)
    wanted = sorted(set(edit(before['traits'])))

    def decide(node):
        if node.trait_set_id != before['trait_set_id']:
            raise _Moved()
        if wanted == before['traits']:
            return Change({})
        return Change({'traits': wanted})

    _change(uuid, decide, seen, session.Attempts())
