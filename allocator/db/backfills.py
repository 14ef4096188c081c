# SPDX-License-Identifier: Apache-2.0
"""The backfill: an allocation for a node that is deployed already."""

from oslo_db import exception as db_exc
from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.common import exception
from allocator.common import states
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import models
from allocator.db import session
from allocator.db import traits as db_traits
from allocator.db import types

_node = models.Node.__table__


def backfill(node_uuid, values, tenant=None):
    """Create an active allocation for a deployed node.

    All happens in one transaction: a refused backfill leaves nothing behind.

    :param node_uuid: UUID of the node
    :param values: dict of the allocation's columns, as the client sent them;
        its uuid is None unless the client chose one
    :param tenant: project to which foreign nodes do not exist, or None
    :returns: UUID of the new allocation
    :raises: UnknownNode, BackfillMismatch, NodeAssociated, NodeAllocated,
        AllocationDuplicateName, AllocationAlreadyExists, InstanceUUIDTaken
    """
    return _backfill(node_uuid, values, tenant, session.Attempts())


@session.retried
def _backfill(node_uuid, values, tenant, attempts):
    """Backfill a node.

    :param attempts: session.Attempts, of the UUIDs that they used
    """
    with session.writer() as connection:
        node = connection.execute(
            sa.select(_node).where(_node.c.uuid == node_uuid)
            .with_for_update()).first()
        if node is None or (
                tenant is not None
                and tenant not in (node.owner, node.lessee)):
            raise exception.UnknownNode(node=node_uuid)
        if node.allocation_id is not None and (
                node.instance_uuid == attempts.last):
            return node.instance_uuid
        _check_free(node, values['uuid'])
        _check_matches(connection, node, values)
        values = values | {
            'uuid': values['uuid'] or node.instance_uuid
            or allocations.new_uuid(),
            'resource_class': node.resource_class,
            'state': states.ALLOCATED,
            'node_id': node.id,
        }
        allocations.refuse_instance(connection, values['uuid'], node.id)
        id_ = allocations.insert(connection, values)
        _associate(connection, node, id_, values)
        attempts.note(values['uuid'])
        return values['uuid']


@session.retried
def want(node_uuid, values, tenant=None, request_id=None):
    """Have the backend of a node make an allocation for it.

    The allocation is here when the backend has confirmed it.

    :param node_uuid: UUID of the node
    :param values: dict of the allocation's columns, as for backfill()
    :param tenant: project that must own or lease the node, or None
    :param request_id: global request id of whom it is for
    :returns: UUID of the allocation
    :raises: UnknownNode, BackfillMismatch, NodeAssociated, NodeAllocated,
        AllocationDuplicateName, AllocationAlreadyExists, InstanceUUIDTaken,
        BackendRemoved
    """
    with session.writer() as connection:
        node = connection.execute(
            sa.select(_node).where(_node.c.uuid == node_uuid)
            .with_for_update()).first()
        if node is None or (tenant is not None and tenant not in (
                node.owner, node.lessee)):
            raise exception.UnknownNode(node=node_uuid)
        backends.check_configured(node)
        _check_free(node, values['uuid'])
        _check_matches(connection, node, values)
        uuid = (values['uuid'] or node.instance_uuid
                or allocations.new_uuid())
        allocations.refuse_instance(connection, uuid, node.id)
        allocations.refuse_existing(connection, uuid, values['name'])
        backend_writes.want(
            connection, backend_writes.BACKFILL, node,
            {'id': None, 'uuid': uuid}, {
                'claim': {'traits': values['traits'],
                          'owner': values['owner']},
                'allocation': values | {
                    'uuid': uuid, 'resource_class': node.resource_class,
                    'created_at': timeutils.utcnow().isoformat()}},
            request_id)
        return uuid


def _associate(connection, node, allocation_id, values):
    info = node.instance_info | {'traits': values['traits']}
    try:
        connection.execute(
            sa.update(_node).where(_node.c.id == node.id).values(
                allocation_id=allocation_id, instance_uuid=values['uuid'],
                instance_info=info, updated_at=types.utcnow()))
    except db_exc.DBDuplicateEntry:
        # Another node got it since insert() looked.
        raise exception.InstanceUUIDTaken(uuid=values['uuid']) from None


def _check_free(node, uuid):
    if node.allocation_id is not None:
        raise exception.NodeAllocated(node=node.uuid,
                                      allocation=node.instance_uuid)
    if node.instance_uuid and uuid and node.instance_uuid != uuid:
        raise exception.NodeAssociated(node=node.uuid,
                                       instance=node.instance_uuid)
    if node.provision_state != states.ACTIVE:
        raise exception.Conflict(reason=(
            'Cannot backfill an allocation for node %s: it is in provision '
            'state "%s", not "active".' % (node.uuid, node.provision_state)))


def _check_matches(connection, node, values):
    """Refuse parameters that do not describe the node.

    :raises: BackfillMismatch
    """
    def refuse(reason, *parts):
        raise exception.BackfillMismatch(node=node.uuid,
                                         reason=reason % parts)

    wanted = values['resource_class']
    if node.resource_class is None:
        refuse('it has no resource class')
    if wanted is not None and wanted != node.resource_class:
        refuse('its resource class is %s, not %s', node.resource_class,
               wanted)
    missing = set(values['traits']).difference(
        db_traits.of_set(connection, node.trait_set_id))
    if missing:
        refuse('it lacks the traits %s', ', '.join(sorted(missing)))
    candidates = values['candidate_nodes']
    if candidates and node.uuid not in candidates:
        refuse('it is not among the candidate nodes')
    owner = values['owner']
    if owner is not None:
        if owner not in (node.owner, node.lessee):
            refuse('its owner or lessee is not %s', owner)
    elif (CONF.conductor.ownerless_allocations == 'unowned'
          and (node.owner or node.lessee)):
        refuse('it has an owner or lessee, so the allocation needs that owner')
