# SPDX-License-Identifier: Apache-2.0
"""Requests that a backend answers: the client is sent there.

307 (RFC 9110, 15.4.8) has it repeat method, headers and body at another URL;
keystoneauth does so, and thereby all OpenStack clients. The token is checked
there: nobody gets an access that he would not have there anyway.
"""

from urllib import parse

import pecan

from allocator.api import routing
from allocator.api.types import values
from allocator.common import exception
from allocator.common.i18n import _
from allocator.db import backends
from allocator.db import nodes

# Query parameters that name the node that something belongs to.
_NODE_PARAMETERS = ('node', 'node_uuid')


class Elsewhere(exception.AllocatorException):
    """The answer to a request is at another URL.

    :param location: the URL
    """

    code = 307
    error_code = 'allocator.elsewhere'
    template = _('This is answered at %(url)s.')

    def __init__(self, url):
        super().__init__(url=url)
        self.location = url


class Unserved(exception.NotFound):
    error_code = 'allocator.not_served'
    template = _('This service has no such resource, and there are several '
                 'backends that have one: name a node (node= or node_uuid=), '
                 'or ask one of them itself.')


def to(name):
    """Make the error that sends a client to a backend.

    :param name: name of the backend
    :returns: Elsewhere
    :raises: TemporaryFailure if nobody knows where it is
    """
    url = backends.get_row(name).public_url
    if not url:
        raise exception.TemporaryFailure(reason=_(
            'It is not known yet where backend %s is. Try again later.')
            % name)
    environ = pecan.request.environ
    path = environ.get('allocator.path', environ['PATH_INFO'])
    if not (path + '/').startswith('/v1/'):
        path = '/v1' + path
    location = url.rstrip('/') + parse.quote(path.encode('latin-1'))
    if environ.get('QUERY_STRING'):
        location += '?' + environ['QUERY_STRING']
    return Elsewhere(location)


def send_away(node):
    """Send a client on, if a backend has the node.

    :param node: row of the node
    :raises: Elsewhere
    """
    if node.backend_id:
        raise to(backends.name_of(node.backend_id))


def unknown():
    """Find who answers for a collection that this service does not have.

    :returns: Resource, or None if there is no backend
    """
    return _Collection() if backends.names() else None


class _Collection(routing.Resource):
    """A collection of the Bare Metal API that only backends have."""

    def _route(self, args, request):
        raise to(_one_of(request))


def _one_of(request):
    """Find the one backend that a request is for.

    :raises: Unserved
    """
    names = backends.names()
    if len(names) == 1:
        return names[0]
    query = dict(parse.parse_qsl(request.environ.get('QUERY_STRING', '')))
    for parameter in _NODE_PARAMETERS:
        if parameter in query:
            node = nodes.get(values.ident(query[parameter]))
            if node.backend_id:
                return backends.name_of(node.backend_id)
    raise Unserved()
