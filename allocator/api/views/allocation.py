# SPDX-License-Identifier: Apache-2.0
"""What an allocation looks like."""

from allocator.api import request
from allocator.api.views import links
from allocator.api.views import times
from allocator.api.views import waiting
from allocator.common import constraints
from allocator.common import states
from allocator.db import reasons

FIELDS = ('uuid', 'name', 'node_uuid', 'state', 'last_error',
          'resource_class', 'traits', 'candidate_nodes', 'extra', 'owner',
          'created_at', 'updated_at', 'backend', *waiting.FIELDS,
          *constraints.FIELDS)

# Fields that are no columns.
_OWN_FIELDS = frozenset((*waiting.FIELDS, *constraints.FIELDS))

_TIMES = ('created_at', 'updated_at')


def visible_fields(minor, chosen=None):
    """List the fields to show.

    :param minor: minor number of the version
    :param chosen: the fields that the client asked for, None for all
    """
    if chosen is not None:
        return chosen
    return [name for name in request.api().fields('allocation', FIELDS, minor)
            if name not in waiting.ON_REQUEST]


def serialize(values, names, links_of=None, why=reasons.of):
    """Show an allocation.

    :param values: mapping of the columns, with node_uuid
    :param names: fields to show, see visible_fields()
    :param links_of: links.maker(), made once for a whole page
    :param why: see waiting.describe()
    :returns: dict
    """
    found = {name: values[name] for name in names
             if name not in _OWN_FIELDS}
    if len(found) < len(names):
        found |= waiting.describe(values, names, why)
    if len(found) < len(names):
        given = constraints.FIELDS | (values['constraints'] or {})
        found |= {name: given[name] for name in names if name in given}
    if 'state' in found:
        found['state'] = states.seen_by_clients(found['state'])
    for name in _TIMES:
        if name in found:
            found[name] = times.iso(found[name])
    links_of = links_of or links.maker('allocations')
    found['links'] = links_of(values['uuid'])
    return found


def serialize_page(page, names, query, limit):
    """Show a page of allocations.

    :param page: allocator.db.pagination.Page
    :param names: fields to show, see visible_fields()
    :param query: dict of the parameters of the request
    :param limit: greatest number of items on a page
    :returns: dict, with ``next`` when there may be more
    """
    links_of, why = links.maker('allocations'), reasons.few()
    found = {'allocations': [serialize(row._mapping, names, links_of, why)
                             for row in page.rows]}
    if page.more:
        found['next'] = links.following(
            'allocations', query, page.rows[-1].uuid, limit)
    return found
