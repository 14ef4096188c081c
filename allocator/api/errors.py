# SPDX-License-Identifier: Apache-2.0
"""Errors on the wire.

The body is ``{"error_message": "<JSON>"}``: a string that holds JSON, for
that is what the clients of the Bare Metal API parse.
"""

import json

from oslo_db import exception as db_exc
from oslo_log import log
import sqlalchemy.exc
import webob
import webob.exc

from allocator.common import exception
from allocator.common.i18n import _

LOG = log.getLogger(__name__)

# Characters of a sentence, which may quote what a client sent.
MAX_MESSAGE = 2000


class MethodNotAllowed(exception.AllocatorException):
    code = 405
    template = _('The method %(method)s is not allowed for this resource.')

    def __init__(self, message=None, allowed=(), **parts):
        super().__init__(message, **parts)
        self.allowed = allowed


class BodyIncomplete(exception.AllocatorException):
    code = 408
    template = _('The request body did not arrive in time.')


class BodyTooLarge(exception.AllocatorException):
    code = 413
    template = _('The request body is larger than %(limit)d bytes.')


class UnsupportedMediaType(exception.AllocatorException):
    code = 415
    template = _('The request body must be JSON (Content-Type: '
                 'application/json), not "%(type)s".')


def answer(code, message, allowed=None):
    """Make the answer to a request that failed.

    A 503 has no Retry-After: python-ironicclient (6.3 and before) ends with
    a TypeError where it finds one, instead of trying again.

    :param code: HTTP status code
    :param message: the sentence for the client
    :param allowed: the methods that the URL has, for a 405
    :returns: webob.Response
    """
    fault = {'faultcode': 'Client' if code < 500 else 'Server',
             'faultstring': _shortened(message), 'debuginfo': None}
    found = webob.Response(
        status=code, content_type='application/json', charset=None,
        body=json.dumps({'error_message': json.dumps(fault)}).encode())
    if allowed is not None:
        found.headers['Allow'] = ', '.join(allowed)
    return found


def _shortened(message):
    if len(message) <= MAX_MESSAGE:
        return message
    return message[:MAX_MESSAGE] + '…'


def answer_to(error):
    """Make the answer to a request that raised an error.

    :param error: the exception
    :returns: webob.Response
    """
    if isinstance(error, exception.AllocatorException):
        return answer(error.code, message_of(error),
                      getattr(error, 'allowed', None))
    if isinstance(error, webob.exc.HTTPException):
        return answer(error.code, error.detail or error.explanation)
    if isinstance(error, (db_exc.DBConnectionError,
                          db_exc.DBNonExistentDatabase,
                          # MySQL turns the service's user away.
                          sqlalchemy.exc.OperationalError)):
        LOG.error('The database is away: %s', error)
        return answer(503, _('The database is away. Try again later.'))
    if isinstance(error, (db_exc.DBDeadlock, sqlalchemy.exc.TimeoutError)):
        LOG.error('The database is too busy: %s', error)
        return answer(503, _('The database is too busy. Try again later.'))
    LOG.exception('Unexpected error', exc_info=error)
    return answer(500, _('An unexpected error occurred. The log of the '
                         'service tells more.'))


def message_of(error):
    """Get the sentence of an error, whichever side of the bus it is from.

    What str() gives for an error that crossed the message bus ends in the
    other side's traceback, which is not for clients.
    """
    return error.args[0]


def is_ours(response):
    """Tell whether an answer is an error in the form above.

    :param response: webob.Response
    """
    if response.content_type != 'application/json':
        return False
    try:
        return 'error_message' in json.loads(response.body)
    except (TypeError, ValueError):
        return False
