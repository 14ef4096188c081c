# SPDX-License-Identifier: Apache-2.0
"""Builds the WSGI application."""

from wsgiref import types

from oslo_middleware import healthcheck
from oslo_middleware import http_proxy_to_wsgi

from allocator import metrics
from allocator import metrics_server
from allocator.api import authentication
from allocator.api import healthchecks
from allocator.api import hooks
from allocator.api import measuring
from allocator.api import middleware
from allocator.api import request
from allocator.api import routing
from allocator.api.controllers import root
from allocator.common import policy
from allocator.conf import CONF


def require_configuration():
    """End the process, with a sentence, if it could serve nobody.

    To be called before the server's worker processes are, which would be
    started again and again.
    """
    authentication.require_configuration()
    policy.require_files()


def setup_app():
    """Build the application as configured.

    :returns: WSGI application
    """
    healthchecks.set_defaults()
    api = routing.Application(
        root.RootController(), hooks=hooks.all_hooks,
        request_cls=request.Request, force_canonical=False,
        guess_content_type_from_ext=False)
    public = {'/': api, '/v1': api}
    if metrics.is_on() and CONF.metrics.path:
        public[CONF.metrics.path] = metrics_server.application()
    app: types.WSGIApplication = middleware.PublicRoutes(
        authentication.protect(api), public)
    app = middleware.ErrorMiddleware(app)
    # Its answers are for load balancers, 503 included.
    app = middleware.PublicRoutes(app, {
        '/healthcheck': healthcheck.Healthcheck(None, CONF)})
    app = middleware.PathMiddleware(app)
    app = middleware.VersionMiddleware(app)
    app = middleware.CrossOrigin(app)
    app = middleware.VersionHeaders(app)
    app = http_proxy_to_wsgi.HTTPProxyToWSGI(app, CONF)
    app = middleware.RequestId(app)
    return measuring.RequestMetrics(app) if metrics.is_on() else app
