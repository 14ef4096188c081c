# SPDX-License-Identifier: Apache-2.0
"""Constraints: what traits and schedulable properties of a node must be.

An allocation keeps them as its client sent them (``FIELDS``). Here is what
they mean, once for all who ask: which profiles suit, why a node does not, and
whether a backend's node still does.

A property is compared as a number or as text; true and false are the words.
A node that lacks a property is none of "these", so ``!=`` and ``not in`` hold
for it, and the other operators do not.
"""

from collections.abc import Callable
import dataclasses
import json

from allocator.common import schedulable

#: What an allocation may have of them, and what it is where it has none.
FIELDS: dict = {'forbidden_traits': [], 'any_traits': [],
                'preferred_traits': [], 'excluded_nodes': [],
                'properties': {}}

# Characters of a name or a value in a sentence.
_LONGEST = 40


@dataclasses.dataclass(frozen=True)
class Demand:
    """One thing that is asked of a node's traits or properties.

    :ivar obstacle: what nodes that do not meet it are, in words
    :ivar is_met: function of a frozenset of traits and a dict of properties
    """

    obstacle: str
    is_met: Callable


def comparable(value):
    """Write a property's value so that equal ones are equal to Python.

    :param value: a number, a string or a boolean, as schedulable has it
    """
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, str) and value.lower() in ('true', 'false'):
        return value.lower()
    return value


def read(value):
    """Read a value that a request compares with.

    :returns: like comparable(); None for what no property can be
    """
    return comparable(schedulable.plain(value))


def _sorted(values):
    """Sort numbers before text; each once."""
    return tuple(sorted(set(map(read, values)),
                        key=lambda value: (isinstance(value, str), value)))


def canonical(found):
    """Write constraints so that those that mean the same are equal.

    :param found: dict with some of FIELDS, or None
    :returns: dict of tuples by field of a Requirement; a property is a
        tuple of name, operator, and a value or a tuple of values
    """
    found = FIELDS | (found or {})
    return {
        'forbidden': tuple(sorted(found['forbidden_traits'])),
        'any_of': tuple(sorted({tuple(sorted(group))
                                for group in found['any_traits']})),
        'preferred': tuple(sorted((item['trait'], item['weight'])
                                  for item in found['preferred_traits'])),
        'properties': tuple(sorted(
            (name, operator, _sorted(value) if isinstance(value, list)
             else read(value))
            for name, operators in found['properties'].items()
            for operator, value in operators.items())),
        'excluded': tuple(sorted(found['excluded_nodes'])),
    }


def trait_demands(forbidden, any_of):
    """List what is asked of traits beyond those that are required.

    :param forbidden: iterable of traits
    :param any_of: iterable of tuples of traits
    :returns: list of Demand
    """
    return [Demand('with forbidden trait %s' % trait, _lacks(trait))
            for trait in forbidden] + [
        Demand('without any of the traits %s' % ', '.join(group),
               _has_any(group)) for group in any_of]


def _lacks(trait):
    return lambda traits, _properties: trait not in traits


def _has_any(group):
    return lambda traits, _properties: not traits.isdisjoint(group)


def property_demands(properties, is_whole=False):
    """List what is asked of properties.

    :param properties: iterable of (name, operator, value), see canonical()
    :param is_whole: whether obstacles have the names of properties in full,
        so that no two of them are equal; not for a sentence in the database
    :returns: list of Demand, first those for the property itself to be there
    """
    # By name: two may be equal as they are shown.
    present, compared = {}, []
    for name, operator, value in properties:
        label = name if is_whole else _shortened(name)
        words, compare = OPERATORS[operator]
        if operator in ('>=', '<='):
            present[name, 'number'] = Demand(
                'without a number as %s' % label,
                _is_there(name, (int, float)))
        elif operator in ('=', 'in'):
            present[name, 'any'] = Demand(
                'without %s' % label, _is_there(name, (int, float, str)))
        compared.append(Demand(words % (label, _shortened_values(value)),
                               _compares(name, compare, value)))
    return [*present.values(), *compared]


def _is_there(name, kinds):
    return lambda _traits, properties: isinstance(
        comparable(properties.get(name)), kinds)


def _compares(name, compare, value):
    """Make the function for a property that is there; another one passes."""
    def is_met(_traits, properties):
        found = properties.get(name)
        return found is None or compare(comparable(found), value)

    return is_met


# What nodes are, in words, that an operator keeps away, and how it compares.
# A value that is no number has been told of by itself.
OPERATORS: dict = {
    '=': ('with %s other than %s', lambda found, value: found == value),
    '!=': ('with unwanted %s %s', lambda found, value: found != value),
    '>=': ('with %s below %s', lambda found, value:
           isinstance(found, str) or found >= value),
    '<=': ('with %s above %s', lambda found, value:
           isinstance(found, str) or found <= value),
    'in': ('with %s none of %s', lambda found, value: found in value),
    'not in': ('with %s one of %s', lambda found, value:
               found not in value),
}


def _shortened(text):
    """Shorten text, and write it in ASCII: it goes into an index."""
    text = text.encode('ascii', 'backslashreplace').decode()
    return text if len(text) <= _LONGEST else text[:_LONGEST - 3] + '...'


def _shortened_values(value):
    values = value if isinstance(value, tuple) else (value,)
    return _shortened(', '.join(json.dumps(item) for item in values))
