# SPDX-License-Identifier: Apache-2.0
"""Parameters that every list takes: fields, limit, marker, sorting."""

import dataclasses

from oslo_utils import uuidutils

from allocator.api import request
from allocator.api.types import values
from allocator.common import exception
from allocator.common.i18n import _
from allocator.conf import CONF

PARAMETERS = ('limit', 'marker', 'sort_key', 'sort_dir', 'fields')


@dataclasses.dataclass(frozen=True)
class Page:
    """Which part of a list a client asks for.

    :ivar limit: number of items, within [api] max_limit
    :ivar marker: UUID after which the page begins, or None
    :ivar sort_key: field to sort by
    :ivar descending: whether to sort in falling order
    """

    limit: int
    marker: str | None
    sort_key: str
    descending: bool


def page(query, resource, sortable):
    """Read which page is asked for.

    :param query: dict of the parameters of the request
    :param resource: row of the table of microversions
    :param sortable: names of the fields to sort by
    :returns: Page
    :raises: Invalid, NotAcceptable
    """
    marker = query.get('marker')
    if marker is not None and not uuidutils.is_uuid_like(marker):
        raise exception.InvalidUUID(uuid=marker)
    direction = query.get('sort_dir', 'asc')
    if direction not in ('asc', 'desc'):
        raise exception.Invalid(reason=_(
            'Invalid sort direction: %s. Acceptable values are "asc" and '
            '"desc".') % direction)
    key = query.get('sort_key', 'id')
    if key in sortable:
        _refuse_newer(resource, [key])
    if key != 'id' and key not in request.api().fields(
            resource, sortable, request.version()):
        raise exception.Invalid(reason=_(
            'The sort_key value "%s" is an invalid field for sorting.') % key)
    return Page(_limit(query), values.canonical_uuid(marker) if marker
                else None, key, direction == 'desc')


def _limit(query):
    text = query.get('limit')
    if text is None:
        return CONF.api.max_limit
    # int() takes more than digits: spaces, underscores, other scripts.
    digits = text.lstrip('0')
    if not (text.isascii() and digits.isdigit()):
        raise exception.Invalid(reason=_(
            'Limit must be a positive number, not "%s".') % text[:32])
    return min(int(digits[:9]), CONF.api.max_limit)


def fields(query, resource, known):
    """Read which fields are asked for.

    :param query: dict of the parameters of the request
    :param resource: row of the table of microversions
    :param known: names of all fields
    :returns: list of names, or None when the client did not choose
    :raises: Invalid, NotAcceptable
    """
    if 'fields' not in query:
        return None
    chosen = [name.strip().lower() for name in query['fields'].split(',')]
    _refuse_newer(resource, [name for name in chosen if name in known])
    available = request.api().fields(resource, known, request.version())
    unknown = [name for name in chosen
               if name not in available and name != 'links']
    if unknown:
        raise exception.Invalid(reason=_(
            'Field(s) "%s" are not valid.') % ', '.join(unknown))
    return [name for name in dict.fromkeys(chosen) if name != 'links']


def _refuse_newer(resource, names):
    if not request.api().resources[resource].hides_newer_fields:
        request.refuse_newer('fields', resource, names)


def refuse_unknown(query, known, resource=None):
    """Refuse parameters that a list does not have.

    :param query: dict of the parameters of the request
    :param known: names of those that it has
    :param resource: row of the table of microversions, where an API lacks
        some of them
    :raises: Invalid
    """
    unknown = set(query).difference(known)
    if resource is not None:
        unknown.update(request.api().absent(resource, query))
    if unknown:
        raise exception.Invalid(reason=_('Unknown argument: %s.')
                                % ', '.join(sorted(unknown)))


def boolean(query, name):
    """Read a boolean parameter.

    :raises: Invalid
    """
    try:
        return values.Boolean().validate(query[name])
    except ValueError as exc:
        raise exception.Invalid(reason=_(
            'Invalid value for %(name)s: %(reason)s.') % {
                'name': name, 'reason': exc}) from None


def uuid(query, name):
    """Read a parameter that is a UUID.

    :raises: InvalidUUID
    """
    if not uuidutils.is_uuid_like(query[name]):
        raise exception.InvalidUUID(uuid=query[name])
    return values.canonical_uuid(query[name])
