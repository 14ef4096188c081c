# SPDX-License-Identifier: Apache-2.0
"""How values look to people; to programs they are as the API has them."""

from collections.abc import Sequence
import json
from typing import Any

from cliff import columns
from openstack import resource
from osc_lib.cli import format_columns

from allocatorclient import durations


class Duration(columns.FormattableColumn):
    """Seconds, to people "1h30m"."""

    def human_readable(self) -> str:
        return '' if self._value is None else durations.readable(self._value)


class Alternatives(columns.FormattableColumn):
    """Lists of traits: "A or B, C or D"."""

    def human_readable(self) -> str:
        return ', '.join(' or '.join(group) for group in self._value or ())


class Weights(columns.FormattableColumn):
    """Traits with weights: "A=50, B=1"."""

    def human_readable(self) -> str:
        return ', '.join('%(trait)s=%(weight)s' % item
                         for item in self._value or ())


class Comparisons(columns.FormattableColumn):
    """What properties must be: "cpu_arch in x86_64, memory_mb >= 5"."""

    def human_readable(self) -> str:
        return ', '.join(
            '%s %s %s' % (name, operator, _operand(value))
            for name, operators in (self._value or {}).items()
            for operator, value in operators.items())


def _operand(value: Any) -> str:
    if isinstance(value, list):
        return '|'.join(map(_operand, value))
    return value if isinstance(value, str) else json.dumps(value)


_FORMATS: dict[str, type[columns.FormattableColumn]] = {
    'any_traits': Alternatives,
    'candidate_nodes': format_columns.ListColumn,
    'excluded_nodes': format_columns.ListColumn,
    'extra': format_columns.DictColumn,
    'forbidden_traits': format_columns.ListColumn,
    'lag': Duration,
    'preferred_traits': Weights,
    'properties': Comparisons,
    'traits': format_columns.ListColumn,
    'wait_timeout': Duration,
}


def values(found: resource.Resource, names: Sequence[str]) -> tuple[Any, ...]:
    """Pick the values of a resource to show.

    :param found: a resource
    :param names: names of fields as the API has them
    """
    plain = found.to_dict(computed=False, headers=False, original_names=True)
    return tuple(_FORMATS[name](plain.get(name)) if name in _FORMATS
                 else plain.get(name) for name in names)


def titles(names: Sequence[str]) -> tuple[str, ...]:
    """Write the titles of a list: "Node UUID" for "node_uuid"."""
    return tuple(' '.join('UUID' if word == 'uuid' else word.capitalize()
                          for word in name.split('_')) for name in names)
