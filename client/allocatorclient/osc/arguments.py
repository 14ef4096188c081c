# SPDX-License-Identifier: Apache-2.0
"""What the commands take, from text to values of the API."""

import argparse
import json
import re
from typing import Any

from allocatorclient import durations

_COMPARISON = re.compile(
    r'(?P<name>[^=<>!]+?)\s*(?P<operator>>=|<=|!=|=|\s(?:not\s+)?in\s)'
    r'\s*(?P<value>.+)', re.DOTALL)


def duration(text: str) -> int:
    """Read a span of time; see durations.seconds.

    :returns: seconds
    """
    try:
        return durations.seconds(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def positive(text: str) -> int:
    """Read a number from 1 on."""
    if not re.fullmatch(r'0*[1-9]\d{0,9}', text, re.ASCII):
        raise argparse.ArgumentTypeError('"%s" is no number from 1 on' % text)
    return int(text)


def traits(text: str) -> list[str]:
    """Read traits with commas in between."""
    found = [trait.strip() for trait in text.split(',')]
    if not all(found):
        raise argparse.ArgumentTypeError(
            '"%s" names no trait somewhere: write TRAIT,TRAIT' % text)
    return found


def preference(text: str) -> dict[str, Any]:
    """Read a trait with its weight, "TRAIT=WEIGHT".

    :returns: dict of "trait" and "weight"
    """
    trait, _, weight = text.partition('=')
    if not trait or not re.fullmatch(r'\d{1,9}', weight, re.ASCII):
        raise argparse.ArgumentTypeError(
            '"%s" is no trait with a weight: write TRAIT=WEIGHT, the weight '
            'from 1 to 100' % text)
    return {'trait': trait, 'weight': int(weight)}


def comparison(text: str) -> tuple[str, str, Any]:
    """Read what a property must be, such as "memory_mb>=262144".

    :returns: name, operator, and a value or a list of values
    """
    found = _COMPARISON.fullmatch(text.strip())
    if not found:
        raise argparse.ArgumentTypeError(
            '"%s" compares nothing: write NAME OPERATOR VALUE, the operator '
            '=, !=, >=, <=, in or not in, as in "memory_mb>=262144" or '
            '"cpu_arch in x86_64,aarch64"' % text)
    operator = ' '.join(found['operator'].split())
    if operator.endswith('in'):
        return found['name'], operator, [
            _value(item.strip()) for item in found['value'].split(',')]
    return found['name'], operator, _value(found['value'])


def _value(text: str) -> int | float | str:
    """Read a number that is written the plain way; all else is text."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text and re.fullmatch(r'-?[\d.]+', text, re.ASCII):
            return number
    return text


def pair(text: str) -> tuple[str, Any]:
    """Read "KEY=VALUE"; a value that is JSON is what it says.

    :returns: the key and the value
    """
    key, sign, value = text.partition('=')
    if not key or not sign:
        raise argparse.ArgumentTypeError(
            '"%s" is no pair: write KEY=VALUE' % text)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


class _Comparisons(argparse.Action):
    """Gathers comparisons by property and operator."""

    def __call__(self, parser: argparse.ArgumentParser,
                 namespace: argparse.Namespace, values: Any,
                 option_string: str | None = None) -> None:
        name, operator, value = values
        found = getattr(namespace, self.dest) or {}
        operators = found.setdefault(name, {})
        if operator in operators:
            raise argparse.ArgumentError(
                self, '"%s" is compared twice with "%s"' % (name, operator))
        operators[operator] = value
        setattr(namespace, self.dest, found)


def add_request(parser: argparse.ArgumentParser) -> None:
    """Add what an allocation asks for."""
    parser.add_argument(
        '--name', metavar='<name>',
        help='Name of the allocation; a suitable node of this name comes '
             'first')
    parser.add_argument(
        '--resource-class', metavar='<class>',
        help='Resource class of the node')
    parser.add_argument(
        '--owner', metavar='<project>',
        help='ID of the project that the allocation is for')
    parser.add_argument(
        '--candidate-node', metavar='<node>', action='append',
        dest='candidate_nodes',
        help='UUID or name of a node to choose from (repeat for several, the '
             'preferred one first)')
    parser.add_argument(
        '--exclude-node', metavar='<node>', action='append',
        dest='excluded_nodes',
        help='UUID or name of a node that will not do (may be repeated)')
    _add_traits(parser)
    parser.add_argument(
        '--property', metavar='<comparison>', type=comparison,
        action=_Comparisons, dest='properties',
        help='What a property of the node must be: NAME OPERATOR VALUE, the '
             'operator =, !=, >=, <=, in or not in, as in '
             '"memory_mb>=262144" or "cpu_arch in x86_64,aarch64" (may be '
             'repeated)')


def _add_traits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--trait', metavar='<trait>', action='append', dest='traits',
        help='Trait that the node must have (may be repeated)')
    parser.add_argument(
        '--forbid-trait', metavar='<trait>', action='append',
        dest='forbidden_traits',
        help='Trait that the node must not have (may be repeated)')
    parser.add_argument(
        '--any-trait', metavar='<trait>,<trait>', type=traits,
        action='append', dest='any_traits',
        help='Traits of which the node must have one at least (repeat for '
             'several such lists)')
    parser.add_argument(
        '--prefer-trait', metavar='<trait>=<weight>', type=preference,
        action='append', dest='preferred_traits',
        help='Trait that a node need not have, and how much it weighs, from '
             '1 to 100: of suitable nodes the heaviest is taken (may be '
             'repeated)')


def add_waiting(parser: argparse.ArgumentParser) -> None:
    """Add how long an allocation is to wait, and before whom."""
    parser.add_argument(
        '--wait-timeout', metavar='<time>', type=duration,
        help='For how long from its creation on it may wait until a node is '
             'free, as in 90 (seconds), 2h, 1h30m or 3d; without it, it '
             'fails at once')
    add_priority(parser)


def add_priority(parser: argparse.ArgumentParser) -> None:
    """Add before whom an allocation is to be served."""
    parser.add_argument(
        '--priority', metavar='<number>', type=int,
        help='Among those that wait the greatest is served first, from -100 '
             'to 100; more than 0 is a privilege')


REQUEST = ('name', 'resource_class', 'owner', 'candidate_nodes',
           'excluded_nodes', 'traits', 'forbidden_traits', 'any_traits',
           'preferred_traits', 'properties')
WAITING = ('wait_timeout', 'priority')


def given(parsed_args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Gather what the user has said, and nothing else.

    :param names: names of arguments, which are those of attributes
    :returns: dict
    """
    return {name: getattr(parsed_args, name) for name in names
            if getattr(parsed_args, name) is not None}
