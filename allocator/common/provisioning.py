# SPDX-License-Identifier: Apache-2.0
"""Provision and power states of a node, and what leads from one to another.

There is no hardware behind a node here, so whatever is asked for is reached
at once: of the states of the Bare Metal API only the stable ones occur.
"""

from allocator.common import exception
from allocator.common import states

RESCUE = 'rescue'

#: Every state that a node of the Bare Metal API may be in, for filters.
KNOWN_STATES = frozenset((
    states.ENROLL, states.MANAGEABLE, states.AVAILABLE, states.ACTIVE,
    RESCUE, 'error', 'verifying', 'inspecting', 'inspect wait',
    'inspect failed', 'cleaning', 'clean wait', 'clean hold', 'clean failed',
    'adopting', 'adopt failed', 'deploying', 'wait call-back', 'deploy hold',
    'deploy failed', 'deleting', 'rebuild', 'rescuing', 'rescue wait',
    'rescue failed', 'unrescuing', 'unrescue failed', 'servicing',
    'service wait', 'service hold', 'service failed',
))

#: The table of transitions: verb, state before, state after.
TRANSITIONS = {
    'manage': {states.ENROLL: states.MANAGEABLE,
               states.AVAILABLE: states.MANAGEABLE},
    'provide': {states.MANAGEABLE: states.AVAILABLE},
    'inspect': {states.MANAGEABLE: states.MANAGEABLE},
    'clean': {states.MANAGEABLE: states.MANAGEABLE},
    'adopt': {states.MANAGEABLE: states.ACTIVE},
    'active': {states.AVAILABLE: states.ACTIVE},
    'rebuild': {states.ACTIVE: states.ACTIVE},
    'service': {states.ACTIVE: states.ACTIVE},
    'rescue': {states.ACTIVE: RESCUE, RESCUE: RESCUE},
    'unrescue': {RESCUE: states.ACTIVE},
    'deleted': {states.ACTIVE: states.AVAILABLE, RESCUE: states.AVAILABLE},
    # Nothing takes time here, so there is nothing to end or to let go on.
    'abort': {},
    'unhold': {},
}

#: Other names of verbs.
SYNONYMS = {'deploy': 'active', 'undeploy': 'deleted'}

VERBS = frozenset((*TRANSITIONS, *SYNONYMS))

# What starts a workload is refused in maintenance.
_NOT_IN_MAINTENANCE = ('active', 'rebuild', 'rescue')
# What ends one is refused while the node is protected.
_NOT_WHILE_PROTECTED = ('deleted', 'rebuild')

# States from which a node may be deleted outside of maintenance.
DELETABLE = (states.ENROLL, states.MANAGEABLE, states.AVAILABLE)
# States with a workload: the node can be protected, and its resource class
# stays, by which the workload was placed.
WITH_WORKLOAD = (states.ACTIVE, RESCUE)

#: What a power request ends in.
POWER_TARGETS = {
    states.POWER_ON: states.POWER_ON,
    states.POWER_OFF: states.POWER_OFF,
    'rebooting': states.POWER_ON,
    'soft rebooting': states.POWER_ON,
    'soft power off': states.POWER_OFF,
}


def ends_workload(verb):
    """Tell whether a verb takes instance and allocation from a node."""
    return SYNONYMS.get(verb, verb) == 'deleted'


def destination(node, verb):
    """Tell in which state a verb leaves a node.

    :param node: row of the node
    :param verb: one of VERBS
    :returns: provision state
    :raises: InvalidStateRequested, NodeInMaintenance, NodeProtected
    """
    verb = SYNONYMS.get(verb, verb)
    after = TRANSITIONS[verb].get(node.provision_state)
    if after is None:
        raise exception.InvalidStateRequested(
            action=verb, node=node.uuid, state=node.provision_state)
    if node.maintenance and verb in _NOT_IN_MAINTENANCE:
        raise exception.NodeInMaintenance(op=verb, node=node.uuid)
    if node.protected and verb in _NOT_WHILE_PROTECTED:
        raise exception.NodeProtected(node=node.uuid)
    if after == states.AVAILABLE and node.retired:
        if verb == 'provide':
            raise exception.NodeRetired(node=node.uuid)
        return states.MANAGEABLE
    return after
