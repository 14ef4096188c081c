# SPDX-License-Identifier: Apache-2.0
"""Reads a request: its body and its query string, strictly and only once."""

import json
import math
from urllib import parse

import pecan
import wsme.exc
from wsme.rest import json as wsme_json
import wsme.types

from allocator.api import errors
from allocator.api import versions
from allocator.api.types import values
from allocator.common import exception
from allocator.common.i18n import _
from allocator.conf import CONF

JSON_TYPES = ('application/json', 'application/json-patch+json')


class Request(pecan.Request):
    """A request of which Pecan reads no body.

    Pecan looks for a controller's arguments in the body, before a version
    gate or a policy could refuse the request. There are none in it.
    """

    @property
    def params(self):
        return self.GET

    @property
    def GET(self):
        return _NO_PARAMETERS

    @property
    def content_type(self):
        return ''


class _NoParameters(dict):
    def mixed(self):
        return {}


_NO_PARAMETERS = _NoParameters()


def api():
    """Get the API that the request is for.

    :returns: versions.table.Api
    """
    return pecan.request.environ['allocator.api']


def version():
    """Get the minor number of the version that the client asked for."""
    return pecan.request.environ['allocator.version']


def look_up(get, ident):
    """Read what a UUID or name in the URL stands for.

    A .json at the end of the path has been taken off in older versions; if
    nothing has the name that is left, it was part of the name.

    :param get: function that takes a UUID or name
    :param ident: UUID or name, as in the URL
    :returns: what the function returns
    :raises: NotFound
    """
    ident = values.ident(ident)
    try:
        return get(ident)
    except exception.NotFound:
        if 'allocator.json_suffix' not in pecan.request.environ:
            raise
        try:
            return get(ident + '.json')
        except exception.NotFound:
            pass
        raise


def body(datatype, resource):
    """Read the body of the request as a WSME type.

    :param datatype: subclass of wsme.types.Base
    :param resource: row of the table of microversions
    :returns: instance of the type
    :raises: Invalid, NotAcceptable, BodyTooLarge, UnsupportedMediaType
    """
    return _object(json_body(), datatype, resource)


def optional_body(datatype, resource):
    """Read a body as body() does, where none at all means an empty one.

    :param datatype: subclass of wsme.types.Base
    :param resource: row of the table of microversions
    :returns: instance of the type
    :raises: Invalid, NotAcceptable, BodyTooLarge, UnsupportedMediaType
    """
    environ = pecan.request.environ
    # Servers that end the input themselves say so for every request; only
    # a body in chunks has no length then.
    empty = (environ.get('CONTENT_LENGTH') or '0') == '0'
    if empty and 'HTTP_TRANSFER_ENCODING' not in environ:
        return typed(datatype, {})
    return body(datatype, resource)


def _object(document, datatype, resource):
    if not isinstance(document, dict):
        raise exception.Invalid(reason=_(
            'The request body must be a JSON object.'))
    absent = api().absent(resource, document)
    if absent:
        raise _unknown_attributes(absent)
    refuse_newer('inputs', resource, document)
    return typed(datatype, document)


def _unknown_attributes(names):
    return exception.Invalid(reason=_('Unknown attribute: %s.')
                             % ', '.join(sorted(names)))


def refuse_newer(kind, resource, names):
    """Refuse names that only a newer version knows.

    :param kind: "inputs", "filters" or "fields"
    :param resource: row of the table of microversions
    :param names: iterable of names
    :raises: NotAcceptable, Invalid
    """
    for name, minor in api().unknown(kind, resource, names, version()):
        if name in api().resources[resource].unknown_before:
            raise exception.Invalid(reason=_(
                'Unknown attribute: %(name)s. It needs version %(version)s.')
                % {'name': name, 'version': versions.string(minor)})
        raise exception.NotAcceptable(reason=_(
            'Request not acceptable. %(name)s needs version %(version)s or '
            'later.') % {'name': name, 'version': versions.string(minor)})


def typed(datatype, document):
    """Turn a dict into a WSME type.

    :param datatype: subclass of wsme.types.Base
    :param document: dict
    :returns: instance of the type
    :raises: Invalid, with a sentence that names the attribute
    """
    for attribute in wsme.types.list_attributes(datatype):
        if attribute.mandatory and attribute.name not in document:
            raise exception.Invalid(reason=_(
                'Invalid input for %s: it is needed.') % attribute.name)
    try:
        return wsme_json.fromjson(datatype, document)
    except wsme.exc.UnknownAttribute as exc:
        raise _unknown_attributes(exc.attributes) from None
    except wsme.exc.InvalidInput as exc:
        reason = _('Invalid input for %(name)s: %(reason)s') % {
            'name': exc.fieldname, 'reason': exc.msg}
    raise exception.Invalid(reason=reason)


def json_body():
    """Parse the body of the request.

    :returns: what the JSON document holds
    :raises: Invalid, BodyIncomplete, BodyTooLarge, UnsupportedMediaType
    """
    environ = pecan.request.environ
    raw = _read(environ)
    if not raw:
        raise exception.Invalid(reason=_(
            'The request needs a body: a JSON document.'))
    content_type = environ.get('CONTENT_TYPE', '').partition(';')[0].strip()
    if content_type.lower() not in JSON_TYPES:
        raise errors.UnsupportedMediaType(type=content_type)
    document = parse_json(raw)
    check_depth(document)
    return document


def _read(environ):
    limit = CONF.api.max_request_body_size
    declared = environ.get('CONTENT_LENGTH')
    if declared:
        size = _length(declared)
        if size > limit:
            raise errors.BodyTooLarge(limit=limit)
    elif environ.get('wsgi.input_terminated'):
        size = limit + 1
    else:
        return b''
    try:
        raw = environ['wsgi.input'].read(size)
    except OSError:
        raise errors.BodyIncomplete() from None
    if len(raw) > limit:
        raise errors.BodyTooLarge(limit=limit)
    if declared and len(raw) < size:
        raise errors.BodyIncomplete()
    return raw


def _length(declared):
    # int() takes more than digits, and no more than 4300 of them.
    if not (declared.isascii() and declared.isdigit()):
        raise exception.Invalid(reason=_('The Content-Length is no number.'))
    return int(declared) if len(declared) < 20 else math.inf


def parse_json(raw):
    """Parse JSON as RFC 8259 has it: no NaN, no Infinity, no BOM.

    What parsers understand differently is refused, too: a name that occurs
    twice in an object, a number beyond a double's range.

    :param raw: bytes
    :raises: Invalid
    """
    try:
        return json.loads(raw.decode(), parse_constant=_refuse_constant,
                          parse_float=_finite, parse_int=_integer,
                          object_pairs_hook=_distinct)
    except RecursionError:
        reason = _('it is nested too deeply')
    except UnicodeDecodeError:
        reason = _('it is not encoded in UTF-8')
    except json.JSONDecodeError as exc:
        reason = _('it is malformed at line %(line)d, column %(column)d') % {
            'line': exc.lineno, 'column': exc.colno}
    except _Unacceptable as exc:
        reason = str(exc)
    raise exception.Invalid(reason=_(
        'The request body is not valid JSON: %s.') % reason)


class _Unacceptable(Exception):
    """What other parsers of JSON take, this one not, in words."""


def _distinct(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set()
        for name, _value in pairs:
            if name in seen:
                raise _Unacceptable(
                    _('the name "%s" occurs twice') % name)
            seen.add(name)
    return found


def _refuse_constant(name):
    raise _Unacceptable(_('%s is no number') % name)


def _finite(text):
    value = float(text)
    if math.isinf(value):
        raise _Unacceptable(_('a number is too large'))
    return value


def _integer(text):
    try:
        return int(text)
    except ValueError:  # for its thousands of digits
        raise _Unacceptable(_('a number is too large')) from None


def check_depth(document):
    """Refuse a document that is nested deeper than [api] max_json_depth.

    :param document: what a JSON document holds
    :raises: Invalid
    """
    level, depth = [document], 0
    while level:
        level = [item for value in level for item in _items(value)]
        depth += 1
        if depth > CONF.api.max_json_depth:
            raise exception.Invalid(reason=_(
                'The JSON document is nested deeper than %d levels.')
                % CONF.api.max_json_depth)


def check_size(document):
    """Refuse a document larger than [api] max_request_body_size.

    :param document: what a JSON document holds
    :raises: BodyTooLarge
    """
    limit = CONF.api.max_request_body_size
    text = json.dumps(document, ensure_ascii=False, separators=(',', ':'))
    if len(text.encode(errors='surrogatepass')) > limit:
        raise errors.BodyTooLarge(limit=limit)


def _items(value):
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def query():
    """Parse the query string.

    :returns: dict of strings by parameter
    :raises: Invalid for a repeated parameter or one that is no UTF-8
    """
    try:
        text = pecan.request.environ.get('QUERY_STRING', '')
        pairs = parse.parse_qsl(
            text.encode('latin-1').decode(),  # PEP 3333: bytes as Latin-1
            keep_blank_values=True, errors='strict', max_num_fields=100)
    except ValueError:
        raise exception.Invalid(reason=_(
            'The query string of the URL is malformed.')) from None
    found = {}
    for name, value in pairs:
        if '\x00' in value:
            raise exception.Invalid(reason=_(
                'Parameter %s contains a NUL character.') % name)
        if name in found:
            raise exception.Invalid(reason=_(
                'Parameter %s was given several times.') % name)
        found[name] = value
    return found


def no_query():
    """Refuse any query parameter.

    :raises: Invalid
    """
    unknown_query = sorted(query())
    if unknown_query:
        raise exception.Invalid(reason=_('Unknown argument: %s.')
                                % ', '.join(unknown_query))
