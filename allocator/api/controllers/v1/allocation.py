# SPDX-License-Identifier: Apache-2.0
"""/v1/allocations and /v1/nodes/{node}/allocation."""

import functools

from oslo_log import log
import pecan
from wsme.types import Unset

from allocator.api import listing
from allocator.api import looked_again
from allocator.api import patch
from allocator.api import request
from allocator.api import routing
from allocator.api import waiting
from allocator.api import waking
from allocator.api import written_through
from allocator.api.controllers.v1.nodes import access as node_access
from allocator.api.types import allocation as types
from allocator.api.types import constraints
from allocator.api.types import values
from allocator.api.views import allocation as view
from allocator.api.views import waiting as waiting_view
from allocator.common import exception
from allocator.common import policy
from allocator.common import states
from allocator.common.i18n import _
from allocator.conductor import rpcapi
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import backfills
from allocator.db import nodes
from allocator.db import releases
from allocator.telemetry import metrics
from allocator.telemetry import notifications

LOG = log.getLogger(__name__)

FILTERS = ('node', 'resource_class', 'state', 'owner', 'backend', 'waiting')
PATCHABLE = ('name', 'extra')
COLUMNS = ('id', 'state', 'resource_class', 'traits', 'candidate_nodes',
           'owner', 'constraints')
SORTABLE = ('uuid', 'name', 'state', 'last_error', 'resource_class', 'owner',
            'created_at', 'updated_at')


def is_allowed(rule, row):
    """Check a policy on an allocation.

    :param rule: last part of the policy's name
    :param row: row of the allocation
    """
    # A rule on an owner never holds where there is none.
    target = {'allocation.owner': row.owner} if row.owner is not None else {}
    return policy.is_allowed('baremetal:allocation:' + rule,
                             pecan.request.context, target)


def authorize(rule, row):
    """Refuse what a client may read, but not do.

    :param rule: last part of the policy's name
    :param row: row of the allocation
    :raises: Forbidden
    """
    if not is_allowed(rule, row):
        raise exception.Forbidden(resource='baremetal:allocation:' + rule)


def show(row, chosen=None):
    """Show a row as this request's version has it."""
    return view.serialize(
        row._mapping, view.visible_fields(request.version(), chosen))


def delete(row):
    """Delete an allocation, which the client may, and free its node.

    :param row: row of the allocation
    """
    context = pecan.request.context
    with notifications.lifecycle(context, 'delete', row._mapping):
        release = looked_again.carry_out(
            releases.delete_allocation, row.uuid, row, context.global_id)
        if release.backend_id is not None:
            _await_release(context, release.backend_id, row.uuid)
    # It may have got a node since its row was read.
    waking.tell(context, release.node_uuid)
    LOG.info('Allocation %s is deleted', row.uuid)


def _await_release(context, backend_id, uuid):
    """Wait for what a backend says of a release.

    Without an answer the release is carried out when it answers.

    :raises: ReleaseRefused
    """
    write = written_through.wait(context, backend_id, uuid)
    if write is not None and write.outcome == backend_writes.KEPT:
        raise exception.ReleaseRefused(reason=write.last_error)


class AllocationsController(routing.Resource):
    """/v1/allocations"""

    resource = 'allocation'

    def child(self, segment):
        return AllocationController(segment)

    @routing.expose()
    def get(self):
        context = pecan.request.context
        policy.authorize('baremetal:allocation:list', context)
        query = request.query()
        listing.refuse_unknown(query, listing.PARAMETERS + FILTERS,
                               'allocation')
        request.refuse_newer('filters', 'allocation', query)
        page = listing.page(query, 'allocation', SORTABLE)
        names = view.visible_fields(
            request.version(),
            listing.fields(query, 'allocation', view.FIELDS))
        found = allocations.get_page(
            _filters(context, query), waiting_view.columns(names, COLUMNS),
            sort_key=page.sort_key,
            descending=page.descending, limit=page.limit,
            marker=page.marker)
        return view.serialize_page(found, names, query, page.limit)

    @routing.expose(status=201)
    def post(self):
        context = pecan.request.context
        tenant = _tenant(context)
        request.no_query()
        body = request.body(types.AllocationCreate, 'allocation')
        if tenant is not None:
            if body.owner not in (Unset, None, tenant):
                raise exception.Forbidden(resource=_(
                    'an allocation of another owner'))
            body.owner = tenant
        if _given(body.node):
            return _backfill(body, tenant)
        if not _given(body.resource_class):
            raise exception.Invalid(reason=_(
                'Invalid input for resource_class: it is needed.'))
        created = _create(context, body, tenant)
        if created['state'] == states.WAITING:
            notifications.send(context, notifications.API, 'waiting', created)
            rpcapi.get_api().serve_class(context, created['resource_class'])
        else:
            rpcapi.get_api().process_allocation(context, created['uuid'])
        return _created(created | {'node_uuid': None, 'last_error': None,
                                   'updated_at': None, 'backend': None})


class AllocationController(routing.Resource):
    """/v1/allocations/{allocation}

    :param ident: UUID or name
    """

    resource = 'allocation'

    def __init__(self, ident):
        self._ident = ident

    @routing.expose()
    def get(self):
        query = request.query()
        listing.refuse_unknown(query, ('fields',))
        names = view.visible_fields(
            request.version(),
            listing.fields(query, 'allocation', view.FIELDS))
        row = self._get(waiting_view.columns(names, COLUMNS))
        return view.serialize(row._mapping, names)

    @routing.expose()
    def patch(self):
        context = pecan.request.context
        row = self._get()
        authorize('update', row)
        request.no_query()
        operations = patch.read([
            *PATCHABLE, *waiting.patchable(request.api(), request.version())])
        waits, others = waiting.sort_out(operations)
        # No policy is checked while the row is locked.
        waits = waiting.changed(context, row, waits)

        def change(current):
            before = {'name': current.name, 'extra': current.extra}
            body = request.typed(types.AllocationPatch,
                                 patch.apply(before, others))
            return {'name': body.name or None, 'extra': body.extra or {},
                    **waits}

        with notifications.lifecycle(context, 'update',
                                     row._mapping) as changed:
            looked_again.carry_out(allocations.update, row.uuid, change, row)
            row = allocations.get_again(row)
            changed.update(row._mapping)
        return show(row)

    @routing.expose(status=204)
    def delete(self):
        row = self._get()
        authorize('delete', row)
        request.no_query()
        delete(row)

    def _get(self, names=None):
        """Read the allocation, which the client may see.

        :param names: as for allocations.get
        """
        row = request.look_up(
            functools.partial(allocations.get, names=names), self._ident)
        if not is_allowed('get', row):
            # In the words for one that does not exist.
            raise exception.AllocationNotFound(allocation=values.ident(
                self._ident))
        return row


class NodeAllocationController(routing.Resource):
    """/v1/nodes/{node}/allocation

    :param ident: UUID or name of the node
    """

    resource = 'node_allocation'

    def __init__(self, ident):
        self._ident = ident

    @routing.expose()
    def get(self):
        query = request.query()
        listing.refuse_unknown(query, ('fields',))
        try:
            row = self._get()
        except exception.NodeNotFound:
            # The Bare Metal API answers 400 to this one.
            raise exception.UnknownNode(node=self._ident) from None
        authorize('get', row)
        return show(row, listing.fields(query, 'allocation', view.FIELDS))

    @routing.expose(status=204)
    def delete(self):
        request.no_query()
        row = self._get()
        authorize('delete', row)
        delete(row)

    def _get(self):
        ident = values.ident(self._ident)
        node = nodes.get(ident)
        row = allocations.get_of_node(node.id)
        if row is not None and is_allowed('get', row):
            return row
        if not node_access.is_allowed('get', node):
            raise exception.NodeNotFound(node=ident)
        raise exception.AllocationNotFound(allocation=_(
            'of node %s') % self._ident)


def _holds(project, node):
    return project is not None and project in (node.owner, node.lessee)


def _given(value):
    return value not in (Unset, None)


def _tenant(context):
    """Tell for which project a client may create allocations.

    :returns: None for any owner, or the id of the client's own project
    :raises: Forbidden
    """
    if policy.is_allowed('baremetal:allocation:create', context):
        return None
    policy.authorize('baremetal:allocation:create_restricted', context)
    if context.project_id is None:
        raise exception.Forbidden(resource='baremetal:allocation:create')
    return context.project_id


def _columns(body):
    return {
        'name': body.name or None,
        'resource_class': body.resource_class or None,
        'traits': body.traits or [],
        'extra': body.extra or {},
        'owner': body.owner or None,
        'constraints': constraints.of(body),
    }


def _create(context, body, tenant):
    """Put an allocation into the queue.

    :returns: dict of its columns
    """
    values_ = _columns(body) | {
        'uuid': body.uuid or allocations.new_uuid(),
        'state': states.ALLOCATING, 'request_id': context.global_id,
        **waiting.columns(context, body)}
    candidates = body.candidate_nodes or []
    with notifications.lifecycle(context, 'create', values_ | {
            'candidate_nodes': candidates}) as changed:
        created = looked_again.carry_out(
            allocations.create, values_, candidates, tenant, not body.uuid)
        changed.update(created)
    LOG.info('Allocation %s is created', created['uuid'])
    return created


def _backfill(body, tenant):
    """Create an allocation for a deployed node."""
    context = pecan.request.context
    waiting.refuse(body)
    node = _node_for(body.node, tenant)
    values_ = _columns(body) | {
        'uuid': body.uuid or None,
        'candidate_nodes': allocations.resolve_candidates(
            body.candidate_nodes or [], tenant),
    }
    with notifications.lifecycle(context, 'create', values_) as changed:
        if node.backend_id:
            row = _backfill_there(context, node, values_, tenant)
        else:
            row = allocations.get(looked_again.carry_out(
                backfills.backfill, node.uuid, values_, tenant))
        changed.update(row._mapping)
    if node.backend_id:
        # Whoever has entered what the backend said has told of it.
        return _created(row._mapping)
    LOG.info('Allocation %(uuid)s is active with node %(node)s, which was '
             'deployed before', {'uuid': row.uuid, 'node': node.uuid})
    metrics.count('allocations_total', result='backfilled')
    notifications.send(context, notifications.API, 'active', row._mapping)
    return _created(row._mapping)


def _backfill_there(context, node, values_, tenant):
    """Have the backend of a node make the allocation.

    :returns: row of the allocation
    :raises: BackendSilent, BackfillMismatch
    """
    uuid = looked_again.carry_out(
        backfills.want, node.uuid, values_, tenant, context.global_id,
        backend_id=node.backend_id)
    write = written_through.wait(context, node.backend_id, uuid)
    if write is None:
        raise exception.BackendSilent(backend=backends.name_of(
            node.backend_id))
    if write.outcome != backend_writes.CONFIRMED:
        raise exception.BackfillMismatch(node=node.uuid,
                                         reason=write.last_error)
    return allocations.get(uuid)


def _node_for(ident, tenant):
    """Find a node that a body or a filter names.

    :raises: UnknownNode, also for a node that is not the tenant's
    """
    try:
        node = nodes.get(values.ident(ident))
    except exception.NodeNotFound:
        raise exception.UnknownNode(node=ident) from None
    if tenant is not None and not _holds(tenant, node):
        raise exception.UnknownNode(node=ident)
    return node


def _created(columns):
    """Answer a POST."""
    found = view.serialize(columns, view.visible_fields(request.version()),
                           why=None)
    pecan.response.headers['Location'] = found['links'][0]['href']
    return found


def _filters(context, query):
    """Turn query parameters into conditions.

    :returns: dict of values by column
    :raises: UnknownNode, NodeNotFound, Forbidden
    """
    found = {name: query[name] for name in (
        'resource_class', 'state', 'owner', 'backend') if name in query}
    if 'waiting' in query:
        found['waiting'] = listing.boolean(query, 'waiting')
    everything = policy.is_allowed('baremetal:allocation:list_all', context)
    if not everything:
        own = context.project_id
        if found.setdefault('owner', own) != own or own is None:
            raise exception.Forbidden(resource=_(
                'allocations of another owner'))
    if 'node' in query:
        node = _node_for(query['node'], None)
        if not node_access.is_allowed('get', node):
            raise exception.NodeNotFound(node=query['node'])
        found['node_id'] = node.id
    return found
