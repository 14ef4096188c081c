# SPDX-License-Identifier: Apache-2.0
"""From a path and a method to the function that answers."""

import functools
import json

import orjson
import pecan

from allocator.api import errors
from allocator.api import versions
from allocator.common import exception
from allocator.common.i18n import _

METHODS = ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')


def expose(status=200):
    """Make a controller's method answer a request.

    :param status: HTTP status code of the answer. What the method returns
        becomes the JSON body, None an empty one.
    """
    def decorate(function):
        @functools.wraps(function)
        def wrapper(self):
            result = function(self)
            pecan.response.status = status
            if result is None:
                pecan.response.content_type = None
                pecan.request.pecan['content_type'] = None
                return b''
            return _json(result)
        return pecan.expose(content_type='application/json')(wrapper)
    return decorate


def _json(document):
    """Write what the body of an answer holds.

    :returns: bytes
    """
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        # It takes neither lone surrogates nor integers of over 64 bits, which
        # clients may put into "extra".
        return json.dumps(document).encode()


class Application(pecan.Pecan):
    """Pecan for controllers that are Resources.

    They find their children themselves and take no arguments from the
    request. What Pecan does for others, it does anew at each request: it
    builds a class to look at a function's arguments, twice.
    """

    def __call__(self, environ, start_response):
        try:
            return super().__call__(environ, start_response)
        finally:
            # Request and response refer to each other through this; a long
            # page would stay until the garbage collector came by.
            environ.pop('pecan.locals', None)

    def route(self, req, node, path):
        return node._route(path.split('/')[1:], req)

    def invoke_controller(self, controller, args, kwargs, state):
        body = controller()
        if body:
            state.response.body = body
        content_type = state.request.pecan['content_type']
        if content_type:
            state.response.content_type = content_type


class Resource:
    """A URL: a method of this object for each HTTP method, children below.

    The version gate stands here, before a body is read and before policy.
    """

    #: Row of the table of microversions that gates this URL.
    resource: str | None = None

    def child(self, segment):
        """Find what lies below this URL.

        :param segment: the next part of the path
        :returns: Resource, or None
        """

    @pecan.expose()
    def _route(self, args, request):
        if not args or args == ['']:
            if self.resource is not None:
                self._check_version(self.resource, request)
            return self._handler(request), []
        child = self.child(args[0])
        if child is None:
            raise exception.NotFound()
        return child._route(args[1:], request)

    def _check_version(self, resource, request):
        api = request.environ['allocator.api']
        minor = request.environ['allocator.version']
        if api.has_method(resource, request.method, minor):
            return
        code = api.refusal(resource, request.method)
        if code == 404:
            raise exception.NotFound()
        if code == 406:
            raise exception.NotAcceptable(reason=_(
                'This resource needs version %s or later.')
                % versions.string(api.resources[resource].since))
        raise errors.MethodNotAllowed(method=request.method,
                                      allowed=self._allowed(request))

    def _allowed(self, request):
        api = request.environ['allocator.api']
        minor = request.environ['allocator.version']
        return [method for method in METHODS
                if hasattr(self, method.lower())
                and (self.resource is None
                     or api.has_method(self.resource, method, minor))]

    def _handler(self, request):
        allowed = self._allowed(request)
        if request.method not in allowed:
            raise errors.MethodNotAllowed(method=request.method,
                                          allowed=allowed)
        return getattr(self, request.method.lower())
