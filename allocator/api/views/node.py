# SPDX-License-Identifier: Apache-2.0
"""What a node looks like."""

from typing import Any

import pecan

from allocator.api import request
from allocator.api.versions import baremetal
from allocator.api.views import links
from allocator.api.views import secrets
from allocator.api.views import times
from allocator.common import states

#: The hardware interfaces, and what a node has that names none.
DEFAULT_INTERFACES = {
    'bios_interface': 'no-bios',
    'boot_interface': 'fake',
    'console_interface': 'no-console',
    'deploy_interface': 'fake',
    'firmware_interface': 'no-firmware',
    'inspect_interface': 'no-inspect',
    'management_interface': 'fake',
    'network_interface': 'noop',
    'power_interface': 'fake',
    'raid_interface': 'no-raid',
    'rescue_interface': 'no-rescue',
    'storage_interface': 'noop',
    'vendor_interface': 'no-vendor',
}

# What is always the same without hardware.
_CONSTANT: dict[str, Any] = {
    'boot_mode': None,
    'clean_step': {},
    'console_enabled': False,
    'deploy_step': {},
    'driver_internal_info': {},
    'fault': None,
    'health': None,
    'inspection_finished_at': None,
    'inspection_started_at': None,
    'raid_config': {},
    # No request finds a node locked by another: it waits, milliseconds.
    'reservation': None,
    'secure_boot': None,
    'service_step': {},
    'target_raid_config': {},
}

SHORT = ('uuid', 'name', 'instance_uuid', 'power_state', 'provision_state',
         'maintenance', 'backend')

STATES = ('power_state', 'target_power_state', 'provision_state',
          'target_provision_state', 'provision_updated_at', 'last_error',
          'console_enabled', 'raid_config', 'target_raid_config', 'boot_mode',
          'secure_boot')

FIELDS = (*dict.fromkeys((
    *SHORT, *STATES, 'allocation_uuid', 'automated_clean', 'chassis_uuid',
    'conductor', 'conductor_group', 'created_at', 'description',
    'disable_power_off', 'driver', 'driver_info', 'extra', 'instance_info',
    'instance_name', 'lessee', 'maintenance_reason', 'network_data', 'owner',
    'properties', 'protected', 'protected_reason', 'resource_class',
    'retired', 'retired_reason', 'shard', 'traits', 'updated_at',
    *_CONSTANT, *DEFAULT_INTERFACES)),)

# In answers that hold all fields, besides the fields to choose from.
_LINKS = ('states',)

_TIMES = {'created_at', 'updated_at', 'provision_updated_at'}
_SECRET = {'driver_info', 'instance_info'}


def visible_fields(minor, chosen=None):
    """List the fields to show.

    :param minor: minor number of the version
    :param chosen: the fields that the client asked for, None for all
    """
    return chosen or request.api().fields('node', FIELDS + _LINKS, minor)


def summary_fields(minor):
    """List the fields that a list shows unless the client asks for more."""
    return request.api().fields('node', SHORT, minor)


def state_names(minor):
    """List the fields of a node's states."""
    return request.api().fields('node_states', STATES, minor)


def serialize(values, names, links_of=None):
    """Show a node.

    :param values: dict of columns, with traits and conductor if shown
    :param names: fields to show, see visible_fields()
    :param links_of: links.maker(), made once for a whole page
    :returns: dict
    """
    links_of = links_of or links.maker('nodes')
    found = _values(values, names)
    if 'states' in found:
        found['states'] = links_of(values['uuid'], '/states')
    found['links'] = links_of(values['uuid'])
    return found


def node_states(values, minor):
    """Show the states of a node."""
    return _values(values, state_names(minor))


def _values(values, names):
    # Most fields are columns; to ask of each what it is takes longer.
    found = {name: values.get(name) for name in names}
    for name in found.keys() & _CONSTANT.keys():
        found[name] = _CONSTANT[name]
    for name in found.keys() & DEFAULT_INTERFACES.keys():
        found[name] = values['interfaces'].get(name, DEFAULT_INTERFACES[name])
    for name in found.keys() & _TIMES:
        found[name] = times.iso(found[name])
    for name in found.keys() & _SECRET:
        found[name] = secrets.masked(found[name])
    if (found.get('provision_state') == states.AVAILABLE
            and baremetal.is_before(pecan.request.environ,
                                    baremetal.AVAILABLE_STATE)):
        found['provision_state'] = None
    return found


def serialize_page(page, names, query, limit, collection='nodes'):
    """Show a page of nodes.

    :param page: allocator.db.pagination.Page of dicts, see serialize()
    :param names: fields to show
    :param query: dict of the parameters of the request
    :param limit: greatest number of items on a page
    :param collection: path of the list below /v1/
    :returns: dict, with ``next`` when there may be more
    """
    links_of = links.maker('nodes')
    found = {'nodes': [serialize(node, names, links_of) for node in page.rows]}
    if page.more:
        found['next'] = links.following(
            collection, query, page.rows[-1]['uuid'], limit)
    return found
