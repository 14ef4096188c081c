# SPDX-License-Identifier: Apache-2.0
"""Errors of the service, with their sentence and their code.

Each is the exception that openstacksdk raises for the status, so that code
which catches those goes on to work. ``code`` is for programs, and stays;
the API reference of the service lists all of them.
"""

from openstack import exceptions
import requests


class AllocatorError(exceptions.HttpException):
    """The service refused a request, or failed.

    :ivar code: what the error is, e.g. "allocator.node.in_use"
    :ivar detail: the service's sentence about it
    """

    code: str | None = None
    detail: str = ''

    def __str__(self) -> str:
        request = ', request %s' % self.request_id if self.request_id else ''
        return '%s (HTTP %s, %s%s)' % (self.detail, self.status_code,
                                       self.code, request)


class BadRequest(AllocatorError, exceptions.BadRequestException):
    """Something in the request is wrong (400)."""


class Forbidden(AllocatorError, exceptions.ForbiddenException):
    """The policies do not let this user do that (403)."""


class NotFound(AllocatorError, exceptions.NotFoundException):
    """It does not exist, for this user (404)."""


class Conflict(AllocatorError, exceptions.ConflictException):
    """The request does not go with the present state (409)."""


_CLASSES: dict[int, type[AllocatorError]] = {
    400: BadRequest, 403: Forbidden, 404: NotFound, 409: Conflict}


def raise_for(response: requests.Response | None) -> None:
    """Raise the error that an answer is, if it has the service's form.

    What a proxy in between has answered is left to openstacksdk.

    :raises: AllocatorError
    """
    if response is None or response.status_code < 400:
        return
    try:
        first = response.json()['errors'][0]
        detail, code = first['detail'], first['code']
    except (ValueError, LookupError, TypeError):
        return
    error = _CLASSES.get(response.status_code, AllocatorError)(
        message=detail, response=response, details=detail)
    error.code, error.detail = code, detail
    raise error
