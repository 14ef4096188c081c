# SPDX-License-Identifier: Apache-2.0
"""What processes cost: seconds of the processor, bytes of memory."""

import glob
import os

_TICKS = os.sysconf('SC_CLK_TCK')
_PAGE = os.sysconf('SC_PAGE_SIZE')


def family(pid):
    """List a process and all that descend from it."""
    found, new = [], [pid]
    while new:
        found += new
        new = [int(child) for parent in new
               for path in glob.glob('/proc/%d/task/*/children' % parent)
               for child in _read(path).split()]
    return found


def seconds(pid):
    """Count the seconds of the processor of a process and its descendants.

    :returns: number; what ended children have taken counts if their parent
        has waited for them
    """
    # The name in parentheses may hold anything.
    fields = [_read('/proc/%d/stat' % member).rpartition(')')[2].split()
              for member in family(pid)]
    return sum(int(ticks) for stat in fields for ticks in stat[11:15]
               ) / _TICKS


def resident(pid):
    """Count the bytes of memory of a process and its descendants."""
    return sum(int((_read('/proc/%d/statm' % member).split() or [0, 0])[1])
               for member in family(pid)) * _PAGE


def _read(path):
    try:
        with open(path) as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ''
