# SPDX-License-Identifier: Apache-2.0
"""What an allocation looks like."""

from allocator.api import versions
from allocator.api.views import links
from allocator.api.views import times

FIELDS = ('uuid', 'name', 'node_uuid', 'state', 'last_error',
          'resource_class', 'traits', 'candidate_nodes', 'extra', 'owner',
          'created_at', 'updated_at')

_TIMES = ('created_at', 'updated_at')


def shown(minor, chosen=None):
    """List the fields to show.

    :param minor: minor number of the version
    :param chosen: the fields that the client asked for, None for all
    """
    if chosen is not None:
        return chosen
    return versions.fields('allocation', FIELDS, minor)


def one(values, names, base=None):
    """Show an allocation.

    :param values: mapping of the columns, with node_uuid
    :param names: fields to show, see shown()
    :param base: links.base_url()
    :returns: dict
    """
    found = {name: values[name] for name in names}
    for name in _TIMES:
        if name in found:
            found[name] = times.iso(found[name])
    found['links'] = links.of('allocations', values['uuid'],
                              base or links.base_url())
    return found


def many(rows, names, query, limit):
    """Show a page of allocations.

    :param rows: rows of the database
    :param names: fields to show, see shown()
    :param query: dict of the parameters of the request
    :param limit: greatest number of items on a page
    :returns: dict, with ``next`` when there may be more
    """
    base = links.base_url()
    found = {'allocations': [one(row._mapping, names, base) for row in rows]}
    if len(rows) == limit:
        found['next'] = links.following('allocations', query, rows[-1].uuid,
                                        limit)
    return found
