# SPDX-License-Identifier: Apache-2.0
"""Finds out who sends a request, as [DEFAULT] auth_strategy has it."""

import importlib
import sys

from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import loading
from keystonemiddleware import auth_token
from oslo_log import log
from oslo_middleware import basic_auth
from oslo_middleware import exceptions as middleware_exc
import webob
import webob.dec
import webob.exc

from allocator.api import errors
from allocator.api.versions import baremetal
from allocator.common import context
from allocator.common import exception
from allocator.conf import CONF

LOG = log.getLogger(__name__)

GROUP = 'keystone_authtoken'

# Seconds that Keystone may take to answer. Without a limit, one that hangs
# would take all threads of the API.
KEYSTONE_TIMEOUT = 10

# Of auth_token's options, in GROUP.
DEFAULTS = {
    'http_connect_timeout': KEYSTONE_TIMEOUT,
    # By it the access rules of application credentials are matched.
    'service_type': baremetal.API.service_type,
}

REALM = 'Basic realm="allocator"'

# Marks requests that reach the API without authentication.
PUBLIC = 'allocator.public'


def set_defaults():
    """Set this service's defaults of auth_token's options."""
    for name, value in DEFAULTS.items():
        CONF.set_default(name, value, group=GROUP)


def require_configuration():
    """End the process, with a sentence, if nobody could ever come in."""
    if CONF.auth_strategy == 'keystone':
        _require_keystone()
    elif CONF.auth_strategy == 'http_basic':
        _require_users()


def _require_keystone():
    _require_memcached()
    _require_protection()
    try:
        plugin = loading.load_auth_from_conf_options(CONF, GROUP)
    except Exception as exc:  # each plugin has errors of its own
        sys.exit('The section [%s] of the configuration cannot be used: %s'
                 % (GROUP, exc))
    if plugin is None:
        sys.exit('[%s] auth_type is not set: this service needs a user of '
                 'its own to have tokens checked. Set the section as the '
                 'installation guide says, or choose another [DEFAULT] '
                 'auth_strategy.' % GROUP)


def _require_memcached():
    """End the process if the cache of tokens needs what is not installed."""
    conf = CONF[GROUP]
    if not conf.memcached_servers:
        return
    # The client that auth_token uses, and imports at the first token.
    client = 'bmemcached' if conf.memcache_sasl_enabled else 'memcache'
    try:
        importlib.import_module(client)
    except ImportError as exc:
        sys.exit('[%s] memcached_servers is set, but the client of memcached '
                 'is not installed: %s. Install the extra "memcached" (with '
                 'memcache_sasl_enabled python-binary-memcached), or leave '
                 'the option out: each process then caches tokens itself.'
                 % (GROUP, exc))


def _require_protection():
    """End the process if the cache cannot be protected as it is to be."""
    conf = CONF[GROUP]
    strategy = conf.memcache_security_strategy.lower()
    if strategy == 'none':
        return
    if not conf.memcache_secret_key:
        sys.exit('[%s] memcache_security_strategy is set, and needs a '
                 'memcache_secret_key.' % GROUP)
    if strategy == 'encrypt':
        # auth_token misses it no sooner than at the first token.
        try:
            importlib.import_module('cryptography')
        except ImportError as exc:
            sys.exit('[%s] memcache_security_strategy is ENCRYPT, but what '
                     'encrypts is not installed: %s. Install the extra '
                     '"memcached", or choose MAC.' % (GROUP, exc))


def _require_users():
    path = CONF.http_basic_auth_user_file
    try:
        # Of one that cannot be opened, the library says only that much.
        open(path).close()
        basic_auth.validate_auth_file(path)
    except OSError as exc:
        reason = exc.strerror
    except webob.exc.HTTPException as exc:
        reason = exc.detail
    except (middleware_exc.ConfigInvalid, ValueError) as exc:
        reason = str(exc)
    else:
        return
    sys.exit('The file of users %s ([DEFAULT] http_basic_auth_user_file) '
             'cannot be used: %s' % (path, reason))


def protect(application, api):
    """Put authentication before an application.

    :param application: WSGI application
    :param api: the versions.table.Api that it serves
    :returns: WSGI application
    """
    if CONF.auth_strategy == 'keystone':
        set_defaults()
        options = {'oslo_config_config': CONF}
        if api is not baremetal.API:
            options['service_type'] = api.service_type
        return Refusals(auth_token.AuthProtocol(application, options))
    if CONF.auth_strategy == 'http_basic':
        CONF.set_override('http_basic_auth_user_file',
                          CONF.http_basic_auth_user_file,
                          group='oslo_middleware')
        return BasicAuthentication(application, CONF)
    return application


def context_of(environ):
    """Tell who sends a request.

    :param environ: its WSGI environment, after authentication
    :returns: RequestContext
    :raises: Forbidden for a token without scope, or for a domain
    """
    if PUBLIC in environ:
        # Nobody has looked at the headers, which could claim anything.
        return context.anonymous_context(environ)
    if CONF.auth_strategy == 'keystone':
        found = context.authenticated_context(environ)
        if found.project_id is None and found.system_scope is None:
            raise exception.Unscoped()
        return found
    user = (environ.get('HTTP_X_USER_NAME')
            if CONF.auth_strategy == 'http_basic' else None)
    return context.admin_context(environ, user_name=user)


class Refusals:
    """Says in this service's words why auth_token let nobody in.

    :param middleware: auth_token with the application behind it
    """

    def __init__(self, middleware):
        self._middleware = middleware

    def __call__(self, environ, start_response):
        try:
            status, headers, body = webob.Request(environ).call_application(
                self._middleware)
        except ksa_exc.ClientException as exc:
            LOG.error('Tokens cannot be checked: %s', exc)
            return errors.answer(environ, errors.IdentityAway())(
                environ, start_response)
        if status[:3] in ('401', '503'):
            answer = _explained(environ, webob.Response(
                status=status, headerlist=headers, app_iter=body))
            return answer(environ, start_response)
        start_response(status, headers)
        return body


def _explained(environ, response):
    """Say in this service's words what auth_token answered.

    :param environ: WSGI environment of the request
    :param response: webob.Response
    """
    if response.status_int == 401:
        return _challenge(environ, response.headers.get('WWW-Authenticate'))
    if errors.is_ours(environ, response):
        return response
    return errors.answer(environ, errors.IdentityAway())


def _challenge(environ, how):
    """Refuse a client that has not proven who it is.

    :param environ: WSGI environment of its request
    :param how: value of the header WWW-Authenticate (RFC 9110, 11.6.1)
    """
    response = errors.answer(environ, errors.Unauthenticated())
    if how:
        response.headers['WWW-Authenticate'] = how
    return response


class BasicAuthentication(basic_auth.BasicAuthMiddleware):
    """HTTP basic authentication (RFC 7617) that answers in JSON.

    oslo.middleware's own answer to everything, the errors of the application
    included, is 401 with the text of the exception.
    """

    @webob.dec.wsgify
    def __call__(self, request):
        try:
            found = basic_auth.parse_token(
                basic_auth.parse_header(request.environ))
        except webob.exc.HTTPException:
            return _challenge(request.environ, REALM)
        try:
            request.environ.update(
                basic_auth.authenticate(self.auth_file, *found))
        except (webob.exc.HTTPUnauthorized, ValueError):
            # bcrypt refuses passwords over 72 bytes or with NUL by the
            # second: they are nobody's.
            return _challenge(request.environ, REALM)
        except webob.exc.HTTPException as exc:
            LOG.error('The file of users %s cannot be used: %s',
                      self.auth_file, exc.detail)
            return errors.answer(request.environ, errors.UsersAway())
        return request.get_response(self.application)
