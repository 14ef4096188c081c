# SPDX-License-Identifier: Apache-2.0
"""The microversions of the Bare Metal API.

The numbers follow its history (API reference, "REST API Version History").
"""

from allocator.api.versions import table
from allocator.common import constraints

# What is this service's own, and never in this API.
_OWN = frozenset({'backend'})
_OWN_OF_ALLOCATIONS = _OWN.union(constraints.FIELDS, (
    'wait_timeout', 'deadline', 'priority', 'waiting', 'reason',
    'queue_position'))

MIN = 1
MAX = 115

# From here on a node in provision state available is shown so.
AVAILABLE_STATE = 2
# From here on a node can be called by its name.
NODE_NAMES = 5
# From here on a name may hold what a host name may not.
FREE_NODE_NAMES = 10
# From here on a new node is in provision state enroll.
ENROLL = 11
# From here on a rebuild takes a configdrive; from the second on it may be
# an object.
REBUILD_CONFIGDRIVE = 35
CONFIGDRIVE_OBJECT = 56
# From here on a name may end in .json.
NO_JSON_SUFFIX = 91
# From here on servicing may do without a ramdisk.
SERVICE_DISABLE_RAMDISK = 108

_NODE_INPUTS = {
    'name': 5,
    'network_interface': 20,
    'resource_class': 21,
    **dict.fromkeys(('boot_interface', 'console_interface',
                     'deploy_interface', 'inspect_interface',
                     'management_interface', 'power_interface',
                     'raid_interface', 'vendor_interface'), 31),
    'storage_interface': 33,
    'rescue_interface': 38,
    'bios_interface': 40,
    'conductor_group': 46,
    'automated_clean': 47,
    'protected': 48,
    'protected_reason': 48,
    'owner': 50,
    'description': 51,
    'retired': 61,
    'retired_reason': 61,
    'lessee': 65,
    'network_data': 66,
    'shard': 82,
    'firmware_interface': 86,
    'disable_power_off': 95,
    'instance_name': 104,
}

_NODE_FIELDS = _NODE_INPUTS | {
    'driver_internal_info': 3,
    'inspection_started_at': 6,
    'inspection_finished_at': 6,
    'clean_step': 7,
    'raid_config': 12,
    'target_raid_config': 12,
    'states': 14,
    'traits': 37,
    'fault': 42,
    'deploy_step': 44,
    'conductor': 49,
    'allocation_uuid': 52,
    'boot_mode': 75,
    'secure_boot': 75,
    'service_step': 87,
    'health': 109,
}

_NODE_FILTERS = {
    'fields': 8,
    'provision_state': 9,
    'driver': 16,
    'resource_class': 21,
    'fault': 42,
    'detail': 43,
    'conductor_group': 46,
    'conductor': 49,
    'owner': 50,
    'lessee': 65,
    'shard': 82,
    'sharded': 82,
    'instance_name': 104,
}

RESOURCES = {
    'allocation': table.Resource(
        since=52,
        methods={'PATCH': 57},
        fields={'owner': 60},
        inputs={'node': 58, 'owner': 60},
        filters={'owner': 60},
        absent=_OWN_OF_ALLOCATIONS,
        unknown_before=frozenset({'node'}),
        hides_newer_fields=True,
    ),
    'node_allocation': table.Resource(since=52, refusals={'DELETE': 404}),
    'node': table.Resource(
        fields=_NODE_FIELDS,
        inputs=_NODE_INPUTS,
        filters=_NODE_FILTERS,
        absent=_OWN,
        unknown_before=frozenset({'detail'}),
    ),
    'node_patch': table.Resource(
        inputs={'remove /chassis_uuid': 25},
        filters={'reset_interfaces': 45}),
    'node_states': table.Resource(fields={
        'raid_config': 12, 'target_raid_config': 12, 'boot_mode': 75,
        'secure_boot': 75}),
    'node_traits': table.Resource(
        since=37, refusals={'GET': 406, 'DELETE': 404}),
    # The values of "target" in PUT /v1/nodes/{node}/states/provision.
    'provision_verb': table.Resource(inputs={
        'manage': 4, 'provide': 4, 'inspect': 6, 'abort': 13, 'clean': 15,
        'adopt': 17, 'rescue': 38, 'unrescue': 38, 'deploy': 73,
        'undeploy': 73, 'unhold': 85, 'service': 87}),
    'provision': table.Resource(inputs={
        'clean_steps': 15,
        'rescue_password': 38,  # nosec: a version, not a password
        'deploy_steps': 69, 'disable_ramdisk': 70, 'service_steps': 87,
        'runbook': 92}),
    # The values of "target" in PUT /v1/nodes/{node}/states/power.
    'power_target': table.Resource(inputs={
        'soft power off': 27, 'soft rebooting': 27}),
    'power': table.Resource(inputs={'timeout': 27}),
    'node_vif': table.Resource(since=28),
    'node_vmedia': table.Resource(since=89),
    'node_firmware': table.Resource(since=86),
    'chassis': table.Resource(
        filters={'fields': 8, 'detail': 43},
        unknown_before=frozenset({'detail'})),
    'driver': table.Resource(
        fields={'properties': 14, 'type': 30},
        filters={'detail': 30, 'type': 30, 'fields': 77}),
    'conductor': table.Resource(since=49),
    'shard': table.Resource(since=82),
}

API = table.Api('baremetal', '', MIN, MAX, RESOURCES)


def is_before(environ, minor):
    """Tell whether a request is made with a version before another one.

    :param environ: its WSGI environment
    :param minor: minor number of the version that brought a behaviour. The
        other API has it from its beginning.
    """
    return environ['allocator.api'] is API and (
        environ['allocator.version'] < minor)
