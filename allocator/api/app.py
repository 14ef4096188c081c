# SPDX-License-Identifier: Apache-2.0
"""Builds the WSGI application."""

from wsgiref import types

from oslo_middleware import http_proxy_to_wsgi

from allocator.api import authentication
from allocator.api import draining
from allocator.api import healthchecks
from allocator.api import hooks
from allocator.api import measuring
from allocator.api import middleware
from allocator.api import request
from allocator.api import routing
from allocator.api.controllers import root
from allocator.api.controllers.own import root as own_root
from allocator.api.types import settling
from allocator.api.versions import baremetal
from allocator.api.versions import own
from allocator.common import policy
from allocator.common import service
from allocator.conf import CONF
from allocator.telemetry import metrics
from allocator.telemetry import metrics_server
from allocator.telemetry import tracing


def require_configuration():
    """End the process, with a sentence, if it could serve nobody.

    To be called before the server's worker processes are started, which
    would be again and again, and before a reload, which must not end those
    that serve. So whatever the application cannot be made without is here.
    """
    service.require_database()
    service.require_heartbeats()
    authentication.require_configuration()
    policy.require_files()
    tracing.require()


def setup_app():
    """Build the application as configured.

    :returns: WSGI application
    """
    settling.settle()
    healthchecks.set_defaults()
    app: types.WSGIApplication = middleware.Apis({
        baremetal.API: _api(baremetal.API, root.RootController(),
                            '/', '/v1'),
        own.API: _api(own.API, own_root.RootController(),
                      '/allocator', '/allocator/v1')})
    if metrics.is_on() and CONF.metrics.path:
        app = middleware.PublicRoutes(app, {
            CONF.metrics.path: metrics_server.application()})
    app = middleware.Errors(app)
    # Its answers are for load balancers, 503 included.
    app = middleware.PublicRoutes(app, healthchecks.applications())
    app = middleware.Frame(app)
    # The middleware registers it, but only when it is made; where it has
    # nothing to do it would but cost each request time.
    CONF.register_opts(http_proxy_to_wsgi.OPTS, 'oslo_middleware')
    if CONF.oslo_middleware.enable_proxy_headers_parsing:
        app = http_proxy_to_wsgi.HTTPProxyToWSGI(app, CONF)
    if metrics.is_on():
        app = measuring.RequestMetrics(app)
    app = tracing.application(app)
    return draining.UnreadBody(app)


def _api(api, controller, *public):
    """Build the application of one API.

    :param api: versions.table.Api
    :param controller: its root
    :param public: the paths that need no authentication
    :returns: WSGI application
    """
    application = routing.Application(
        controller, hooks=hooks.all_hooks, request_cls=request.Request,
        force_canonical=False, guess_content_type_from_ext=False)
    return middleware.PublicRoutes(
        authentication.protect(application, api),
        dict.fromkeys(public, application))
