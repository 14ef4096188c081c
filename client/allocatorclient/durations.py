# SPDX-License-Identifier: Apache-2.0
"""Spans of time as people write them: "2h", "3d", "1h30m", "90"."""

import re

_UNITS = {'w': 604800, 'd': 86400, 'h': 3600, 'm': 60, 's': 1}
_FORM = re.compile(''.join(r'(?:(?P<%s>\d+)%s)?' % (unit, unit)
                           for unit in _UNITS), re.ASCII)


def seconds(text: str) -> int:
    """Read a span of time.

    :param text: a number of seconds, or numbers with units, from weeks to
        seconds: w, d, h, m, s
    :returns: seconds
    :raises: ValueError
    """
    text = ''.join(text.split())
    if text.isascii() and text.isdigit():
        return int(text)
    found = _FORM.fullmatch(text)
    if not text or found is None:
        raise ValueError(
            '"%s" is no span of time: write seconds, or units from weeks to '
            'seconds, as in 90, 45s, 2h, 1h30m or 3d' % text)
    return sum(int(number) * _UNITS[unit]
               for unit, number in found.groupdict().items() if number)


def readable(number: float) -> str:
    """Write a span of time as seconds() reads it.

    :param number: seconds; parts of one are left out
    """
    left, parts = int(number), []
    for unit, size in list(_UNITS.items())[1:]:
        count, left = divmod(left, size)
        if count:
            parts.append('%d%s' % (count, unit))
    return ''.join(parts) or '0s'
