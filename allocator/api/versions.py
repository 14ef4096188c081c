# SPDX-License-Identifier: Apache-2.0
"""Microversions: one table of what each version brings.

Request checks, response fields, ``fields=``, filters and the documentation
read this table. A version is "1.NN"; only its minor number NN is kept here.
The numbers follow the Bare Metal API's history (API reference, "REST API
Version History").
"""

import dataclasses

MIN = 1
MAX = 107

# When a client asks for no version.
DEFAULT = MIN

SERVICE_TYPE = 'baremetal'

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


@dataclasses.dataclass(frozen=True)
class Resource:
    """What a resource has from which version on.

    :ivar since: the resource itself
    :ivar methods: HTTP methods that came later
    :ivar fields: fields of the answer, also in ``fields=`` and as sort keys
    :ivar inputs: attributes of a request's body
    :ivar filters: query parameters
    :ivar unknown_before: inputs and filters that are plainly unknown (400)
        in older versions; the others are "not acceptable" (406)
    :ivar hides_newer_fields: whether a newer field in ``fields=`` or
        ``sort_key=`` is plainly unknown (400), not "not acceptable" (406)
    :ivar refusals: HTTP status codes, by method, of what a version does not
        have, where they are not those of refusal()
    """

    since: int = MIN
    methods: dict = dataclasses.field(default_factory=dict)
    fields: dict = dataclasses.field(default_factory=dict)
    inputs: dict = dataclasses.field(default_factory=dict)
    filters: dict = dataclasses.field(default_factory=dict)
    unknown_before: frozenset = frozenset()
    hides_newer_fields: bool = False
    refusals: dict = dataclasses.field(default_factory=dict)


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
    'allocation': Resource(
        since=52,
        methods={'PATCH': 57},
        fields={'owner': 60},
        inputs={'node': 58, 'owner': 60},
        filters={'owner': 60},
        unknown_before=frozenset({'node'}),
        hides_newer_fields=True,
    ),
    'node_allocation': Resource(since=52, refusals={'DELETE': 404}),
    'node': Resource(
        fields=_NODE_FIELDS,
        inputs=_NODE_INPUTS,
        filters=_NODE_FILTERS,
        unknown_before=frozenset({'detail'}),
    ),
    'node_patch': Resource(
        inputs={'remove /chassis_uuid': 25},
        filters={'reset_interfaces': 45}),
    'node_states': Resource(fields={
        'raid_config': 12, 'target_raid_config': 12, 'boot_mode': 75,
        'secure_boot': 75}),
    'node_traits': Resource(since=37, refusals={'GET': 406, 'DELETE': 404}),
    # The values of "target" in PUT /v1/nodes/{node}/states/provision.
    'provision_verb': Resource(inputs={
        'manage': 4, 'provide': 4, 'inspect': 6, 'abort': 13, 'clean': 15,
        'adopt': 17, 'rescue': 38, 'unrescue': 38, 'deploy': 73,
        'undeploy': 73, 'unhold': 85, 'service': 87}),
    'provision': Resource(inputs={
        'clean_steps': 15,
        'rescue_password': 38,  # nosec: a version, not a password
        'deploy_steps': 69, 'disable_ramdisk': 70, 'service_steps': 87,
        'runbook': 92}),
    # The values of "target" in PUT /v1/nodes/{node}/states/power.
    'power_target': Resource(inputs={
        'soft power off': 27, 'soft rebooting': 27}),
    'power': Resource(inputs={'timeout': 27}),
    'node_vif': Resource(since=28),
    'node_vmedia': Resource(since=89),
    'node_firmware': Resource(since=86),
    'chassis': Resource(filters={'fields': 8, 'detail': 43},
                        unknown_before=frozenset({'detail'})),
    'driver': Resource(
        fields={'properties': 14, 'type': 30},
        filters={'detail': 30, 'type': 30, 'fields': 77}),
    'conductor': Resource(since=49),
    'shard': Resource(since=82),
}


def string(minor):
    """Write a version as clients know it."""
    return '1.%d' % minor


def has_method(resource, method, minor):
    """Tell whether a resource has an HTTP method in a version.

    :param resource: name of a row of RESOURCES
    :param method: the HTTP method
    :param minor: minor number of the version
    """
    row = RESOURCES[resource]
    return minor >= max(row.since, row.methods.get(method, MIN))


def refusal(resource, method):
    """Tell the HTTP status code for a method that a version does not have.

    :param resource: name of a row of RESOURCES
    :param method: the HTTP method
    """
    usual = 404 if method == 'GET' else 405
    return RESOURCES[resource].refusals.get(method, usual)


def fields(resource, names, minor):
    """Select the fields that a resource shows in a version.

    :param names: iterable of all field names
    :returns: list of those names that the version knows
    """
    later = RESOURCES[resource].fields
    return [name for name in names if minor >= later.get(name, MIN)]


def unknown(kind, resource, names, minor):
    """List names that came only after a version.

    :param kind: "inputs", "filters" or "fields"
    :param names: iterable of names
    :returns: list of (name, minor number of the version that brought it)
    """
    later = getattr(RESOURCES[resource], kind)
    return [(name, later[name]) for name in names
            if minor < later.get(name, MIN)]
