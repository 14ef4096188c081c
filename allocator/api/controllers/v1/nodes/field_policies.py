# SPDX-License-Identifier: Apache-2.0
"""Which policies the fields of a node need, at its creation and later."""

from allocator.api.views import node as view
from allocator.common import states

# Policies beyond "update", by the field that a body names.
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

# What the policies of the creation itself decide: no node is without a
# driver, and who may create one is told for which owner.
_CREATION = ('driver', 'owner')


def of_creation(names):
    """List the policies that a new node with some fields needs.

    :param names: the fields that the client gave a value
    :returns: sorted list of names without "baremetal:node:"
    """
    return _named(name for name in names if name not in _CREATION)


def of_patch(names, provision_state):
    """List the policies that a patch of some fields needs.

    :param names: the fields that it touches
    :param provision_state: state of the node before
    :returns: sorted list of names without "baremetal:node:"
    """
    found = _named(names) or ['update']
    if 'owner' in names and provision_state == states.ACTIVE:
        found.append('update_owner_provisioned')
    return sorted(found)


def _named(names):
    return sorted({_RULES.get(name, 'update') for name in names})
