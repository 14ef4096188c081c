# SPDX-License-Identifier: Apache-2.0
"""Links: absolute URLs as clients see this service."""

from urllib import parse

import pecan

from allocator.api import request
from allocator.api.versions import baremetal
from allocator.conf import CONF


def base_url():
    """Get the URL of the API's root, without a slash at its end.

    The service's root is [api] public_endpoint, or what the request was sent
    to; proxy headers have been considered by the middleware.
    """
    endpoint = CONF.api.public_endpoint
    root = (endpoint or pecan.request.application_url).rstrip('/')
    return root + request.api().prefix


def of(collection, ident, base, below=''):
    """Make the links of a resource.

    :param collection: "allocations" and the like
    :param ident: UUID or name of the resource
    :param base: base_url(), computed once for a whole page
    :param below: path below the resource, with a slash before it
    """
    return maker(collection, base)(parse.quote(ident), below)


def maker(collection, base=None):
    """Make the function that makes the links of each resource of a page.

    :param collection: "allocations" and the like
    :param base: base_url()
    :returns: function of a UUID, and of the path below the resource
    """
    base = base or base_url()
    beginnings = {'self': '%s/v1/%s/' % (base, collection)}
    if request.api() is baremetal.API:
        beginnings['bookmark'] = '%s/%s/' % (base, collection)

    def of_uuid(uuid, below=''):
        return [{'rel': rel, 'href': beginning + uuid + below}
                for rel, beginning in beginnings.items()]

    return of_uuid


def following(collection, query, marker, limit):
    """Make the URL of the next page.

    :param collection: path of the list below /v1/
    :param query: dict of the parameters of this request; every one is kept
    :param marker: UUID of the last item on this page
    :param limit: number of items on this page
    """
    query = query | {'limit': limit, 'marker': marker}
    return '%s/v1/%s?%s' % (base_url(), collection, parse.urlencode(query))
