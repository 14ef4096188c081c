# SPDX-License-Identifier: Apache-2.0
"""Collections of the Bare Metal API that only backends have: /v1/ports, …"""

from urllib import parse

from allocator.api import redirects
from allocator.api import routing
from allocator.api.controllers.v1.nodes import access
from allocator.api.types import values
from allocator.common import exception
from allocator.common.i18n import _
from allocator.db import backends
from allocator.db import nodes

# Query parameters that name the node that something belongs to.
_NODE_PARAMETERS = ('node', 'node_uuid')


class Unserved(exception.NotFound):
    error_code = 'allocator.not_served'
    template = _('This service has no such resource, and there are several '
                 'backends that have one: name a node (node= or node_uuid=), '
                 'or ask one of them itself.')


def find():
    """Find who answers for a collection that this service does not have.

    :returns: Resource, or None if there is no backend
    """
    return UnservedController() if backends.names() else None


class UnservedController(routing.Resource):
    """Whatever else there is below /v1."""

    def _route(self, args, request):
        raise redirects.to(_one_of(request))


def _one_of(request):
    """Find the one backend that a request is for.

    :raises: Unserved; NodeNotFound, also for a node that the client must not
        know of
    """
    names = backends.names()
    if len(names) == 1:
        return names[0]
    query = dict(parse.parse_qsl(request.environ.get('QUERY_STRING', '')))
    for parameter in _NODE_PARAMETERS:
        if parameter in query:
            node = nodes.get(values.ident(query[parameter]))
            if not access.is_allowed('get', node):
                raise exception.NodeNotFound(node=query[parameter])
            if node.backend_id:
                return backends.name_of(node.backend_id)
    raise Unserved()
