# SPDX-License-Identifier: Apache-2.0
"""The names of states: of allocations, of nodes, of a node's power.

The values are those of the Bare Metal API reference.
"""

# Allocation states. Clients take every state besides the first two for a
# success, hence there must never be a fourth.
ALLOCATING = 'allocating'
ERROR = 'error'
ALLOCATED = 'active'

# Provision states of a node that the rules of allocation name. The whole
# table of states and transitions is in ``allocator.common.provisioning``.
AVAILABLE = 'available'
ENROLL = 'enroll'
MANAGEABLE = 'manageable'
ACTIVE = 'active'

POWER_ON = 'power on'
POWER_OFF = 'power off'
