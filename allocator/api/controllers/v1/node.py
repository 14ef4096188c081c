# SPDX-License-Identifier: Apache-2.0
"""/v1/nodes"""

from oslo_utils import uuidutils
import pecan

from allocator.api import listing
from allocator.api import patch
from allocator.api import request
from allocator.api import routing
from allocator.api import versions
from allocator.api.controllers.v1 import allocation
from allocator.api.controllers.v1 import node_access
from allocator.api.controllers.v1 import node_attachments
from allocator.api.controllers.v1 import node_listing
from allocator.api.controllers.v1 import node_maintenance
from allocator.api.controllers.v1 import node_release
from allocator.api.controllers.v1 import node_states
from allocator.api.controllers.v1 import node_traits
from allocator.api.controllers.v1 import node_update
from allocator.api.controllers.v1 import node_validation
from allocator.api.types import node as types
from allocator.api.views import node as view
from allocator.common import exception
from allocator.common import policy
from allocator.common import states
from allocator.common.i18n import _
from allocator.db import conductors
from allocator.db import node_changes
from allocator.db import nodes

# Policies beyond "update", by the attribute that a patch touches.
_RULES = {
    'chassis_uuid': 'update:chassis_uuid',
    'conductor_group': 'update:conductor_group',
    'driver_info': 'update:driver_info',
    'extra': 'update_extra',
    'instance_info': 'update_instance_info',
    'instance_uuid': 'update:instance_uuid',
    'lessee': 'update:lessee',
    'maintenance': 'set_maintenance',
    'name': 'update:name',
    'network_data': 'update:network_data',
    'owner': 'update:owner',
    'properties': 'update:properties',
    'retired': 'update:retired',
    'shard': 'update:shard',
    **dict.fromkeys(view.DEFAULT_INTERFACES, 'update:driver_interfaces'),
}


def show(uuid, chosen=None):
    """Show a node as this request's version has it.

    :param uuid: UUID of the node
    :param chosen: the fields that the client asked for, None for all
    :returns: dict
    """
    minor = request.version()
    names = view.shown(minor, chosen)
    found = nodes.show(uuid, node_access.columns(names))
    node_access.redact([found], names)
    if 'conductor' in names:
        found['conductor'] = conductors.first_alive()
    return view.one(found, names, minor)


class NodesController(routing.Resource):
    """/v1/nodes"""

    resource = 'node'

    def child(self, segment):
        if segment == 'detail':
            return NodesDetailController()
        if segment == 'validate':
            return node_validation.ValidateController(None)
        return NodeController(segment)

    @routing.expose()
    def get(self):
        return node_listing.answer(request.query(), 'nodes', False)

    @routing.expose(status=201)
    def post(self):
        tenant = _tenant()
        request.no_query()
        body = request.body(types.NodeCreate, 'node')
        values = node_update.columns_of(body)
        if tenant is not None:
            if values['owner'] not in (None, tenant):
                raise exception.Forbidden(resource=_(
                    'a node of another owner'))
            values['owner'] = tenant
        uuid = nodes.create(values | {
            'uuid': body.uuid or uuidutils.generate_uuid(),
            'provision_state': (states.ENROLL
                                if request.version() >= versions.ENROLL
                                else states.AVAILABLE)})
        found = show(uuid)
        pecan.response.headers['Location'] = found['links'][0]['href']
        return found


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
        return node_listing.answer(request.query(), 'nodes/detail', True)


class NodeController(routing.Resource):
    """/v1/nodes/{node}

    :param ident: UUID or name
    """

    resource = 'node'

    _CHILDREN = {
        'allocation': allocation.NodeAllocationController,
        'firmware': node_attachments.FirmwareController,
        'maintenance': node_maintenance.MaintenanceController,
        'states': node_states.StatesController,
        'traits': node_traits.TraitsController,
        'validate': node_validation.ValidateController,
        'vifs': node_attachments.VifsController,
        'vmedia': node_attachments.VirtualMediaController,
    }

    def __init__(self, ident):
        self._ident = ident

    def child(self, segment):
        found = self._CHILDREN.get(segment)
        return found(self._ident) if found else None

    @routing.expose()
    def get(self):
        row = node_access.find(self._ident)
        query = request.query()
        listing.refuse_unknown(query, ('fields',))
        request.refuse_newer('filters', 'node', query)
        return show(row.uuid, listing.fields(query, 'node', view.FIELDS))

    @routing.expose()
    def patch(self):
        row = node_access.find(self._ident)
        query = request.query()
        listing.refuse_unknown(query, ('reset_interfaces',))
        request.refuse_newer('filters', 'node_patch', query)
        operations = patch.read(node_update.PATCHABLE, node_update.ELSEWHERE)
        names = patch.roots(operations)
        request.refuse_newer('inputs', 'node', names)
        if patch.removes(operations, 'chassis_uuid'):
            request.refuse_newer('inputs', 'node_patch',
                                 ['remove /chassis_uuid'])
        for rule in _rules(row, names):
            node_access.authorize(rule, row)
        reset = ('reset_interfaces' in query
                 and node_listing.boolean(query, 'reset_interfaces'))
        if reset and 'driver' not in names:
            raise exception.Invalid(reason=_(
                'The reset_interfaces parameter can only be used when the '
                'driver is changed.'))
        with node_release.told(row):
            node_changes.change(row.uuid, lambda node: node_update.change_of(
                node, operations, reset))
        return show(row.uuid)

    @routing.expose(status=204)
    def delete(self):
        row = node_access.find(self._ident)
        if not node_access.is_allowed('delete', row):
            node_access.authorize('delete:self_owned_node', row)
        request.no_query()
        with node_release.told(row):
            node_changes.delete(row.uuid)


def _rules(row, names):
    """List the policies that a patch of some attributes needs."""
    found = {_RULES.get(name, 'update') for name in names} or {'update'}
    if 'owner' in names and row.provision_state == states.ACTIVE:
        found.add('update_owner_provisioned')
    return sorted(found)
