# SPDX-License-Identifier: Apache-2.0
"""Types of single values, shared by the resources."""

import re

import os_traits
from oslo_utils import uuidutils
import wsme.types

from allocator.common.i18n import _

MAX_NAME = 255
MAX_RESOURCE_CLASS = 80
MAX_TRAIT = 255
MAX_TRAITS = 50
MAX_CANDIDATES = 10000

# RFC 3986, unreserved characters: a name is part of a URL.
_NAME = re.compile(r'[A-Za-z0-9._~-]+\Z')
_CUSTOM_TRAIT = re.compile(r'CUSTOM_[A-Z0-9_]+\Z')
_STANDARD_TRAITS = frozenset(os_traits.get_traits())
# NUL, which PostgreSQL cannot store, and lone surrogates, which are not
# Unicode.
_UNSTORABLE = re.compile('[\x00\ud800-\udfff]')


class String(wsme.types.UserType):
    """Text that every database can store.

    :param max_length: greatest number of characters, None for any
    :param min_length: smallest number of characters
    """

    basetype = str
    name = 'string'

    def __init__(self, max_length=None, min_length=0):
        self._max_length = max_length
        self._min_length = min_length

    def validate(self, value):
        if not isinstance(value, str):
            raise ValueError(_('expected a string, got %s')
                             % json_type(value))
        if len(value) < self._min_length:
            raise ValueError(_('it must not be empty'))
        if self._max_length and len(value) > self._max_length:
            raise ValueError(_('it has %(length)d characters, at most '
                               '%(most)d are allowed')
                             % {'length': len(value),
                                'most': self._max_length})
        if _UNSTORABLE.search(value):
            raise ValueError(_('it contains a NUL character or a lone '
                               'surrogate'))
        return value


class Name(String):
    """A logical name: no UUID, and usable in a URL as it is."""

    name = 'name'

    def __init__(self):
        super().__init__(max_length=MAX_NAME, min_length=1)

    def validate(self, value):
        super().validate(value)
        if not _NAME.match(value):
            raise ValueError(_(
                '"%s" is not a valid name: use letters, digits, "-", ".", '
                '"_" and "~" only') % value)
        if uuidutils.is_uuid_like(value):
            raise ValueError(_('"%s" is a UUID, which a name must not be')
                             % value)
        if value in ('.', '..'):
            raise ValueError(_('"%s" means another path in a URL') % value)
        return value


class UUID(String):
    """A UUID in any form; the canonical one is kept."""

    name = 'uuid'

    def validate(self, value):
        super().validate(value)
        if not uuidutils.is_uuid_like(value):
            raise ValueError(_('expected a UUID but received "%s"')
                             % value[:64])
        return canonical_uuid(value)


class Trait(String):
    """A standard trait of os-traits, or a custom one."""

    name = 'trait'

    def __init__(self):
        super().__init__(max_length=MAX_TRAIT)

    def validate(self, value):
        super().validate(value)
        if value not in _STANDARD_TRAITS and not _CUSTOM_TRAIT.match(value):
            raise ValueError(_(
                '"%s" is not a valid trait: it must be a standard trait of '
                'os-traits or match CUSTOM_[A-Z0-9_]+') % value)
        return value


class List(wsme.types.UserType):
    """A list of values of one type.

    :param item: the type
    :param max_items: greatest number of different items, None for any
    """

    basetype = list
    name = 'list'

    def __init__(self, item, max_items=None):
        self._item = item
        self._max_items = max_items

    def validate(self, value):
        if not isinstance(value, list):
            raise ValueError(_('expected a list, got %s') % json_type(value))
        for item in value:
            if item is None:
                raise ValueError(_('null is not allowed in the list'))
        # Repeats have no meaning; the first place of each counts.
        found = list(dict.fromkeys(
            self._item.validate(item) for item in value))
        if self._max_items and len(found) > self._max_items:
            raise ValueError(_('it has %(count)d items, at most %(most)d are '
                               'allowed') % {'count': len(found),
                                             'most': self._max_items})
        return found


class Object(wsme.types.UserType):
    """A JSON object with anything inside."""

    basetype = dict
    name = 'object'

    def validate(self, value):
        if not isinstance(value, dict):
            raise ValueError(_('expected a JSON object, got %s')
                             % json_type(value))
        return value


class Anything(wsme.types.UserType):
    """A JSON value of any type."""

    basetype = object
    name = 'anything'

    def validate(self, value):
        return value


class PositiveInteger(wsme.types.UserType):
    """A whole number from 1 on."""

    basetype = object
    name = 'positive integer'

    def validate(self, value):
        if type(value) is not int or value < 1:
            raise ValueError(_('expected a positive integer'))
        return value


class Integer(wsme.types.UserType):
    """A whole number within bounds.

    :param least: the smallest
    :param greatest: the greatest, None for any
    """

    basetype = object
    name = 'integer'

    def __init__(self, least, greatest=None):
        self._least = least
        self._greatest = greatest

    def validate(self, value):
        if type(value) is not int or value < self._least or (
                self._greatest is not None and value > self._greatest):
            raise ValueError(
                _('expected an integer from %(least)d on')
                % {'least': self._least} if self._greatest is None else
                _('expected an integer from %(least)d to %(greatest)d')
                % {'least': self._least, 'greatest': self._greatest})
        return value


class Boolean(wsme.types.UserType):
    """true or false, and the words that clients send for them."""

    # WSME's own conversion to bool knows fewer words.
    basetype = object
    name = 'boolean'

    TRUE = ('true', 't', 'yes', 'y', 'on', '1')
    FALSE = ('false', 'f', 'no', 'n', 'off', '0')

    def validate(self, value):
        if isinstance(value, bool):
            return value
        if not isinstance(value, (str, int)):
            raise ValueError(_('expected true or false, got %s')
                             % json_type(value))
        word = str(value).lower()
        if word in self.TRUE:
            return True
        if word in self.FALSE:
            return False
        raise ValueError(_('expected true or false, got "%s"') % value)


def json_type(value):
    """Name the JSON type of a value, for a sentence."""
    names = {bool: 'a boolean', int: 'a number', float: 'a number',
             str: 'a string', list: 'a list', dict: 'an object',
             type(None): 'null'}
    return names[type(value)]


def canonical_uuid(value):
    """Write a UUID in lower case with dashes.

    :param value: a string for which oslo.utils' is_uuid_like holds
    """
    digits = (value.lower().replace('urn:', '').replace('uuid:', '')
              .strip('{}').replace('-', ''))
    return '-'.join((digits[:8], digits[8:12], digits[12:16], digits[16:20],
                     digits[20:]))


def ident(value):
    """Read a UUID or name from a URL.

    :param value: the text in the URL
    :returns: the canonical form of a UUID; anything else as it is
    """
    return canonical_uuid(value) if uuidutils.is_uuid_like(value) else value


class NodeIdent(String):
    """UUID or name of a node; what is neither is found by no query."""

    name = 'node'

    def __init__(self):
        super().__init__(max_length=MAX_NAME, min_length=1)

    def validate(self, value):
        return ident(super().validate(value))


ResourceClass = String(max_length=MAX_RESOURCE_CLASS, min_length=1)
Project = String(max_length=255, min_length=1)
Traits = List(Trait(), max_items=MAX_TRAITS)
# They all go into one query, which databases admit so many parameters.
Candidates = List(NodeIdent(), max_items=MAX_CANDIDATES)
