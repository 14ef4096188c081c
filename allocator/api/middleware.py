# SPDX-License-Identifier: Apache-2.0
"""WSGI middleware of this service: versions, paths, errors, public routes."""

import re

from oslo_context import context as oslo_context
from oslo_middleware import cors
from oslo_middleware import request_id
import webob
import webob.exc

from allocator.api import authentication
from allocator.api import errors
from allocator.api import versions
from allocator.api.versions import baremetal
from allocator.api.versions import own
from allocator.common import context
from allocator.common import exception
from allocator.conf import CONF

_VERSION = re.compile(r'([0-9]{1,9})\.([0-9]{1,9})\Z')

_REQUEST_ID = re.compile(request_id.ID_FORMAT)

LEGACY_PREFIX = 'X-OpenStack-Ironic-API-'
PREFIX = 'OpenStack-API-'

# The id of a request is told under both usual names.
ID_HEADERS = (request_id.HTTP_RESP_HEADER_REQUEST_ID, 'openstack-request-id')

# What the Bare Metal API alone tells: its range of versions.
_RANGE = [
    (prefix + name + '-Version', form % versions.string(limit))
    for name, limit in (('Minimum', baremetal.MIN), ('Maximum', baremetal.MAX))
    for prefix, form in ((LEGACY_PREFIX, '%s'),
                         (PREFIX, baremetal.API.service_type + ' %s'))]


class Frame:
    """Does for every request what needs no API: id, version, path, headers.

    It is one layer, and makes no objects of request and answer: those of six
    layers were half of what a request costs that asks no database.
    """

    def __init__(self, application):
        self._application = application
        self._cross_origin = cors.CORS(self._understand, CONF)

    def __call__(self, environ, start_response):
        _identify(environ)
        environ['allocator.api'] = _addressed(environ['PATH_INFO'])

        def start(status, headers, exc_info=None):
            return start_response(status, _completed(headers, environ),
                                  exc_info)

        # What is no browser's goes past oslo.middleware, which answers any
        # OPTIONS with 200.
        chosen = (self._cross_origin if 'HTTP_ORIGIN' in environ
                  else self._understand)
        return chosen(environ, start)

    def _understand(self, environ, start_response):
        """Pass a request on, if its version and its path make sense."""
        try:
            environ['allocator.version'] = _requested(environ)
            _make_path_plain(environ)
        except exception.AllocatorException as exc:
            return errors.answer(environ, exc)(environ, start_response)
        return self._application(environ, start_response)


def _identify(environ):
    """Give a request an id, and take over one that reaches further."""
    given = environ.get('HTTP_X_OPENSTACK_REQUEST_ID', '')
    if _REQUEST_ID.match(given):
        environ[request_id.GLOBAL_REQ_ID] = given
    environ[request_id.ENV_REQUEST_ID] = oslo_context.generate_request_id()


def _addressed(path):
    below = (path + '/').startswith(own.API.prefix + '/')
    return own.API if below else baremetal.API


class Apis:
    """Passes a request on to the API that it is for.

    :param applications: dict of WSGI applications by versions.table.Api
    """

    def __init__(self, applications):
        self._applications = applications

    def __call__(self, environ, start_response):
        return self._applications[environ['allocator.api']](
            environ, start_response)


def _completed(headers, environ):
    """Add to an answer what every one tells, errors included.

    It is the id of the request, the microversion that was used, and of the
    Bare Metal API the range ("Microversion Specification" of the OpenStack
    API SIG).

    :param headers: list of pairs of name and value
    :returns: likewise
    """
    api = environ['allocator.api']
    minor = environ.get('allocator.version')
    id_ = environ[request_id.ENV_REQUEST_ID]
    found = [pair for pair in headers if pair[0].lower() != 'vary']
    found += [(name, id_) for name in ID_HEADERS]
    vary = [value for name, value in headers if name.lower() == 'vary']
    vary.append(PREFIX + 'Version')
    if minor is not None:
        found.append((PREFIX + 'Version', '%s %s' % (
            api.service_type, versions.string(minor))))
    if api is baremetal.API:
        vary.append(LEGACY_PREFIX + 'Version')
        found += _RANGE
        if minor is not None:
            found.append((LEGACY_PREFIX + 'Version', versions.string(minor)))
    found.append(('Vary', ', '.join(vary)))
    return found


def _requested(environ):
    """Read the version that a client asks for.

    :returns: its minor number
    :raises: MalformedVersion, UnsupportedVersion
    """
    api = environ['allocator.api']
    value = None
    for item in environ.get('HTTP_OPENSTACK_API_VERSION', '').split(','):
        service, _space, version = item.strip().partition(' ')
        if service.lower() == api.service_type:
            value = version.strip()
    if value is None:
        if api is baremetal.API:
            value = environ.get('HTTP_X_OPENSTACK_IRONIC_API_VERSION',
                                '').strip()
        if not value:
            return api.least
    if value.lower() == 'latest':
        return api.greatest
    match = _VERSION.match(value)
    if match is None:
        raise errors.MalformedVersion(
            version=value, example=versions.string(api.greatest))
    major, minor = map(int, match.groups())
    if major != 1 or not api.least <= minor <= api.greatest:
        raise errors.UnsupportedVersion(api, value)
    return minor


def _make_path_plain(environ):
    """Make the path text, with no slash at its end and no .json suffix.

    ``allocator.json_suffix`` in the environment says that there was one.

    :raises: MalformedPath
    """
    # A backend that the client is sent to makes of it what it likes.
    path = environ['allocator.path'] = environ['PATH_INFO']
    try:
        path.encode('latin-1').decode()  # PEP 3333: bytes as Latin-1
    except UnicodeError:
        raise errors.MalformedPath() from None
    if '\x00' in path:
        raise errors.MalformedPath()
    path = path.rstrip('/')
    if (path.endswith('.json')
            and baremetal.is_before(environ, baremetal.NO_JSON_SUFFIX)):
        path = path.removesuffix('.json')
        environ['allocator.json_suffix'] = True
    environ['PATH_INFO'] = path or '/'


class Errors:
    """Gives errors of the middleware below the form that clients parse."""

    def __init__(self, application):
        self._application = application

    def __call__(self, environ, start_response):
        context.forget_client(environ)
        try:
            status, headers, body = webob.Request(environ).call_application(
                self._application)
        except Exception as exc:
            return errors.answer(environ, exc)(environ, start_response)
        if int(status[:3]) >= 400:
            response = webob.Response(status=status, headerlist=headers,
                                      app_iter=body)
            if not errors.is_ours(environ, response):
                _translate(environ, response)
            return response(environ, start_response)
        start_response(status, headers)
        return body


def _translate(environ, response):
    """Put an error of a library into the words of this service."""
    code = response.status_int
    known = webob.exc.status_map.get(code)
    ours = errors.answer(environ, errors.Foreign(
        code, known.explanation if known else response.status))
    response.body = ours.body
    response.content_type = ours.content_type
    response.charset = None


class PublicRoutes:
    """Tells the URLs that need no authentication from those that do.

    :param authenticated: the API behind authentication
    :param public: dict of applications by the path that each serves
    """

    def __init__(self, authenticated, public):
        self._authenticated = authenticated
        self._public = public

    def __call__(self, environ, start_response):
        chosen = self._public.get(environ['PATH_INFO'])
        if chosen is None:
            return self._authenticated(environ, start_response)
        environ[authentication.PUBLIC] = True
        return chosen(environ, start_response)
