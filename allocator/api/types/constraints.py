# SPDX-License-Identifier: Apache-2.0
"""Constraints in a request's body: form, limits and contradictions.

What they mean is in ``allocator.common.constraints``.
"""

import wsme.types
from wsme.types import Unset

from allocator.api.types import values
from allocator.common import constraints
from allocator.common import exception
from allocator.common import schedulable
from allocator.common.i18n import _

MAX_WEIGHT = 100
MAX_PROPERTIES = 20
MAX_EXCLUDED = 100
# Values that "in" and "not in" list.
MAX_VALUES = 100

_Text = values.String(max_length=schedulable.MAX_LENGTH, min_length=1)


class AnyTraits(wsme.types.UserType):
    """A list of lists of traits, of each of which a node needs one."""

    basetype = list
    name = 'lists of traits'

    def validate(self, value):
        groups = _items(value)
        found = []
        for group in groups:
            traits = values.Traits.validate(group)
            if not traits:
                raise ValueError(_('an empty list of traits is met by no '
                                   'node: name some, or leave it out'))
            found.append(traits)
        return found


class PreferredTraits(wsme.types.UserType):
    """A list of traits with weights."""

    basetype = list
    name = 'traits with weights'

    def validate(self, value):
        found: dict[str, int] = {}
        for item in _items(value):
            if not isinstance(item, dict) or set(item) != {'trait', 'weight'}:
                raise ValueError(_(
                    'expected objects of "trait" and "weight", and nothing '
                    'else'))
            trait = values.Trait().validate(item['trait'])
            weight = item['weight']
            if type(weight) is not int or not 1 <= weight <= MAX_WEIGHT:
                raise ValueError(_(
                    'the weight of %(trait)s must be an integer from 1 to '
                    '%(most)d') % {'trait': trait, 'most': MAX_WEIGHT})
            if found.setdefault(trait, weight) != weight:
                raise ValueError(_('%s has two weights: choose one') % trait)
        return [{'trait': trait, 'weight': weight}
                for trait, weight in found.items()]


class Properties(wsme.types.UserType):
    """An object of comparisons by name of a schedulable property."""

    basetype = dict
    name = 'properties'

    def validate(self, value):
        values.Object().validate(value)
        if len(value) > MAX_PROPERTIES:
            raise ValueError(_('it has %(count)d properties, at most '
                               '%(most)d are allowed')
                             % {'count': len(value), 'most': MAX_PROPERTIES})
        return {_property(name): _comparisons(name, operators)
                for name, operators in value.items()}


def _items(value):
    if not isinstance(value, list):
        raise ValueError(_('expected a list, got %s')
                         % values.json_type(value))
    return value


def _property(name):
    """Check the name of a property.

    :returns: the name
    :raises: ValueError, which lists those that there are
    """
    known = schedulable.names()
    if name in known and name != schedulable.CAPABILITIES:
        return _Text.validate(name)
    if schedulable.CAPABILITIES in known:
        known[known.index(schedulable.CAPABILITIES)] = (
            schedulable.PREFIX + '<name>')
        key = name.removeprefix(schedulable.PREFIX)
        # What a capability's name cannot have in the Bare Metal API's text.
        if key not in ('', name) and key == key.strip() and not (
                set(',:') & set(key)):
            return _Text.validate(name)
    raise ValueError(_('"%(name)s" is no schedulable property: use %(known)s')
                     % {'name': name[:64], 'known': ', '.join(known)})


def _comparisons(name, operators):
    """Check the comparisons of one property."""
    if not isinstance(operators, dict) or not operators:
        raise ValueError(_('"%s" needs an object of operators and values')
                         % name)
    return {operator: _operand(name, operator, value)
            for operator, value in operators.items()}


def _operand(name, operator, value):
    if operator not in constraints.OPERATORS:
        raise ValueError(_('"%(name)s" has the unknown operator '
                           '"%(operator)s": use %(known)s')
                         % {'name': name, 'operator': operator[:64],
                            'known': ', '.join(constraints.OPERATORS)})
    if operator in ('in', 'not in'):
        if not isinstance(value, list) or not 0 < len(value) <= MAX_VALUES:
            raise ValueError(_('"%(operator)s" of "%(name)s" needs a list of '
                               '1 to %(most)d values')
                             % {'name': name, 'operator': operator,
                                'most': MAX_VALUES})
        return [_value(name, item) for item in value]
    read = _value(name, value)
    if operator in ('>=', '<=') and isinstance(constraints.read(read), str):
        raise ValueError(_('"%(operator)s" of "%(name)s" needs a number')
                         % {'name': name, 'operator': operator})
    return read


def _value(name, value):
    if isinstance(value, str):
        _Text.validate(value)
    if constraints.read(value) is None:
        raise ValueError(_('a value of "%s" must be a number, a boolean or a '
                           'string that is not blank') % name)
    return value


def of(body):
    """Gather the constraints of a body.

    :param body: instance of a type with the attributes of
        constraints.FIELDS, each valid by itself
    :returns: dict of those that ask for something, excluded nodes as they
        were named; None if none does
    :raises: Invalid, if they are too many or contradict one another
    """
    found = {name: getattr(body, name) for name in constraints.FIELDS
             if getattr(body, name) not in (Unset, None, [], {})}
    if not found:
        return None
    if body.node not in (Unset, None):
        raise _invalid(next(iter(found)), _(
            'it cannot go with node, which names the very node: leave one '
            'of them out'))
    required = set(body.traits or [])
    _check_number(required, found)
    _check_traits(required, found)
    for name, operators in found.get('properties', {}).items():
        _check_property(name, operators)
    return found


def _invalid(name, reason):
    return exception.Invalid(reason=_(
        'Invalid input for %(name)s: %(reason)s.') % {
            'name': name, 'reason': reason})


def _check_number(required, found):
    count = (len(required) + len(found.get('forbidden_traits', ()))
             + sum(map(len, found.get('any_traits', ())))
             + len(found.get('preferred_traits', ())))
    if count > values.MAX_TRAITS:
        raise exception.Invalid(reason=_(
            'traits, forbidden_traits, any_traits and preferred_traits have '
            '%(count)d items together, at most %(most)d are allowed.')
            % {'count': count, 'most': values.MAX_TRAITS})


def _check_traits(required, found):
    """Refuse traits that no node can both have and lack."""
    forbidden = set(found.get('forbidden_traits', ()))
    preferred = {item['trait'] for item in found.get('preferred_traits', ())}
    for name, traits in (('traits', required),
                         ('preferred_traits', preferred)):
        if both := sorted(forbidden & traits):
            raise _invalid('forbidden_traits', _(
                '%(traits)s is in %(name)s, too: take it out of one of them')
                % {'traits': ', '.join(both), 'name': name})
    for group in found.get('any_traits', ()):
        if forbidden.issuperset(group):
            raise _invalid('any_traits', _(
                'all of %s are in forbidden_traits, too: name another '
                'trait') % ', '.join(group))


def _check_property(name, operators):
    """Refuse comparisons that no value can meet together."""
    asked = constraints.canonical({'properties': {name: operators}})
    demands = constraints.property_demands(asked['properties'])
    by_operator = {operator: value
                   for _name, operator, value in asked['properties']}
    possible = by_operator.get('in', ())
    if '=' in by_operator:
        possible = (by_operator['='],)
    least, most = by_operator.get('>='), by_operator.get('<=')
    if possible:
        is_met = any(all(demand.is_met(frozenset(), {name: value})
                         for demand in demands) for value in possible)
    elif least is None or most is None:
        return
    else:
        is_met = least < most or (
            least == most and all(demand.is_met(frozenset(), {name: least})
                                  for demand in demands))
    if not is_met:
        raise _invalid('properties', _(
            'the comparisons of "%s" contradict one another: no value meets '
            'all of them') % name)


Forbidden = values.Traits
Excluded = values.List(values.NodeIdent(), max_items=MAX_EXCLUDED)
