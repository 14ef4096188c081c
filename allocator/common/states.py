# SPDX-License-Identifier: Apache-2.0
"""The names of states: of allocations, of nodes, of a node's power.

The values are those of the Bare Metal API reference.
"""

# Allocation states. Clients take every state besides the first two for a
# success, hence there must never be a fourth.
ALLOCATING = 'allocating'
ERROR = 'error'
ALLOCATED = 'active'

# In the database alone: an allocation for which a node of a backend has been
# taken, and the backend has not confirmed it yet. Clients see "allocating".
CONFIRMING = 'confirming'

# In the database alone: an allocation that waits for a node to become free.
# Clients see "allocating"; conductors that know no waiting do not see it.
WAITING = 'waiting'

#: What the database holds for the states that clients know, where that is
#: more than one.
STORED = {ALLOCATING: (ALLOCATING, CONFIRMING, WAITING)}

#: What the database holds for each state that clients know, sorted by what
#: they see.
SHOWN = {state: STORED.get(state, (state,))
         for state in sorted((ALLOCATING, ERROR, ALLOCATED))}


def seen_by_clients(state):
    """Name the state that clients see.

    :param state: state of an allocation in the database
    """
    return ALLOCATING if state in STORED[ALLOCATING] else state


# Provision states of a node that the rules of allocation name. The whole
# table of states and transitions is in ``allocator.common.provisioning``.
AVAILABLE = 'available'
ENROLL = 'enroll'
MANAGEABLE = 'manageable'
ACTIVE = 'active'

POWER_ON = 'power on'
POWER_OFF = 'power off'
