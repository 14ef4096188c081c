# SPDX-License-Identifier: Apache-2.0
"""/v1/nodes"""

import functools

from oslo_utils import uuidutils
import pecan
from wsme.types import Unset

from allocator.api import listing
from allocator.api import patch
from allocator.api import redirects
from allocator.api import request
from allocator.api import routing
from allocator.api import waking
from allocator.api.controllers.v1 import allocation
from allocator.api.controllers.v1.nodes import access
from allocator.api.controllers.v1.nodes import attachments
from allocator.api.controllers.v1.nodes import field_policies
from allocator.api.controllers.v1.nodes import lists
from allocator.api.controllers.v1.nodes import maintenance
from allocator.api.controllers.v1.nodes import release
from allocator.api.controllers.v1.nodes import states as node_states
from allocator.api.controllers.v1.nodes import traits
from allocator.api.controllers.v1.nodes import update
from allocator.api.controllers.v1.nodes import validation
from allocator.api.types import node as types
from allocator.api.versions import baremetal
from allocator.api.views import node as view
from allocator.common import exception
from allocator.common import policy
from allocator.common import states
from allocator.common.i18n import _
from allocator.conf import CONF
from allocator.db import backends
from allocator.db import conductors
from allocator.db import node_changes
from allocator.db import nodes


def show(uuid, chosen=None, seen=None):
    """Show a node as this request's version has it.

    :param uuid: UUID of the node
    :param chosen: the fields that the client asked for, None for all
    :param seen: row of the node that is meant; another one may have the UUID
        by now
    :returns: dict
    :raises: NodeNotFound
    """
    names = view.visible_fields(request.version(), chosen)
    found = nodes.show(uuid, access.columns(names))
    if seen is not None and found['id'] != seen.id:
        raise exception.NodeNotFound(node=uuid)
    access.redact([found], names)
    if 'conductor' in names:
        found['conductor'] = conductors.first_alive()
    return view.serialize(found, names)


def read(ident):
    """Answer a request for a node.

    :param ident: UUID or name, as in the URL
    :returns: dict
    :raises: NodeNotFound, Invalid, NotAcceptable
    """
    row = access.find(ident)
    query = request.query()
    listing.refuse_unknown(query, ('fields',))
    request.refuse_newer('filters', 'node', query)
    return show(row.uuid, listing.fields(query, 'node', view.FIELDS),
                seen=row)


class NodesController(routing.Resource):
    """/v1/nodes"""

    resource = 'node'

    def child(self, segment):
        if segment == 'detail':
            return NodesDetailController()
        if segment == 'validate':
            return validation.ValidateController(None)
        return NodeController(segment)

    @routing.expose()
    def get(self):
        return lists.answer(request.query(), 'nodes', False)

    @routing.expose(status=201)
    def post(self):
        if CONF.api.enrol_at:
            raise redirects.to(CONF.api.enrol_at)
        tenant = _tenant()
        request.no_query()
        body = request.body(types.NodeCreate, 'node')
        values = update.columns_of(body)
        if tenant is not None:
            if values['owner'] not in (None, tenant):
                raise exception.Forbidden(resource=_(
                    'a node of another owner'))
            values['owner'] = tenant
        for rule in field_policies.of_creation(_given(body)):
            access.authorize_new(rule, values['owner'])
        uuid = nodes.create(values | {
            'uuid': body.uuid or uuidutils.generate_uuid(),
            'provision_state': (states.ENROLL
                                if request.version() >= baremetal.ENROLL
                                else states.AVAILABLE)})
        waking.tell(pecan.request.context, uuid)
        found = show(uuid)
        pecan.response.headers['Location'] = found['links'][0]['href']
        return found


def _given(body):
    """List the attributes that a body gives a value."""
    return [name for name in update.PATCHABLE
            if getattr(body, name) not in (Unset, None)]


def _tenant():
    """Tell for which project a client may create nodes.

    :returns: None for any owner, or the id of the client's own project
    :raises: Forbidden
    """
    context = pecan.request.context
    if policy.is_allowed('baremetal:node:create', context):
        return None
    policy.authorize('baremetal:node:create:self_owned_node', context)
    if context.project_id is None:
        raise exception.Forbidden(resource='baremetal:node:create')
    return context.project_id


class NodesDetailController(routing.Resource):
    """/v1/nodes/detail"""

    resource = 'node'

    @routing.expose()
    def get(self):
        return lists.answer(request.query(), 'nodes/detail', True)


class NodeController(routing.Resource):
    """/v1/nodes/{node}

    :param ident: UUID or name
    """

    resource = 'node'

    _CHILDREN = {
        'allocation': allocation.NodeAllocationController,
        'firmware': attachments.FirmwareController,
        'maintenance': maintenance.MaintenanceController,
        'states': node_states.StatesController,
        'traits': traits.TraitsController,
        'validate': validation.ValidateController,
        'vifs': attachments.VifsController,
        'vmedia': attachments.VirtualMediaController,
    }

    def __init__(self, ident):
        self._ident = ident

    def child(self, segment):
        found = self._CHILDREN.get(segment)
        return found(self._ident) if found else None

    def _route(self, args, request):
        # The allocation of a node is kept here, all else by its backend.
        if backends.exist() and args[:1] != ['allocation']:
            self._send_away()
        return super()._route(args, request)

    def _send_away(self):
        try:
            redirects.send_away(access.find(self._ident))
        except exception.NodeNotFound:
            # In the words of whoever answers here.
            return

    @routing.expose()
    def get(self):
        return read(self._ident)

    @routing.expose()
    def patch(self):
        row = access.find(self._ident)
        query = request.query()
        listing.refuse_unknown(query, ('reset_interfaces',))
        request.refuse_newer('filters', 'node_patch', query)
        operations = patch.read(update.PATCHABLE, update.ELSEWHERE)
        names = patch.roots(operations)
        request.refuse_newer('inputs', 'node', names)
        if patch.removes(operations, 'chassis_uuid'):
            request.refuse_newer('inputs', 'node_patch',
                                 ['remove /chassis_uuid'])
        _authorize_patch(names, row)
        reset = ('reset_interfaces' in query
                 and listing.boolean(query, 'reset_interfaces'))
        if reset and 'driver' not in names:
            raise exception.Invalid(reason=_(
                'The reset_interfaces parameter can only be used when the '
                'driver is changed.'))

        def deed(row):
            needed = field_policies.of_patch(names, row.provision_state)

            def decide(node):
                if needed != field_policies.of_patch(names,
                                                     node.provision_state):
                    raise exception.RightsOutdated(node=node.uuid)
                return update.change_of(node, operations, reset)

            with release.notifying(row):
                node_changes.change(row.uuid, decide, row)
            return row

        row = access.carry_out(
            functools.partial(_authorize_patch, names), row, deed)
        return show(row.uuid, seen=row)

    @routing.expose(status=204)
    def delete(self):
        row = access.find(self._ident)
        _authorize_delete(row)
        request.no_query()

        def deed(row):
            with release.notifying(row):
                node_changes.delete(row.uuid, row)

        access.carry_out(_authorize_delete, row, deed)


def _authorize_patch(names, row):
    """Refuse a patch of some fields.

    :raises: Forbidden
    """
    for rule in field_policies.of_patch(names, row.provision_state):
        access.authorize(rule, row)


def _authorize_delete(row):
    if not access.is_allowed('delete', row):
        access.authorize('delete:self_owned_node', row)
