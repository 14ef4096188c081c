# SPDX-License-Identifier: Apache-2.0
"""What a conductor looks like."""

from allocator.api.views import links
from allocator.api.views import times

SHORT = ('hostname', 'conductor_group', 'alive')
FIELDS = (*SHORT, 'drivers', 'created_at', 'updated_at')


def serialize(row, alive, drivers, names):
    """Show a conductor.

    :param row: row of the database
    :param alive: whether it was heard of lately
    :param drivers: names of drivers
    :param names: fields to show
    :returns: dict
    """
    values = {'hostname': row.hostname,
              # Every conductor serves the nodes of all groups.
              'conductor_group': '',
              'alive': alive, 'drivers': drivers,
              'created_at': times.iso(row.created_at),
              'updated_at': times.iso(row.updated_at)}
    found = {name: values[name] for name in names}
    found['links'] = links.of('conductors', row.hostname, links.base_url())
    return found
