# SPDX-License-Identifier: Apache-2.0
"""The checker: compares the database with what must hold.

1. An allocation that was answered with 201 ends ``active`` or ``error``.
2. No two allocations hold one node, no active allocation lacks its node, no
   node carries the UUID of an allocation that does not exist.
3. No allocation fails while a suitable node is free.
4. A delete that was answered with 204 has freed the node.
"""

import time

import sqlalchemy as sa

from allocator.common import states
from allocator.db import models
from allocator.tests.chaos import ledger

# The class that always has a free node: nothing of it may fail.
PLENTY = 'plenty'

# States in which a node is taken; in the second, its backend has yet to agree.
_WITH_NODE = (states.ALLOCATED, states.CONFIRMING)

_allocation = models.Allocation.__table__
_node = models.Node.__table__


class Checker:
    """Looks at the database past all proxies.

    :param cluster_: cluster.Cluster
    :param ledger_: ledger.Ledger
    :ivar samples: how often it has looked
    """

    def __init__(self, cluster_, ledger_):
        self._engine = cluster_.engine.execution_options(
            isolation_level='REPEATABLE READ')
        self._settle = cluster_.settle
        self._ledger = ledger_
        self._told = set()
        self.samples = 0

    def _violate(self, sentence):
        """Note a violation, once however often it is seen."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._ledger.violate(sentence)

    def _read(self):
        with self._engine.connect() as connection:
            allocations = connection.execute(sa.select(
                _allocation.c.id, _allocation.c.uuid, _allocation.c.state,
                _allocation.c.node_id, _allocation.c.last_error,
                _allocation.c.resource_class, _allocation.c.extra)).all()
            nodes = connection.execute(sa.select(
                _node.c.id, _node.c.uuid, _node.c.instance_uuid,
                _node.c.allocation_id, _node.c.instance_info,
                _node.c.backend_id)).all()
        return allocations, nodes

    def sample(self):
        """Check what must hold at any moment.

        :returns: rows of the allocations and of the nodes
        """
        allocations, nodes = self._read()
        self.samples += 1
        by_id = {row.id: row for row in allocations}
        holders = {}
        for node in nodes:
            if node.backend_id != models.OWN:
                holders[node.allocation_id] = node
                self._check_mirrored(node, by_id.get(node.allocation_id))
            elif node.instance_uuid or node.allocation_id:
                holders[node.allocation_id] = node
                self._check_node(node, by_id.get(node.allocation_id))
            elif 'traits' in node.instance_info:
                self._violate('Free node %s has instance traits' % node.uuid)
        for allocation in allocations:
            self._check_allocation(allocation, holders.get(allocation.id))
        return allocations, nodes

    def _check_node(self, node, allocation):
        if allocation is None:
            self._violate('Node %s carries %s, which does not exist'
                          % (node.uuid, node.instance_uuid))
        elif (allocation.uuid, allocation.node_id, allocation.state) != (
                node.instance_uuid, node.id, 'active'):
            self._violate('Node %s and allocation %s (%s) disagree' % (
                node.uuid, allocation.uuid, allocation.state))

    def _check_mirrored(self, node, allocation):
        """Check a node of a backend; others may have it, and not we."""
        if node.allocation_id is None:
            return
        if allocation is None or (allocation.uuid, allocation.node_id) != (
                node.instance_uuid, node.id) or (
                    allocation.state not in _WITH_NODE):
            self._violate('Node %s of a backend, which has instance %s, and '
                          'allocation %s disagree' % (
                              node.uuid, node.instance_uuid, allocation))

    def _check_allocation(self, allocation, node):
        if allocation.state in _WITH_NODE and node is None:
            self._violate('Allocation %s is %s without a node'
                          % (allocation.uuid, allocation.state))
        if allocation.state not in _WITH_NODE and (
                allocation.node_id is not None):
            self._violate('Allocation %s is %s with a node'
                          % (allocation.uuid, allocation.state))
        if allocation.state == 'error' and (
                allocation.resource_class == PLENTY
                or not allocation.last_error):
            self._violate('Allocation %s failed with free nodes: %s'
                          % (allocation.uuid, allocation.last_error))

    def check_settled(self):
        """Check that what is pending now is not after a sweep."""
        pending = self._pending()
        deadline = time.monotonic() + self._settle
        while pending and time.monotonic() < deadline:
            time.sleep(0.1)
            pending &= self._pending()
        for uuid in pending:
            self._violate('Allocation %s of class %s stays undecided' % (
                uuid, self._ledger.records[uuid].resource_class))

    def _pending(self):
        with self._engine.connect() as connection:
            return set(connection.execute(
                sa.select(_allocation.c.uuid).where(
                    _allocation.c.state.in_(
                        states.STORED[states.ALLOCATING]))).scalars())

    def check_end(self):
        """Compare the database with all that clients were told."""
        allocations, nodes = self.sample()
        found = {row.uuid: row for row in allocations}
        carried = {node.instance_uuid for node in nodes}
        for uuid, record in self._ledger.records.items():
            row = found.pop(uuid, None)
            if record.must_exist and row is None:
                self._violate('Allocation %s is lost' % uuid)
            if record.deleted == ledger.DONE and (row or uuid in carried):
                self._violate('Allocation %s was deleted, and is not'
                              % uuid)
            if row is not None:
                if row.state not in (states.ALLOCATED, states.ERROR):
                    self._violate('Allocation %s never ends' % uuid)
                if row.extra not in record.extras:
                    self._violate('Allocation %s has extra %s, not one of %s'
                                  % (uuid, row.extra, record.extras))
        for uuid in set(found).difference(self._ledger.foreign):
            self._violate('Nobody has asked for allocation %s' % uuid)
