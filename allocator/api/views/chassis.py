# SPDX-License-Identifier: Apache-2.0
"""What a chassis looks like."""

from allocator.api.views import links
from allocator.api.views import times

FIELDS = ('uuid', 'description', 'extra', 'created_at', 'updated_at')
SHORT = ('uuid', 'description')

_TIMES = ('created_at', 'updated_at')


def serialize(values, names, base=None, nodes=True):
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


def serialize_page(page, names, query, limit, collection, nodes):
    """Show a page of chassis.

    :param page: allocator.db.pagination.Page
    :param names: fields to show
    :param query: dict of the parameters of the request
    :param limit: greatest number of items on a page
    :param collection: path of the list below /v1/
    :param nodes: whether to link to the nodes of each
    :returns: dict, with ``next`` when there may be more
    """
    base = links.base_url()
    found = {'chassis': [serialize(row._mapping, names, base, nodes)
                         for row in page.rows]}
    if page.more:
        found['next'] = links.following(
            collection, query, page.rows[-1].uuid, limit)
    return found
