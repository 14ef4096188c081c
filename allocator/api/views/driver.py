# SPDX-License-Identifier: Apache-2.0
"""What a driver looks like."""

from allocator.api import request
from allocator.api.views import links
from allocator.api.views import node

SHORT = ('name', 'hosts', 'properties', 'type')

_DEFAULTS = tuple('default_' + name for name in node.DEFAULT_INTERFACES)
_ENABLED = tuple('enabled_%ss' % name for name in node.DEFAULT_INTERFACES)
FIELDS = (*SHORT, *_DEFAULTS, *_ENABLED)


def serialize(name, hosts, names, minor):
    """Show a driver.

    :param name: name of the driver
    :param hosts: names of the conductors that are alive
    :param names: fields to show
    :param minor: minor number of the version
    :returns: dict
    """
    base = links.base_url()
    values = {'name': name, 'hosts': hosts, 'type': 'dynamic',
              'properties': links.of('drivers', name, base, '/properties')}
    for interface, default in node.DEFAULT_INTERFACES.items():
        values['default_' + interface] = default
        values['enabled_%ss' % interface] = sorted({default, 'fake'})
    found = {field: values[field]
             for field in request.api().fields('driver', names, minor)}
    found['links'] = links.of('drivers', name, base)
    return found
