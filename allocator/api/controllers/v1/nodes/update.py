# SPDX-License-Identifier: Apache-2.0
"""What the bodies of POST and PATCH make of a node."""

from typing import Any

from wsme.types import Unset

from allocator.api import patch
from allocator.api import request
from allocator.api import versions
from allocator.api.types import node as types
from allocator.api.versions import baremetal
from allocator.api.views import node as view
from allocator.common import exception
from allocator.common import provisioning
from allocator.common import states
from allocator.common.i18n import _
from allocator.db import node_changes
from allocator.db import releases

# What an attribute is when it is not set. An interface that is not set has
# its default name in answers.
_DEFAULTS: dict[str, Any] = {
    'automated_clean': None,
    'chassis_uuid': None,
    'conductor_group': '',
    'description': None,
    'disable_power_off': False,
    'driver': None,
    'driver_info': {},
    'extra': {},
    'instance_info': {},
    'instance_name': None,
    'instance_uuid': None,
    'lessee': None,
    'maintenance': False,
    'name': None,
    'network_data': {},
    'owner': None,
    'properties': {},
    'protected': False,
    'protected_reason': None,
    'resource_class': None,
    'retired': False,
    'retired_reason': None,
    'shard': None,
    **dict.fromkeys(view.DEFAULT_INTERFACES),
}

PATCHABLE = tuple(_DEFAULTS)

_STATES_URL = _('PUT /v1/nodes/{node}/states/provision')
_POWER_URL = _('PUT /v1/nodes/{node}/states/power')

#: Where to change what a patch does not change.
ELSEWHERE = {
    'allocation_uuid': _('/v1/allocations, or remove instance_uuid'),
    'provision_state': _STATES_URL,
    'target_provision_state': _STATES_URL,
    'power_state': _POWER_URL,
    'target_power_state': _POWER_URL,
    'maintenance_reason': _('PUT /v1/nodes/{node}/maintenance'),
    'traits': _('/v1/nodes/{node}/traits'),
}

# Flags with a reason, which goes when the flag is cleared.
_REASONS = {'retired': 'retired_reason', 'protected': 'protected_reason'}


def columns_of(body):
    """Turn the body of POST /v1/nodes into column values.

    :param body: types.NodeCreate
    :returns: dict of column values, with chassis_uuid
    :raises: Invalid
    """
    if body.driver in (Unset, None):
        raise exception.Invalid(reason=_(
            'Invalid input for driver: it is needed.'))
    found = _columns(body, PATCHABLE, {})
    for flag, reason in _REASONS.items():
        if found[reason] is not None and not found[flag]:
            _refuse_reason(flag, reason)
    _derive_instance_name({}, found)
    return found


def change_of(node, operations, reset_interfaces=False):
    """Turn a patch into a change of a node.

    :param node: row of the node, locked
    :param operations: list of operations from patch.read()
    :param reset_interfaces: whether interfaces that the patch does not name
        get their defaults
    :returns: node_changes.Change
    :raises: Invalid, PatchError, Conflict
    """
    names = patch.roots(operations)
    if not names:
        return node_changes.Change({})
    after = patch.apply(_document(node), operations)
    body = request.typed(types.NodePatch, {
        name: after[name] for name in names if name in after})
    values = _columns(body, names,
                      {} if reset_interfaces else node.interfaces)
    if 'driver' in values and values['driver'] is None:
        raise exception.Invalid(reason=_('driver cannot be removed.'))
    _apply_rules(node, values)
    return _with_instance(node, values)


def _document(node):
    """Show a node to a patch, nothing masked or left out."""
    document = {name: node._mapping.get(name) for name in _DEFAULTS}
    return document | {name: node.interfaces.get(name)
                       for name in view.DEFAULT_INTERFACES}


def _columns(body, names, interfaces):
    """Read attributes of a body.

    :param names: the attributes to read
    :param interfaces: dict of the interfaces that were set before
    :returns: dict of column values, with chassis_uuid
    """
    found = {}
    interfaces = dict(interfaces)
    for name in names:
        value = getattr(body, name)
        if value in (Unset, None):
            value = _DEFAULTS[name]
        if name in view.DEFAULT_INTERFACES:
            interfaces[name] = value
        else:
            found[name] = value
    if found.get('name') is not None:
        _check_name(found['name'])
    return found | {'interfaces': {
        name: value for name, value in interfaces.items() if value}}


def _check_name(name):
    if request.version() >= baremetal.FREE_NODE_NAMES:
        return
    if not types.is_host_name(name):
        raise exception.Invalid(reason=_(
            '"%(name)s" is not a valid name: before version %(version)s it '
            'must be a host name.') % {
                'name': name,
                'version': versions.string(baremetal.FREE_NODE_NAMES)})


def _apply_rules(node, values):
    """Check values against the node, and add what follows from them.

    :raises: Invalid, Conflict
    """
    _check_fixed(node, values)
    if values.get('retired') and not node.retired:
        if node.provision_state == states.AVAILABLE:
            raise exception.Conflict(reason=_(
                'Node %s is available and cannot be retired. Bring it to '
                'provision state "manageable" first.') % node.uuid)
    if values.get('protected') and not node.protected:
        if node.provision_state not in provisioning.WITH_WORKLOAD:
            raise exception.Conflict(reason=_(
                'Node %(node)s cannot be protected in provision state '
                '"%(state)s".') % {'node': node.uuid,
                                   'state': node.provision_state})
    for flag, reason in _REASONS.items():
        if not values.get(flag, node._mapping[flag]):
            if values.get(reason) is not None:
                _refuse_reason(flag, reason)
            if flag in values:
                values[reason] = None
    if values.get('maintenance') is False:
        values['maintenance_reason'] = None
    _derive_instance_name(node.instance_info, values, node.instance_name)


def _check_fixed(node, values):
    """Refuse to change what the present state of the node stands on.

    :raises: Conflict
    """
    if values.get('owner', node.owner) != node.owner:
        if node.allocation_id is not None:
            raise exception.NodeOwnerFixed(node=node.uuid)
    before = node.resource_class
    if before is not None and values.get('resource_class', before) != before:
        if node.provision_state in provisioning.WITH_WORKLOAD:
            raise exception.NodeResourceClassFixed(
                node=node.uuid, resource_class=before,
                state=node.provision_state)


def _refuse_reason(flag, reason):
    raise exception.Invalid(reason=_(
        '%(reason)s needs %(flag)s to be true.') % {'reason': reason,
                                                    'flag': flag})


def _derive_instance_name(info, values, name=None):
    """Name the instance by its display_name, unless it has a name.

    :param info: instance_info of the node before
    :param values: dict of column values, completed here
    :param name: name of the instance before
    :raises: Invalid
    """
    display_name = values.get('instance_info', info).get('display_name')
    if display_name == info.get('display_name'):
        return
    if values.get('instance_name', name) is None:
        if isinstance(display_name, str):
            values['instance_name'] = _as_instance_name(display_name)


def _as_instance_name(display_name):
    """Check what is copied from a document as the client's own input is.

    :raises: Invalid
    """
    kind = types.NodePatch.instance_name.datatype
    try:
        return kind.validate(display_name[:types.MAX_TEXT])
    except ValueError as exc:  # in words of the type
        raise exception.Invalid(reason=_(
            'Invalid input for instance_info.display_name: %s.')
            % exc) from None


def _with_instance(node, values):
    """Complete a change by what happens to the instance.

    :raises: NodeAssociated, NodeInUse
    """
    if 'instance_uuid' not in values:
        return node_changes.Change(values)
    if values['instance_uuid'] is not None:
        if node.instance_uuid not in (None, values['instance_uuid']):
            raise exception.NodeAssociated(node=node.uuid,
                                           instance=node.instance_uuid)
        return node_changes.Change(values)
    values.pop('instance_uuid')
    if node.allocation_id is not None:
        releases.check_releasable(node)
    return node_changes.Change(values, frees=node.instance_uuid is not None)
