# SPDX-License-Identifier: Apache-2.0
"""WSGI middleware of this service: versions, paths, errors, public routes."""

import re

from oslo_middleware import cors
from oslo_middleware import request_id
import webob
import webob.dec
import webob.exc

from allocator.api import authentication
from allocator.api import errors
from allocator.api import versions
from allocator.common import context
from allocator.common.i18n import _
from allocator.conf import CONF

_VERSION = re.compile(r'([0-9]{1,9})\.([0-9]{1,9})\Z')

LEGACY_PREFIX = 'X-OpenStack-Ironic-API-'
PREFIX = 'OpenStack-API-'


class RequestId(request_id.RequestId):
    """Gives every request an id, and tells it under both usual names."""

    compat_headers = ['openstack-request-id']


class CrossOrigin:
    """Lets browsers use the API from the origins in [cors] allowed_origin.

    A request that is no browser's goes past it: oslo.middleware answers any
    OPTIONS with 200.
    """

    def __init__(self, application):
        self._application = application
        self._cors = cors.CORS(application, CONF)

    def __call__(self, environ, start_response):
        chosen = (self._cors if 'HTTP_ORIGIN' in environ
                  else self._application)
        return chosen(environ, start_response)


class VersionHeaders:
    """Tells the least, the greatest and the used microversion.

    Every answer, errors included, carries them ("Microversion
    Specification" of the OpenStack API SIG).
    """

    def __init__(self, application):
        self._application = application

    @webob.dec.wsgify
    def __call__(self, request):
        response = request.get_response(self._application)
        _tell(response, request.environ.get('allocator.version'))
        return response


class VersionMiddleware:
    """Finds out which microversion a client speaks."""

    def __init__(self, application):
        self._application = application

    @webob.dec.wsgify
    def __call__(self, request):
        try:
            minor = _requested(request.headers)
        except _BadVersion as exc:
            return errors.answer(exc.code, str(exc))
        request.environ['allocator.version'] = minor
        return request.get_response(self._application)


class _BadVersion(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def _requested(headers):
    """Read the version that a client asks for.

    :returns: its minor number
    :raises: _BadVersion
    """
    value = None
    for item in headers.get('OpenStack-API-Version', '').split(','):
        service, _space, version = item.strip().partition(' ')
        if service.lower() == versions.SERVICE_TYPE:
            value = version.strip()
    if value is None:
        value = headers.get(LEGACY_PREFIX + 'Version', '').strip()
        if not value:
            return versions.DEFAULT
    if value.lower() == 'latest':
        return versions.MAX
    match = _VERSION.match(value)
    if match is None:
        raise _BadVersion(400, _(
            'Invalid value for the API version: "%s". It must look like '
            '1.52, or be "latest".') % value)
    major, minor = map(int, match.groups())
    if major != 1 or not versions.MIN <= minor <= versions.MAX:
        raise _BadVersion(406, _(
            'Version %(version)s was requested but is not supported by this '
            'service. The supported version range is: [%(min)s, %(max)s].')
            % {'version': value, 'min': versions.string(versions.MIN),
               'max': versions.string(versions.MAX)})
    return minor


def _tell(response, minor):
    lowest = versions.string(versions.MIN)
    highest = versions.string(versions.MAX)
    headers = response.headers
    headers[LEGACY_PREFIX + 'Minimum-Version'] = lowest
    headers[LEGACY_PREFIX + 'Maximum-Version'] = highest
    headers[PREFIX + 'Minimum-Version'] = (
        versions.SERVICE_TYPE + ' ' + lowest)
    headers[PREFIX + 'Maximum-Version'] = (
        versions.SERVICE_TYPE + ' ' + highest)
    if minor is not None:
        used = versions.string(minor)
        headers[LEGACY_PREFIX + 'Version'] = used
        headers[PREFIX + 'Version'] = versions.SERVICE_TYPE + ' ' + used
    response.vary = (*(response.vary or ()), PREFIX + 'Version',
                     LEGACY_PREFIX + 'Version')


class PathMiddleware:
    """Makes the path plain: text, no slash at its end, no .json suffix.

    ``allocator.json_suffix`` in the environment says that there was one.
    """

    def __init__(self, application):
        self._application = application

    @webob.dec.wsgify
    def __call__(self, request):
        try:
            path = request.path_info.rstrip('/')
        except UnicodeError:
            path = None
        if path is None or '\x00' in path:
            return errors.answer(400, _('The path of the URL is malformed.'))
        if (request.environ['allocator.version'] < versions.NO_JSON_SUFFIX
                and path.endswith('.json')):
            path = path.removesuffix('.json')
            request.environ['allocator.json_suffix'] = True
        request.path_info = path or '/'
        return request.get_response(self._application)


class ErrorMiddleware:
    """Gives errors of the middleware below the form that clients parse."""

    def __init__(self, application):
        self._application = application

    @webob.dec.wsgify
    def __call__(self, request):
        # Else the log would give what the middleware below says to whoever
        # sent this thread's last request.
        context.anonymous_context(request.environ)
        try:
            response = request.get_response(self._application)
        except Exception as exc:
            return errors.answer_to(exc)
        if response.status_int >= 400 and not errors.is_ours(response):
            known = webob.exc.status_map.get(response.status_int)
            ours = errors.answer(response.status_int, known.explanation
                                 if known else response.status)
            response.body = ours.body
            response.content_type = ours.content_type
            response.charset = None
        return response


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
