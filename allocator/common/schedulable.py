# SPDX-License-Identifier: Apache-2.0
"""Schedulable properties: which of a node's properties a request may name.

Of ``properties``, a JSON object with anything inside, those that [conductor]
schedulable_properties lists are read here into plain values. Operators and
inspection write numbers as numbers or as strings; here they are numbers.
"""

import math
import re

from allocator.conf import CONF

#: The property that holds properties of its own, "boot_mode:uefi,hyperthreads"
#: (Bare Metal guide, "Flavor and capabilities").
CAPABILITIES = 'capabilities'

#: What comes before the name of one of them.
PREFIX = CAPABILITIES + ':'

_NUMBER = re.compile(r'-?[0-9]{1,30}(\.[0-9]{1,30})?\Z')

# Characters of a value. Longer ones describe no kind of machine.
MAX_LENGTH = 255


def names():
    """List the properties that count, in the order of their names."""
    return sorted(set(CONF.conductor.schedulable_properties))


def values_of(properties):
    """Read what counts of a node's properties.

    :param properties: the ``properties`` of a node, as they are stored
    :returns: dict of strings, numbers and booleans by name; a capability's
        name is "capabilities:boot_mode". Lists, objects, null and text of
        more than MAX_LENGTH characters are left out.
    """
    found = {}
    for name in names():
        value = properties.get(name) if isinstance(properties, dict) else None
        if name == CAPABILITIES:
            found.update(_capabilities(value))
        elif (plain_value := plain(value)) is not None:
            found[name] = plain_value
    return found


def _capabilities(value):
    """Read capabilities: "k:v,k:v", or an object of the same."""
    if isinstance(value, str):
        pairs = [item.partition(':')[::2] for item in value.split(',')]
    elif isinstance(value, dict):
        pairs = list(value.items())
    else:
        pairs = []
    found = {}
    for name, stored in pairs:
        plain_value = plain(stored)
        if name.strip() and plain_value is not None:
            found[PREFIX + name.strip()] = plain_value
    return found


def plain(value):
    """Turn a value into a number, a string or a boolean.

    :returns: the value, or None if it is nothing of these
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.match(text):
            return _number(float(text) if '.' in text else int(text))
        return text if text and len(text) <= MAX_LENGTH else None
    if isinstance(value, (int, float)):
        return _number(value)
    return None


def _number(value):
    """Write a whole number as such, so that equal numbers look the same."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        if value.is_integer():
            return int(value)
    return value
