# SPDX-License-Identifier: Apache-2.0
"""What a chassis looks like."""

from allocator.api.views import links
from allocator.api.views import times

FIELDS = ('uuid', 'description', 'extra', 'created_at', 'updated_at')
SHORT = ('uuid', 'description')

_TIMES = ('created_at', 'updated_at')


def one(values, names, base=None, nodes=True):
    """Show a chassis.

    :param values: mapping of the columns
    :param names: fields to show
    :param base: links.base_url()
    :param nodes: whether to link to the nodes
    :returns: dict
    """
    base = base or links.base_url()
    found = {name: values[name] for name in names}
    for name in _TIMES:
        if name in found:
            found[name] = times.iso(found[name])
    found['links'] = links.of('chassis', values['uuid'], base)
    if nodes:
        found['nodes'] = links.of('chassis', values['uuid'], base, '/nodes')
    return found


def many(rows, names, query, limit, collection, nodes):
    """Show a page of chassis.

    :param rows: rows of the database
    :param names: fields to show
    :param query: dict of the parameters of the request
    :param limit: greatest number of items on a page
    :param collection: path of the list below /v1/
    :param nodes: whether to link to the nodes of each
    :returns: dict, with ``next`` when there may be more
    """
    base = links.base_url()
    found = {'chassis': [one(row._mapping, names, base, nodes)
                         for row in rows]}
    if len(rows) == limit:
        found['next'] = links.following(collection, query, rows[-1].uuid,
                                        limit)
    return found
