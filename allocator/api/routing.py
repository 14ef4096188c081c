# SPDX-License-Identifier: Apache-2.0
"""From a path and a method to the function that answers."""

import functools
import json

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
                return ''
            return json.dumps(result)
        return pecan.expose(content_type='application/json')(wrapper)
    return decorate


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
        text = controller()
        if text:
            state.response.text = text
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
        minor = request.environ['allocator.version']
        if versions.has_method(resource, request.method, minor):
            return
        code = versions.refusal(resource, request.method)
        if code == 404:
            raise exception.NotFound()
        if code == 406:
            raise exception.NotAcceptable(reason=_(
                'This resource needs version %s or later.')
                % versions.string(versions.RESOURCES[resource].since))
        raise errors.MethodNotAllowed(method=request.method,
                                      allowed=self._allowed(minor))

    def _allowed(self, minor):
        return [method for method in METHODS
                if hasattr(self, method.lower())
                and (self.resource is None
                     or versions.has_method(self.resource, method, minor))]

    def _handler(self, request):
        allowed = self._allowed(request.environ['allocator.version'])
        if request.method not in allowed:
            raise errors.MethodNotAllowed(method=request.method,
                                          allowed=allowed)
        return getattr(self, request.method.lower())
