# SPDX-License-Identifier: Apache-2.0
"""What a backend looks like."""

from allocator.api.views import links
from allocator.api.views import times

_TIMES = ('status_since', 'last_look', 'last_full_look', 'oldest_open',
          'created_at')
FIELDS = ('name', 'public_url', 'status', 'status_since', 'nodes', 'free',
          'missing', 'last_look', 'last_full_look', 'lag', 'open_writes',
          'oldest_open', 'last_error', 'created_at')


def serialize(backend, names, base):
    """Show a backend.

    :param backend: dict, as db.backend_status.get() makes it
    :param names: fields to show
    :param base: links.base_url(), computed once for the whole list
    :returns: dict
    """
    found = {name: times.iso(backend[name]) if name in _TIMES
             else backend[name] for name in names}
    found['links'] = links.of('backends', backend['name'], base)
    return found
