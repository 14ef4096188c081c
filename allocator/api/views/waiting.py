# SPDX-License-Identifier: Apache-2.0
"""What the own API says of an allocation's waiting."""

from allocator.api.views import times
from allocator.common import states
from allocator.db import reasons
from allocator.db import suitability
from allocator.db import waiters

FIELDS = ('wait_timeout', 'deadline', 'priority', 'waiting', 'reason',
          'queue_position')

#: Shown to those alone that ask for them by name.
ON_REQUEST = ('queue_position',)

# Columns of the allocation that each field is made of.
_NEEDS = {
    'wait_timeout': ('wait_timeout',),
    'deadline': ('wait_timeout', 'created_at'),
    'priority': ('priority',),
    'waiting': ('state',),
    'queue_position': ('id', 'state'),
}


def columns(names, every):
    """List what must be read to show some fields.

    :param names: fields to show
    :param every: names of all columns
    :returns: list of names
    """
    needed = dict.fromkeys(
        name for name in names if name not in FIELDS)
    for name in names:
        # A reason is that of all that is asked for.
        needed |= dict.fromkeys(every if name == 'reason'
                                else _NEEDS.get(name, ()))
    return list(needed)


def describe(row, names, why=reasons.of):
    """Show what there is to say of an allocation's waiting.

    :param row: mapping of its columns
    :param names: fields to show
    :param why: function of a requirement that says why nothing suits it;
        None if nobody has looked for a node yet
    :returns: dict of those among the names that this file knows
    """
    makers = {
        'wait_timeout': lambda: row['wait_timeout'] or 0,
        'deadline': lambda: times.iso(waiters.deadline_of(
            row['created_at'], row['wait_timeout'])),
        'priority': lambda: row['priority'] or 0,
        'waiting': lambda: row['state'] == states.WAITING,
        'reason': lambda: why and _reason(row, why),
        'queue_position': lambda: _position(row),
    }
    return {name: makers[name]() for name in names if name in makers}


def _reason(row, why):
    if row['state'] != states.WAITING:
        return None
    return why(suitability.requirement_of(suitability.named(row)))


def _position(row):
    if row['state'] != states.WAITING:
        return None
    return waiters.position(row['id'])
