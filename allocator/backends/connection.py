# SPDX-License-Identifier: Apache-2.0
"""Sends requests to one Bare Metal service, and tells failures apart.

The session, the authentication and the endpoint are keystoneauth1's, by the
options of the backend's group (``allocator.conf.backend``).
"""

import json
import ssl

from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import loading
import requests
import urllib3

from allocator import version
from allocator.backends import exception
from allocator.common.i18n import _
from allocator.conf import CONF
from allocator.telemetry import metrics

# The microversion that is asked for where the service has it, and the oldest
# that has all that is needed: the owner of allocations and the lessee.
WANTED = (1, 107)
OLDEST = (1, 65)

VERSION_HEADER = 'X-OpenStack-Ironic-API-Version'
_MIN_HEADER = 'X-OpenStack-Ironic-API-Minimum-Version'
_MAX_HEADER = 'X-OpenStack-Ironic-API-Maximum-Version'

# Seconds in which a connection must stand. Nothing is sent before, so to give
# up leaves no doubt, and a host that is switched off is soon known to be.
CONNECT_TIMEOUT = 10.0

# Characters of an answer's text that are kept.
_TEXT_LENGTH = 500

# Methods that keystoneauth1 may repeat, as its options say. Whether to repeat
# a change is for whoever knows what was to be changed.
_REPEATABLE = frozenset({'GET'})

_CLASSES = {401: exception.Denied, 403: exception.Denied,
            404: exception.NotFound, 409: exception.Conflict}


class Connection:
    """A way to one Bare Metal service; threads may share it.

    :param name: name of the backend, whose options are registered
    :raises allocator.backends.exception.Misconfigured: its options do not
        make a session
    """

    def __init__(self, name):
        self.name = name
        self._version = None
        self._load()

    def _load(self):
        try:
            auth = loading.load_auth_from_conf_options(CONF, self.name)
            if auth is None:
                raise self._error(exception.Misconfigured,
                                  _('its option auth_type is not set'))
            self._session = loading.load_session_from_conf_options(
                CONF, self.name, auth=auth,
                timeout=self._options.request_timeout)
            self._adapter = loading.load_adapter_from_conf_options(
                CONF, self.name, session=self._session,
                client_name='allocator',
                client_version=version.version_info.release_string())
        except (ksa_exc.ClientException, TypeError, ValueError) as exc:
            raise self._error(exception.Misconfigured, exc) from exc

    @property
    def _options(self):
        return CONF[self.name]

    def _error(self, kind, reason, status=None):
        return kind(backend=self.name, reason=str(reason), status=status)

    # --- Where it is, and what it speaks -----------------------------------

    def root(self):
        """Find the URL below which ``/v1`` is.

        :returns: URL without a slash at its end
        :raises allocator.backends.exception.NotSent: nobody knows
        """
        return self._root(self._adapter.get_endpoint)

    def public_url(self):
        """Find the URL of the service that its clients are sent to.

        :returns: URL without a slash at its end
        :raises allocator.backends.exception.NotSent: nobody knows
        """
        if self._options.public_url:
            return _without_version(self._options.public_url)
        return self._root(self._find_public_endpoint)

    def _find_public_endpoint(self):
        try:
            found = self._session.get_endpoint(
                interface='public', service_type=self._adapter.service_type,
                service_name=self._adapter.service_name,
                region_name=self._adapter.region_name)
        except ksa_exc.EndpointNotFound:
            found = None
        # Of what no catalogue tells there is one endpoint.
        return found or self._adapter.get_endpoint()

    def _root(self, find):
        try:
            found = find()
        except ksa_exc.ClientException as exc:
            raise self._error(exception.NotSent, exc) from exc
        if not found:
            raise self._error(exception.NotSent, _(
                'there is no endpoint of it in the catalogue of the Identity '
                'service, and endpoint_override is not set'))
        return _without_version(found)

    def versions(self):
        """Ask for the range of microversions.

        :returns: the oldest and the newest, each a tuple of two integers
        :raises allocator.backends.exception.BackendError: see there
        """
        answer = self._exchange('GET', self.root() + '/v1', {})
        self._check(answer)
        try:
            return (_parse(answer.headers[_MIN_HEADER]),
                    _parse(answer.headers[_MAX_HEADER]))
        except (KeyError, ValueError) as exc:
            raise self._error(exception.Incompatible, _(
                '%s is no Bare Metal service') % self.root()) from exc

    def version(self):
        """Choose the microversion of requests, asking the first time.

        :returns: tuple of two integers
        :raises allocator.backends.exception.Incompatible: it is too old
        :raises allocator.backends.exception.NotSent: it did not say
        """
        if self._version is None:
            try:
                _oldest, newest = self.versions()
            except exception.BackendError as exc:
                if isinstance(exc, exception.NotSent):
                    raise
                # Whatever was to be sent after this question was not.
                raise self._error(exception.NotSent, exc.reason,
                                  exc.status) from exc
            if newest < OLDEST:
                raise self._error(exception.Incompatible, _(
                    'its API is of version %(newest)s, and %(oldest)s is '
                    'needed') % {'newest': _format(newest),
                                 'oldest': _format(OLDEST)})
            self._version = min(WANTED, newest)
        return self._version

    # --- Sending -----------------------------------------------------------

    def send(self, method, path, params=None, body=None, request_id=None):
        """Send a request.

        :param method: HTTP method
        :param path: path below the root, percent-encoded
        :param params: dict of query parameters
        :param body: what is sent as JSON, None for no body
        :param request_id: global request id ("req-" and a UUID)
        :returns: what the JSON body of the answer holds, None without one
        :raises allocator.backends.exception.BackendError: see there
        """
        arguments = {'params': params}
        if body is not None:
            arguments['json'] = body
        if request_id:
            arguments['global_request_id'] = request_id
        answer = self._send_versioned(method, path, arguments)
        if answer.status_code == 406:
            # It is another version by now, after an upgrade or a way back.
            self._version = None
            answer = self._send_versioned(method, path, arguments)
        self._check(answer)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as exc:
            raise self._error(exception.OutcomeUnknown, _(
                'its answer cannot be read: %s') % exc,
                answer.status_code) from exc

    def _send_versioned(self, method, path, arguments):
        headers = {VERSION_HEADER: _format(self.version())}
        return self._exchange(method, self.root() + path, headers,
                              **arguments)

    def _exchange(self, method, url, headers, **arguments):
        try:
            # A token, so that its failure is known to be one before sending.
            self._session.get_auth_headers()
        except ksa_exc.ClientException as exc:
            raise self._error(exception.NotSent, exc) from exc
        if method not in _REPEATABLE:
            arguments |= {'connect_retries': 0, 'status_code_retries': 0}
        status = 'none'
        seconds = self._options.request_timeout
        try:
            answer = self._adapter.request(
                url, method, headers=headers, raise_exc=False,
                timeout=(min(CONNECT_TIMEOUT, seconds), seconds), **arguments)
            status = str(answer.status_code)
            return answer
        except ksa_exc.ConnectionError as exc:
            kind = (exception.NotSent if _was_never_sent(exc)
                    else exception.OutcomeUnknown)
            raise self._error(kind, exc) from exc
        except ksa_exc.ClientException as exc:
            # It answered 401, and there is no new token to be had.
            raise self._error(exception.NotSent, exc) from exc
        finally:
            metrics.count('backend_requests_total', backend=self.name,
                          method=method, status=status)

    def _check(self, answer):
        status = answer.status_code
        if 200 <= status < 300:
            return
        # 408 is the timeout of a proxy in between.
        unknown = status >= 500 or status == 408
        kind = (exception.OutcomeUnknown if unknown
                else _CLASSES.get(status, exception.Refused))
        raise self._error(kind, '%d: %s' % (status, _text(answer)), status)


def _was_never_sent(failure):
    """Tell whether keystoneauth1 failed before anything was sent."""
    # keystoneauth1 raises while it handles what requests raised. No further:
    # whoever called us may be handling the failure of another request.
    cause = failure.__context__
    if isinstance(cause, (requests.ConnectTimeout, ValueError)):
        return True  # a ValueError: a URL that is none
    wrapped = cause.args[0] if cause is not None and cause.args else None
    reason = getattr(wrapped, 'reason', None)
    if isinstance(reason, urllib3.exceptions.SSLError) and reason.args:
        return isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _text(answer):
    """Get the sentence of an error, whatever form it has."""
    try:
        found = answer.json()
        for key in ('error_message', 'error', 'errors', 'faultstring',
                    'message'):
            while isinstance(found, dict) and key in found:
                found = found[key]
                if isinstance(found, str) and found.startswith('{'):
                    found = json.loads(found)
    except ValueError:
        found = answer.text
    text = found if isinstance(found, str) else json.dumps(found)
    return (text or answer.reason or '')[:_TEXT_LENGTH]


def _without_version(url):
    return url.rstrip('/').removesuffix('/v1').rstrip('/')


def _parse(text):
    major, minor = text.split('.')
    return int(major), int(minor)


def _format(version_):
    return '%d.%d' % version_
