# SPDX-License-Identifier: Apache-2.0
"""The load on backends: tenants who get nodes there, and neighbours.

The scarce nodes are those of the backends; plenty of own ones are beside
them, for which nobody may ever have to wait for a backend.
"""

import time

from allocator.tests.chaos import checker
from allocator.tests.chaos import ledger
from allocator.tests.chaos import load

TENANTS = 6

# Nodes of each backend.
NODES = 9

# Allocations that a neighbour holds, at most.
HELD = 2

# Seconds after which an undeployed node's allocation has ended here, and
# after which a node that is being deployed is given up.
PATIENCE = 60


class Tenant(load.Tenant):
    """A tenant whose scarce nodes are at backends."""

    classes = (checker.PLENTY, load.SCARCE, load.SCARCE)

    def _is_free_at_once(self, record):
        # A backend's node carries the UUID until that has released it.
        return record.resource_class == checker.PLENTY

    def _deploy_node(self, record, node):
        if record.resource_class == checker.PLENTY:
            super()._deploy_node(record, node)
            return
        # From here on it may end whenever its backend says so.
        record.deleted = ledger.MAYBE
        path = '/v1/nodes/%s/states/provision' % node
        status, _found = self._ask('deploy there', 'PUT', path,
                                   {'target': 'active'})
        if status in (400, 409):
            # Locked, or in transition: it stays what it was.
            record.deleted = None
            return
        if status == 202 and self._reaches(node, 'active'):
            status, _found = self._ask('undeploy there', 'PUT', path,
                                       {'target': 'deleted'})
            if status == 202:
                self._await_gone(record)
                return
        # Whatever has become of it may also come late.
        self._held[record.resource_class].remove(record)

    def _reaches(self, node, state):
        """Wait until a node is in a state, and not locked."""
        deadline = time.monotonic() + PATIENCE
        while not self._stopping.is_set() and time.monotonic() < deadline:
            status, found = self._ask('show node', 'GET',
                                      '/v1/nodes/' + node)
            if status == 200 and found['provision_state'] == state and (
                    found['reservation'] is None):
                return True
            self._stopping.wait(0.5)
        return False

    def _await_gone(self, record):
        deadline = time.monotonic() + PATIENCE
        while not self._stopping.is_set():
            status, _found = self._ask('show undeployed', 'GET',
                                       '/v1/allocations/' + record.uuid)
            if status == 404:
                self._forget(record)
                return
            if time.monotonic() > deadline:
                raise load.Unexpected(
                    'Allocation %s is there %d s after its node was '
                    'undeployed' % (record.uuid, PATIENCE))
            self._stopping.wait(0.5)


class Neighbour(load.Actor):
    """Somebody who works at one Bare Metal service, past this service.

    :param backend: name of the backend
    :param operator: operator.Operator of it
    :param nodes: UUIDs of its nodes
    """

    def __init__(self, *args, backend, operator, nodes):
        super().__init__(*args)
        self._backend = backend
        self._operator = operator
        self._nodes = nodes
        self._maintained = None
        self._held = {}

    def _act(self):
        self._random.choices(
            [self._take, self._give_back, self._look, self._maintain,
             self._note], [2, 1, 3, 1, 1])[0]()

    def _take(self):
        if len(self._held) >= HELD:
            return
        uuid = self._new_uuid()
        self._ledger.foreign.add(uuid)
        status, _found = self._do('take there', 'POST', '/v1/allocations', {
            'uuid': uuid, 'resource_class': load.SCARCE,
            'extra': {'neighbour': self.name}})
        while status == 201 and not self._stopping.is_set():
            status, found = self._do('show there', 'GET',
                                     '/v1/allocations/' + uuid)
            if status == 200 and found['state'] == 'active':
                self._held[uuid] = found['node_uuid']
                self._ledger.foreign_held[uuid] = (self._backend,
                                                   found['node_uuid'])
            elif status in (None, 200) and (
                    found is None or found['state'] == 'allocating'):
                status = 201
                self._stopping.wait(0.2)

    def _give_back(self):
        if not self._held:
            return
        uuid = self._random.choice(list(self._held))
        del self._held[uuid]
        # It may be refused, or be carried out late.
        del self._ledger.foreign_held[uuid]
        self._do('give back there', 'DELETE', '/v1/allocations/' + uuid)

    def _look(self):
        """Check that nobody has touched what is held."""
        for uuid, node in self._held.items():
            status, found = self._do('show there', 'GET',
                                     '/v1/allocations/' + uuid)
            if status == 404 or status == 200 and (
                    found['node_uuid'] != node
                    or found['extra'] != {'neighbour': self.name}):
                self._ledger.violate(
                    'Allocation %s of others is at %s: %s' % (
                        uuid, self._backend, found))

    def _maintain(self):
        """Put a node into maintenance, or take it out."""
        node = self._maintained or self._random.choice(self._nodes)
        status, _found = self._do(
            'maintain there', 'DELETE' if self._maintained else 'PUT',
            '/v1/nodes/%s/maintenance' % node)
        if status == 202:
            self._maintained = None if self._maintained else node

    def _note(self):
        self._do('patch there', 'PATCH',
                 '/v1/nodes/' + self._random.choice(self._nodes),
                 [{'op': 'add', 'path': '/extra/number',
                   'value': self._random.getrandbits(30)}])

    def _do(self, operation, method, path, body=None):
        """Ask the service itself; it may be paused, or gone.

        :returns: status code, None without an answer or with 5xx; and body
        """
        started = time.monotonic()
        status, found = None, None
        try:
            answer = self._operator.request(method, path, body)
            status = answer.status_code
            found = answer.json() if answer.content else None
        except Exception:
            status = None
        if status is not None and status >= 500:
            status, found = None, None
        # What it says is its own; only the number counts.
        self._ledger.answered(operation, status,
                              min(time.monotonic() - started, ledger.HANG),
                              '')
        return status, found


def actors(cluster_, shared):
    """Make those who use own nodes and those of the backends.

    :param cluster_: backend_cluster.BackendCluster
    :param shared: function that makes what all actors are given but the name
    :returns: list of load.Actor
    """
    neighbours = []
    for name, there in cluster_.ironics.items():
        nodes = there.database.insert_nodes(
            NODES, traits=[load.TRAIT], resource_class=load.SCARCE,
            touched=True)
        neighbours.append(Neighbour(
            'neighbour at ' + name, *shared(), backend=name,
            operator=there.operator, nodes=nodes))
    return [*load.actors(cluster_, shared, Tenant, TENANTS), *neighbours]
