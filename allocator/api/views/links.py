# SPDX-License-Identifier: Apache-2.0
"""Links: absolute URLs as clients see this service."""

from urllib import parse

import pecan

from allocator.conf import CONF


def base_url():
    """Get the URL of the service's root, without a slash at its end.

    It is [api] public_endpoint, or what the request was sent to; proxy
    headers have been considered by the middleware.
    """
    endpoint = CONF.api.public_endpoint
    if endpoint:
        return endpoint.rstrip('/')
    return pecan.request.application_url.rstrip('/')


def of(collection, ident, base, below=''):
    """Make the links of a resource.

    :param collection: "allocations" and the like
    :param ident: UUID or name of the resource
    :param base: base_url(), computed once for a whole page
    :param below: path below the resource, with a slash before it
    """
    ident = parse.quote(ident) + below
    return [
        {'rel': 'self', 'href': '%s/v1/%s/%s' % (base, collection, ident)},
        {'rel': 'bookmark', 'href': '%s/%s/%s' % (base, collection, ident)},
    ]


def following(collection, query, marker, limit):
    """Make the URL of the next page.

    :param collection: path of the list below /v1/
    :param query: dict of the parameters of this request; every one is kept
    :param marker: UUID of the last item on this page
    :param limit: number of items on this page
    """
    query = query | {'limit': limit, 'marker': marker}
    return '%s/v1/%s?%s' % (base_url(), collection, parse.urlencode(query))
