# SPDX-License-Identifier: Apache-2.0
"""Agreement: whether a node that a backend gave is what was asked for.

A Bare Metal service knows nothing of constraints, and what it compared a node
with was the class, the traits and the owner; to one without an owner it gives
any node. So the node is read once more, now that it is taken, and held against
the whole requirement.
"""

from allocator.backends import exception
from allocator.backends import facts
from allocator.common import constraints
from allocator.common import schedulable
from allocator.conf import CONF


def find_obstacle(client, write):
    """Find out what is wrong with the node of a claim.

    :param client: client.Client of the backend
    :param write: backend_writes.Write of a claim that the backend has granted
    :returns: what the node is, in words, or None if it is right
    :raises allocator.backends.exception.BackendError: that is not certain
    """
    asked = constraints.canonical(write.row.request.get('constraints'))
    demands = [
        *constraints.trait_demands(asked['forbidden'], asked['any_of']),
        *constraints.property_demands(asked['properties'])]
    if not demands and not _must_be_unowned(write.row.request['claim']):
        return None
    try:
        node = facts.of_node(client.get_node(write.row.node_uuid,
                                             write.row.request_id))
    except exception.NotFound:
        return 'gone'
    traits = frozenset(node.traits)
    properties = schedulable.values_of(node.columns['properties'])
    found = _plain_obstacles(write.row.request['claim'], node)
    found += [demand.obstacle for demand in demands
              if not demand.is_met(traits, properties)]
    return ', '.join(found) or None


def _plain_obstacles(claim, node):
    """List what is wrong with class, traits and owner."""
    found = []
    if node.columns['resource_class'] != claim['resource_class']:
        found.append('of another resource class')
    found += ['without trait %s' % trait for trait in claim['traits']
              if trait not in node.traits]
    tenants = (node.columns['owner'], node.columns['lessee'])
    if claim['owner'] is not None:
        if claim['owner'] not in tenants:
            found.append('of another owner or lessee')
    elif _must_be_unowned(claim) and any(tenants):
        found.append('of some owner or lessee')
    return found


def _must_be_unowned(claim):
    return (claim['owner'] is None
            and CONF.conductor.ownerless_allocations == 'unowned')
