# SPDX-License-Identifier: Apache-2.0
"""Errors on the wire, in the form of the API that was asked."""

import json

from oslo_log import log
import webob
import webob.exc
import webob.util

from allocator.api import versions
from allocator.api.versions import own
from allocator.common import exception
from allocator.common.i18n import _
from allocator.db import outages

LOG = log.getLogger(__name__)

# Characters of a sentence, which may quote what a client sent.
MAX_MESSAGE = 2000


class MalformedPath(exception.Invalid):
    error_code = 'allocator.path.malformed'
    template = _('The path of the URL is malformed.')


class MalformedVersion(exception.Invalid):
    error_code = 'allocator.microversion.malformed'
    template = _('Invalid value for the API version: "%(version)s". It must '
                 'look like %(example)s, or be "latest".')


class Unauthenticated(exception.AllocatorException):
    code = 401
    error_code = 'allocator.unauthenticated'
    template = _('The request you have made requires authentication.')


class MethodNotAllowed(exception.AllocatorException):
    code = 405
    error_code = 'allocator.method_not_allowed'
    template = _('The method %(method)s is not allowed for this resource.')

    def __init__(self, allowed=(), **parts):
        super().__init__(**parts)
        self.allowed = allowed


class UnsupportedVersion(exception.NotAcceptable):
    """A version out of the range of an API.

    The code is that of the SIG's microversion specification, as are the
    further members of its error.

    :param api: versions.table.Api
    :param version: what the client asked for
    """

    error_code = 'allocator.microversion-unsupported'
    template = _('Version %(version)s was requested but is not supported by '
                 'this service. The supported version range is: '
                 '[%(min)s, %(max)s].')

    def __init__(self, api, version):
        least = versions.string(api.least)
        greatest = versions.string(api.greatest)
        super().__init__(version=version, min=least, max=greatest)
        self.members = {'min_version': least, 'max_version': greatest}


class BodyIncomplete(exception.AllocatorException):
    code = 408
    error_code = 'allocator.body.incomplete'
    template = _('The request body did not arrive in time.')


class BodyTooLarge(exception.AllocatorException):
    code = 413
    error_code = 'allocator.body.too_large'
    template = _('The request body is larger than %(limit)d bytes.')


class UnsupportedMediaType(exception.AllocatorException):
    code = 415
    error_code = 'allocator.body.unsupported_media_type'
    template = _('The request body must be JSON (Content-Type: '
                 'application/json), not "%(type)s".')


class Unexpected(exception.AllocatorException):
    error_code = 'allocator.internal_error'
    template = _('An unexpected error occurred. The log of the service tells '
                 'more.')


class DatabaseAway(exception.TemporaryFailure):
    error_code = 'allocator.database.away'
    template = _('The database is away. Try again later.')


class DatabaseBusy(exception.TemporaryFailure):
    error_code = 'allocator.database.busy'
    template = _('The database is too busy. Try again later.')


class IdentityAway(exception.TemporaryFailure):
    error_code = 'allocator.identity.away'
    template = _('The Identity service cannot check the token at the moment. '
                 'Try again later.')


class UsersAway(exception.TemporaryFailure):
    error_code = 'allocator.users.away'
    template = _('The file of users cannot be read. Try again later.')


class Foreign(exception.AllocatorException):
    """An error that a library answers with.

    :param code: HTTP status code
    :param sentence: what it says
    """

    template = _('%(sentence)s')

    def __init__(self, code, sentence):
        super().__init__(sentence=sentence)
        self.code = code


def answer(environ, error):
    """Make the answer to a request that raised an error.

    A 503 has no Retry-After: python-ironicclient (6.3 and before) ends with
    a TypeError where it finds one, instead of trying again.

    :param environ: WSGI environment of the request
    :param error: the exception
    :returns: webob.Response
    """
    error = _known(error)
    form = _sig_form if _is_own(environ) else _fault_form
    found = webob.Response(
        status=error.code, content_type='application/json', charset=None,
        body=json.dumps(form(environ, error)).encode())
    if error.location is not None:
        found.location = error.location
    if isinstance(error, MethodNotAllowed):
        found.headers['Allow'] = ', '.join(error.allowed)
    return found


def _is_own(environ):
    return environ['allocator.api'] is own.API


def _fault_form(environ, error):
    """Write an error as the clients of the Bare Metal API parse it.

    It is ``{"error_message": "<JSON>"}``: a string that holds JSON.
    """
    fault = {'faultcode': 'Client' if error.code < 500 else 'Server',
             'faultstring': _sentence(error), 'debuginfo': None}
    return {'error_message': json.dumps(fault)}


def _sig_form(environ, error):
    """Write an error as the API SIG's guideline "Errors" has it."""
    return {'errors': [{
        'status': error.code,
        'code': error.error_code,
        'title': webob.util.status_reasons.get(error.code, _('Error')),
        'detail': _sentence(error),
        'request_id': environ.get('openstack.request_id'),
    } | getattr(error, 'members', {})]}


def _sentence(error):
    message = str(error)
    if len(message) <= MAX_MESSAGE:
        return message
    return message[:MAX_MESSAGE] + '…'


def _known(error):
    """Turn an exception into one that has codes and a sentence.

    :returns: AllocatorException
    """
    if isinstance(error, exception.AllocatorException):
        return error
    if isinstance(error, webob.exc.HTTPException):
        # Its detail may be a library's, and quote what it stumbled over.
        return Foreign(error.code, error.explanation)
    if isinstance(error, outages.AWAY):
        LOG.error('The database is away: %s', error)
        return DatabaseAway()
    if isinstance(error, outages.BUSY):
        LOG.error('The database is too busy: %s', error)
        return DatabaseBusy()
    LOG.exception('Unexpected error', exc_info=error)
    return Unexpected()


def is_ours(environ, response):
    """Tell whether an answer is an error in the form of the API asked.

    :param environ: WSGI environment of the request
    :param response: webob.Response
    """
    if response.content_type != 'application/json':
        return False
    member = 'errors' if _is_own(environ) else 'error_message'
    try:
        return member in json.loads(response.body)
    except (TypeError, ValueError):
        return False
