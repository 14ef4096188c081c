# SPDX-License-Identifier: Apache-2.0
"""The load: tenants who create, change and delete, and an operator.

Each tenant knows what it was told, so it can tell an answer that is wrong
from one that an outage explains: after a request without an answer, or with
503, anything that this request may have done is as good as nothing.
"""

import random
import threading
import time
import uuid

import requests

from allocator.tests.chaos import checker
from allocator.tests.chaos import ledger
from allocator.tests.functional import seeds

SCARCE = 'scarce'
DEPLOYED = 'deployed'
TRAIT = 'CUSTOM_CHAOS'

TENANTS = 10

# Allocations that a tenant holds of one class, at most.
HELD = 3

# Nodes that the operator keeps from being allocated at the same time.
KEPT = 5

# Nodes that the operator puts into maintenance, and nobody deploys.
OPERATED = 15

# More nodes than tenants and operator can use up.
PLENTY_NODES = TENANTS * HELD + KEPT + 10
SCARCE_NODES = 6

# Seconds between two requests of a tenant, on average.
THINK = 0.15


class Unexpected(Exception):
    """An answer that nothing explains."""


class Actor(threading.Thread):
    """Somebody who sends requests until the end.

    :param name: who
    :param clients: list of functional.client.Client
    :param ledger_: ledger.Ledger
    :param seed: of its random numbers
    :param stopping: threading.Event
    """

    def __init__(self, name, clients, ledger_, seed, stopping):
        super().__init__(name=name, daemon=True)
        self._clients = clients
        self._ledger = ledger_
        self._random = random.Random(seed)
        self._stopping = stopping
        self._unsure = False

    def run(self):
        while not self._stopping.is_set():
            try:
                self._act()
            except Unexpected as exc:
                self._ledger.violate(str(exc))
            except Exception as exc:
                self._ledger.violate('%s failed: %r' % (self.name, exc))
            self._stopping.wait(self._random.uniform(0, 2 * THINK))

    def _new_uuid(self):
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _ask(self, operation, method, path, body=None, headers=None):
        """Send a request to one of the APIs.

        :returns: status code, None without an answer or with 503; and body
        """
        started = time.monotonic()
        status, text, found = None, '', None
        try:
            answer = self._random.choice(self._clients).request(
                method, path, json=body, headers=headers,
                timeout=2 * ledger.HANG)
            status, text = answer.status_code, answer.text
            found = answer.json() if text else None
            if answer.history and status >= 500:
                # The failure of a backend that it was sent on to.
                status, found = None, None
        except requests.RequestException:
            pass
        self._ledger.answered(operation, status, time.monotonic() - started,
                              text)
        return (None if status == 503 else status), found

    def _insist(self, operation, method, path, expected, body=None,
                repeated=(), headers=None):
        """Ask until there is an answer, or the end.

        :param expected: status codes that are right
        :param repeated: those that are right, too, after a request whose
            outcome is unknown
        :returns: the status code; None at the end
        :raises: Unexpected
        """
        allowed = list(expected)
        self._unsure = False
        while not self._stopping.is_set():
            status, found = self._ask(operation, method, path, body, headers)
            if status is not None:
                if status not in allowed:
                    raise Unexpected('%s %s was answered %d: %s' % (
                        operation, path, status, found))
                return status
            allowed += repeated
            self._unsure = True
            self._stopping.wait(0.5)
        return None


class Tenant(Actor):
    """Creates allocations and does to them what clients do.

    :param node: UUID of a deployed node of its own
    :param operated: UUIDs of the nodes that the operator changes
    :cvar classes: what it asks for, chosen by chance
    """

    classes: tuple[str, ...] = (checker.PLENTY, SCARCE)

    def __init__(self, *args, node, operated):
        super().__init__(*args)
        self._node = node
        self._operated = operated
        self._held = {checker.PLENTY: [], SCARCE: []}

    def _act(self):
        self._random.choices(
            [self._create, self._show, self._patch, self._delete,
             self._list, self._deploy, self._backfill],
            [8, 4, 4, 6, 1, 2, 1])[0]()

    def _create(self, ident=None):
        resource_class = self._random.choice(self.classes)
        held = self._held[resource_class]
        if len(held) >= HELD:
            return
        body = {'uuid': ident or self._new_uuid(),
                'resource_class': resource_class}
        if resource_class == checker.PLENTY and self._random.random() < 0.3:
            body['traits'] = [TRAIT]
        if self._random.random() < 0.3:
            body['name'] = 'n-' + body['uuid']
        record = self._ledger.open(body['uuid'], resource_class)
        held.append(record)
        if self._insist('create', 'POST', '/v1/allocations', [201], body,
                        [409]):
            record.created = ledger.DONE

    def _pick(self):
        """Choose one of the allocations, of which it is nobody else's."""
        held = [record for records in self._held.values()
                for record in records]
        return self._random.choice(held) if held else None

    def _forget(self, record):
        record.deleted = ledger.DONE
        self._held[record.resource_class].remove(record)

    def _show(self):
        record = self._pick()
        if record is None:
            return None
        status, found = self._ask('show', 'GET', _path(record))
        if status == 404 and record.must_exist:
            self._ledger.violate('Allocation %s is not found' % record.uuid)
        if status != 200:
            return None
        if record.deleted is None and found['extra'] not in record.extras:
            self._ledger.violate('Allocation %s shows extra %s, not %s' % (
                record.uuid, found['extra'], record.extras))
        if found['state'] == 'active' and not found['node_uuid']:
            self._ledger.violate('Allocation %s is active without a node'
                                 % record.uuid)
        return found

    def _patch(self):
        record = self._pick()
        if record is None or not record.must_exist:
            return
        extra = {'number': self._random.getrandbits(30)}
        record.extras.append(extra)
        if self._insist('patch', 'PATCH', _path(record), [200], [
                {'op': 'add', 'path': '/extra', 'value': extra}]):
            record.extras = [extra]

    def _delete(self):
        record = self._pick()
        if record is None:
            return
        expected = [204] if record.must_exist else [204, 404]
        record.deleted = ledger.MAYBE
        status = self._insist('delete', 'DELETE', _path(record), expected,
                              repeated=[404])
        if status is None:
            return
        self._forget(record)
        if (not self._unsure and self._is_free_at_once(record)
                and self._random.random() < 0.2):
            # The same UUID once more: it is another allocation.
            self._create(record.uuid)

    def _is_free_at_once(self, record):
        """Tell whether a UUID may be used again once it is deleted."""
        return True

    def _list(self):
        status, _found = self._ask('list', 'GET',
                                   '/v1/allocations?limit=20')
        if status not in (None, 200):
            self._ledger.violate('A list was answered %d' % status)

    def _deploy(self):
        """Deploy the node of an allocation, and undeploy it."""
        found = self._show()
        if not found or found['state'] != 'active':
            return
        record = self._ledger.records[found['uuid']]
        if record.must_exist and found['node_uuid'] not in self._operated:
            self._deploy_node(record, found['node_uuid'])

    def _deploy_node(self, record, node):
        path = '/v1/nodes/%s/states/provision' % node
        if self._insist('deploy', 'PUT', path, [202], {'target': 'active'},
                        [400, 409]) is None:
            return
        self._insist('delete deployed', 'DELETE', _path(record), [409])
        record.deleted = ledger.MAYBE
        # A node that is free again may be anybody's at once, so an outcome
        # that is unknown is asked for at the allocation.
        status, _found = self._ask('undeploy', 'PUT', path,
                                   {'target': 'deleted'})
        if status == 202:
            self._expect_gone(record)
        elif status is not None:
            self._ledger.violate('undeploy was answered %d' % status)
        elif self._insist('show', 'GET', _path(record), [200, 404]) == 404:
            self._forget(record)
        elif self._insist('undeploy', 'PUT', path, [202],
                          {'target': 'deleted'}, [400, 409]):
            self._expect_gone(record)

    def _expect_gone(self, record):
        if self._insist('show deleted', 'GET', _path(record), [404]):
            self._forget(record)

    def _backfill(self):
        """Allocate the deployed node, and free it in maintenance."""
        record = self._ledger.open(self._new_uuid(), DEPLOYED)
        maintenance = '/v1/nodes/%s/maintenance' % self._node
        if not self._insist('backfill', 'POST', '/v1/allocations', [201], {
                'uuid': record.uuid, 'node': self._node}, [409]):
            return
        record.created = ledger.DONE
        self._insist('delete deployed', 'DELETE', _path(record), [409])
        if not self._insist('maintenance', 'PUT', maintenance, [202]):
            return
        record.deleted = ledger.MAYBE
        if self._insist('delete', 'DELETE', _path(record), [204],
                        repeated=[404]):
            record.deleted = ledger.DONE
            self._insist('maintenance', 'DELETE', maintenance, [202])


def _path(record):
    return '/v1/allocations/' + record.uuid


class Operator(Actor):
    """Changes nodes that tenants use.

    :param nodes: UUIDs of the nodes
    """

    def __init__(self, *args, nodes):
        super().__init__(*args)
        self._nodes = nodes
        self._kept = []

    def _act(self):
        self._random.choice([self._keep, self._give_back, self._note,
                             self._look])()

    def _keep(self):
        if len(self._kept) < KEPT:
            node = self._random.choice(self._nodes)
            self._kept.append(node)
            self._insist('maintenance', 'PUT',
                         '/v1/nodes/%s/maintenance' % node, [202])

    def _give_back(self):
        if self._kept:
            self._insist('maintenance', 'DELETE',
                         '/v1/nodes/%s/maintenance' % self._kept[0], [202])
            node = self._kept.pop(0)
            if node in self._kept:
                self._kept.remove(node)

    def _note(self):
        self._insist('patch node', 'PATCH',
                     '/v1/nodes/' + self._random.choice(self._nodes), [200],
                     [{'op': 'add', 'path': '/extra/number',
                       'value': self._random.getrandbits(30)}])

    def _look(self):
        self._insist('list nodes', 'GET',
                     '/v1/nodes?fields=uuid,instance_uuid&limit=20', [200])


def actors(cluster_, shared, tenant_class=Tenant, tenants=TENANTS):
    """Seed the nodes, and make those who use them.

    :param cluster_: cluster.Cluster
    :param shared: function that makes what all actors are given but the name
    :param tenant_class: class of the tenants
    :param tenants: number of tenants, at most TENANTS
    :returns: list of Actor
    """
    engine = cluster_.engine
    plenty = seeds.add_nodes(engine, PLENTY_NODES, [TRAIT],
                             resource_class=checker.PLENTY)
    deployed = seeds.add_nodes(engine, tenants, resource_class=DEPLOYED,
                               provision_state='active')
    operated = plenty[:OPERATED]
    found = [tenant_class('tenant %d' % number, *shared(), node=node,
                          operated=operated)
             for number, node in enumerate(deployed)]
    return [*found, Operator('operator', *shared(), nodes=operated)]


def seeded_actors(cluster_, shared):
    """Make actors() with scarce nodes of the service's own."""
    seeds.add_nodes(cluster_.engine, SCARCE_NODES, resource_class=SCARCE)
    return actors(cluster_, shared)
