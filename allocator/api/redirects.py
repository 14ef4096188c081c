# SPDX-License-Identifier: Apache-2.0
"""Requests that a backend answers: the client is sent there.

307 (RFC 9110, 15.4.8) has it repeat method, headers and body at another URL;
keystoneauth does so, and thereby all OpenStack clients. The token is checked
there: nobody gets an access that he would not have there anyway.
"""

from urllib import parse

import pecan

from allocator.common import exception
from allocator.common.i18n import _
from allocator.db import backends


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
