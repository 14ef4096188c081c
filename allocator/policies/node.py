# SPDX-License-Identifier: Apache-2.0
"""Policies of the node API."""

from oslo_policy import policy

from allocator.policies import personas

_NODES = '/nodes'
_NODE = '/nodes/{node_ident}'

# The own API has the same resources, hence the same rules.
_OWN_NODES = '/allocator/v1/nodes'
_OWN_NODE = _OWN_NODES + '/{node_ident}'

_READERS = personas.any_of(
    personas.SYSTEM_READER, personas.SERVICE, personas.OWNER_READER,
    personas.LESSEE_READER)
# Who runs the machine: the owner's members, the lessee's managers.
_OPERATORS = personas.any_of(
    personas.SYSTEM_MEMBER, personas.SERVICE, personas.OWNER_MEMBER,
    personas.LESSEE_ADMIN, personas.LESSEE_MANAGER)
# Who says what the machine is.
_OWNERS = personas.any_of(
    personas.SYSTEM_MEMBER, personas.SERVICE, personas.OWNER_MEMBER)
_OWNING_MANAGERS = personas.any_of(
    personas.SYSTEM_MEMBER, personas.SERVICE, personas.OWNER_ADMIN,
    personas.OWNER_MANAGER)
# What places a machine among others is the site's own business.
_SYSTEM = personas.any_of(personas.SYSTEM_MEMBER, personas.SERVICE)
_ADMINS = personas.any_of(personas.SYSTEM_ADMIN, personas.SERVICE)


def _rule(name, check, description, *operations):
    return policy.DocumentedRuleDefault(
        name='baremetal:node:' + name, check_str=check,
        scope_types=['system', 'project'], description=description,
        operations=[{'method': method, 'path': path}
                    for method, path in operations])


def _patch(name, check, description):
    return _rule(name, check, description, ('PATCH', _NODE))


def _field(name, check, description):
    """Make a rule for fields that a node may also be created with."""
    return _rule(name, check, description, ('PATCH', _NODE),
                 ('POST', _NODES))


def _below(path, *methods):
    return [(method, _NODE + path) for method in methods]


rules = [
    _rule('get', _READERS, 'Read a node', ('GET', _NODE), ('GET', _OWN_NODE)),
    _rule('list', personas.PROJECT_READER,
          'List the nodes that one\'s own project owns or leases',
          ('GET', _NODES), ('GET', _NODES + '/detail'), ('GET', _OWN_NODES)),
    _rule('list_all', personas.any_of(personas.SYSTEM_READER,
                                      personas.SERVICE),
          'List all nodes, those of any owner',
          ('GET', _NODES), ('GET', _NODES + '/detail'), ('GET', _OWN_NODES)),
    _rule('get:filter_threshold',
          personas.any_of(personas.SYSTEM_READER, personas.SERVICE),
          'Read every field of any node, without a check of single fields',
          ('GET', _NODES), ('GET', _NODES + '/detail'), ('GET', _NODE),
          ('GET', _OWN_NODES), ('GET', _OWN_NODE)),
    _rule('get:driver_info',
          personas.any_of(personas.SYSTEM_READER, personas.SERVICE,
                          personas.OWNER_READER),
          'Read the driver_info field of a node, which holds the address of '
          'its management controller',
          ('GET', _NODES), ('GET', _NODES + '/detail'), ('GET', _NODE),
          ('GET', _OWN_NODES), ('GET', _OWN_NODE)),
    _rule('create', _ADMINS, 'Create a node for any owner, or for none',
          ('POST', _NODES)),
    _rule('create:self_owned_node', personas.PROJECT_ADMIN,
          'Create a node that one\'s own project owns', ('POST', _NODES)),
    _rule('delete', _ADMINS, 'Delete a node', ('DELETE', _NODE)),
    _rule('delete:self_owned_node', personas.OWNER_ADMIN,
          'Delete a node that one\'s own project owns', ('DELETE', _NODE)),
    _field('update', _OWNERS,
           'Change the fields of a node that no other policy names'),
    _field('update_extra', _OPERATORS, 'Change the extra field of a node'),
    _field('update_instance_info', _OPERATORS,
           'Change the instance_info field of a node'),
    _patch('update_owner_provisioned', _ADMINS,
           'Change the owner of a node that is deployed'),
    _field('update:chassis_uuid', _ADMINS, 'Move a node to a chassis'),
    _field('update:conductor_group', _SYSTEM,
           'Change the conductor group of a node'),
    _field('update:driver_info', _OWNERS,
           'Change the driver_info field of a node'),
    _field('update:driver_interfaces', _OWNERS,
           'Change the interfaces of a node'),
    _field('update:instance_uuid', _OWNERS,
           'Associate a node with an instance, or end that'),
    _field('update:lessee', _OWNING_MANAGERS, 'Lease a node to a project'),
    _field('update:name', _OWNERS, 'Rename a node'),
    _field('update:network_data', _OWNERS,
           'Change the network_data field of a node'),
    _patch('update:owner', _SYSTEM, 'Give a node to a project'),
    _field('update:properties', _OWNERS,
           'Change the properties field of a node'),
    _field('update:retired', _OWNERS,
           'Change the retired flag of a node'),
    _field('update:shard', _ADMINS, 'Change the shard of a node'),
    _rule('set_maintenance', _OPERATORS, 'Set a node in maintenance',
          *_below('/maintenance', 'PUT'), ('PATCH', _NODE),
          ('POST', _NODES)),
    _rule('clear_maintenance', _OPERATORS, 'End the maintenance of a node',
          *_below('/maintenance', 'DELETE')),
    _rule('get_states', _READERS, 'Read the states of a node',
          *_below('/states', 'GET')),
    _rule('set_power_state', _OPERATORS, 'Change the power state of a node',
          *_below('/states/power', 'PUT')),
    _rule('set_provision_state', _OPERATORS,
          'Change the provision state of a node',
          *_below('/states/provision', 'PUT')),
    _rule('validate', _OPERATORS, 'Validate a node',
          *_below('/validate', 'GET')),
    _rule('traits:list', _READERS, 'List the traits of a node',
          *_below('/traits', 'GET')),
    _rule('traits:set', _OWNING_MANAGERS, 'Add or replace traits of a node',
          *_below('/traits', 'PUT'), *_below('/traits/{trait}', 'PUT')),
    _rule('traits:delete', _OWNING_MANAGERS, 'Remove traits of a node',
          *_below('/traits', 'DELETE'), *_below('/traits/{trait}', 'DELETE')),
    _rule('vif:list', _READERS, 'List the VIFs of a node',
          *_below('/vifs', 'GET')),
    _rule('vif:attach', _OPERATORS, 'Attach a VIF to a node',
          *_below('/vifs', 'POST')),
    _rule('vif:detach', _OPERATORS, 'Detach a VIF from a node',
          *_below('/vifs/{vif}', 'DELETE')),
    _rule('vmedia:attach', _OPERATORS, 'Attach virtual media to a node',
          *_below('/vmedia', 'POST')),
    _rule('vmedia:detach', _OPERATORS, 'Detach virtual media from a node',
          *_below('/vmedia', 'DELETE')),
    _rule('firmware:get', _READERS, 'List the firmware of a node',
          *_below('/firmware', 'GET')),
]


def list_rules():
    return rules
