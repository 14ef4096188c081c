# SPDX-License-Identifier: Apache-2.0
"""Compares what Bare Metal services have with what clients were told.

1. Nothing is active here that its backend does not confirm.
2. Nothing of ours is left at a backend that nobody holds.
3. No node, and no UUID, is given twice, whoever gave it.
4. No allocation of others has been touched.
"""

import collections
import dataclasses
import time

import sqlalchemy as sa

from allocator.backends import marks
from allocator.common import states
from allocator.db import models
from allocator.tests.chaos import checker

_write = models.BackendWrite.__table__


@dataclasses.dataclass(frozen=True)
class There:
    """What a backend has.

    :ivar nodes: dict of nodes of the Bare Metal API by UUID
    :ivar allocations: dict of allocations of the Bare Metal API by UUID
    """

    nodes: dict
    allocations: dict

    def confirms(self, uuid, node_uuid):
        """Tell whether an allocation has a node, by both."""
        allocation = self.allocations.get(uuid)
        node = self.nodes.get(node_uuid)
        return (allocation is not None and node is not None
                and allocation['state'] == states.ALLOCATED
                and allocation['node_uuid'] == node_uuid
                and node['instance_uuid'] == uuid
                and node['allocation_uuid'] == uuid)


def compare(active, backends, foreign):
    """Compare what is active here with what backends have.

    :param active: dict of UUIDs of nodes of backends by UUID of the active
        allocation that has it here
    :param backends: dict of There by name
    :param foreign: dict of (name of the backend, UUID of the node) by UUID
        of an allocation that others have there, and have not given back
    :returns: list of sentences, one for each violation
    """
    found = []
    for uuid, node in active.items():
        if not any(there.confirms(uuid, node)
                   for there in backends.values()):
            found.append('Allocation %s is active with node %s, and no '
                         'backend confirms it' % (uuid, node))
    for name, there in backends.items():
        found += _compare_allocations(active, name, there, foreign)
        found += _compare_nodes(name, there)
    for uuid, (name, node) in foreign.items():
        if not backends[name].confirms(uuid, node):
            found.append('Allocation %s, which others have made at %s, has '
                         'lost node %s' % (uuid, name, node))
    return found + _find_doubles(active, backends)


def _compare_allocations(active, name, there, foreign):
    found = []
    for uuid, allocation in there.allocations.items():
        is_ours = marks.KEY in (allocation.get('extra') or {})
        is_held = uuid in active and active[uuid] == allocation['node_uuid']
        if is_ours and not is_held:
            found.append('Backend %s has allocation %s (%s) of ours, which '
                         'nobody holds' % (name, uuid, allocation['state']))
        elif uuid in active and uuid not in foreign and not is_held:
            found.append('Backend %s has allocation %s of others with '
                         'another node than here' % (name, uuid))
    return found


def _compare_nodes(name, there):
    return ['Node %s of backend %s has instance %s, of which there is no '
            'allocation' % (uuid, name, node['instance_uuid'])
            for uuid, node in there.nodes.items()
            if node['instance_uuid'] is not None
            and node['instance_uuid'] not in there.allocations]


def _find_doubles(active, backends):
    """Find nodes that two allocations have, and UUIDs that are two."""
    holders = collections.defaultdict(set)
    places = collections.Counter()
    for uuid, node in active.items():
        holders[node].add(uuid)
    for there in backends.values():
        for uuid, allocation in there.allocations.items():
            places[uuid] += 1
            if allocation['node_uuid'] is not None:
                holders[allocation['node_uuid']].add(uuid)
    return ['Node %s is given to all of %s' % (node, sorted(uuids))
            for node, uuids in holders.items() if len(uuids) > 1] + [
        'Allocation %s is at %d backends' % (uuid, count)
        for uuid, count in places.items() if count > 1]


class BackendChecker(checker.Checker):
    """Looks at the backends, too, past all proxies, at the end.

    :param cluster_: backend_cluster.BackendCluster
    :param ledger_: ledger.Ledger
    """

    def __init__(self, cluster_, ledger_):
        super().__init__(cluster_, ledger_)
        self._ironics = cluster_.ironics

    def check_end(self):
        """Wait until nothing is under way, and compare."""
        deadline = time.monotonic() + self._settle
        while time.monotonic() < deadline and (
                self._count_open() or self._compare()):
            time.sleep(0.5)
        if count := self._count_open():
            self._violate('%d writes to backends never end' % count)
        for sentence in self._compare():
            self._violate(sentence)
        super().check_end()

    def _count_open(self):
        with self._engine.connect() as connection:
            return connection.execute(
                sa.select(sa.func.count()).where(
                    _write.c.finished_at.is_(None))).scalar()

    def _compare(self):
        backends = {name: There(there.operator.nodes(),
                                there.operator.allocations())
                    for name, there in self._ironics.items()}
        allocations, nodes = self._read()
        theirs = {node.id: node.uuid for node in nodes
                  if node.backend_id != models.OWN}
        return compare(
            {row.uuid: theirs[row.node_id] for row in allocations
             if row.state == states.ALLOCATED and row.node_id in theirs},
            backends, self._ledger.foreign_held)
