# SPDX-License-Identifier: Apache-2.0
"""Somebody who works at a Bare Metal service itself, past this service."""

import concurrent.futures
import uuid as uuidlib

from allocator.tests.functional import waiting

VERSION = '1.107'

# Seconds that a change of state may take on a busy machine.
PATIENCE = 60

# Requests at the same time when many nodes are enrolled.
_AT_ONCE = 4

# Where each verb leads with fake hardware and without cleaning.
_RESULTS = {'manage': 'manageable', 'provide': 'available',
            'active': 'active', 'deleted': 'available'}

_POWER = {'power on': 'power on', 'power off': 'power off',
          'rebooting': 'power on'}


class Operator:
    """Does at one service what its administrator and its users do.

    :param session: keystoneauth1 session
    :param url: URL of the service
    """

    def __init__(self, session, url):
        self._session = session
        self._url = url

    def request(self, method, path, body=None, **options):
        """Send a request and wait for the answer.

        :param body: what is sent as JSON, None for no body
        :returns: requests.Response, whatever its status
        """
        headers = {'X-OpenStack-Ironic-API-Version': VERSION}
        if body is not None:
            options['json'] = body
        return self._session.request(
            self._url + path, method, headers=headers, raise_exc=False,
            timeout=120, **options)

    def _do(self, method, path, body=None, **options):
        answer = self.request(method, path, body, **options)
        if not answer.ok:
            raise AssertionError('%s %s: %d %s' % (
                method, path, answer.status_code, answer.text))
        return answer.json() if answer.content else None

    # --- Nodes -------------------------------------------------------------

    def enrol(self, count=1, traits=(), owner=None, **fields):
        """Enrol nodes and make them available, their power off.

        :param traits: names of the traits of each
        :param owner: project that owns each, or None
        :param fields: fields of each, such as resource_class
        :returns: list of their UUIDs
        """
        uuids = [str(uuidlib.uuid4()) for _ in range(count)]
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(
                lambda uuid: self._enrol(uuid, traits, owner, fields),
                uuids))
        return uuids

    def _enrol(self, uuid, traits, owner, fields):
        self._do('POST', '/v1/nodes', {
            'uuid': uuid, 'driver': 'fake-hardware',
            'resource_class': 'metal'} | fields)
        if owner is not None:
            # Without authentication it refuses any owner at first.
            self.change(uuid, owner=owner)
        if traits:
            self.set_traits(uuid, traits)
        self.provision(uuid, 'manage')
        self.set_power(uuid, 'power off')
        self.provision(uuid, 'provide')

    def node(self, uuid):
        """Read a node.

        :returns: dict, None if there is none
        """
        answer = self.request('GET', '/v1/nodes/' + uuid)
        return None if answer.status_code == 404 else answer.json()

    def nodes(self):
        """List all nodes, at most 1,000.

        :returns: dict of them by UUID
        """
        found = self._do('GET', '/v1/nodes/detail')['nodes']
        return {node['uuid']: node for node in found}

    def change(self, uuid, **fields):
        """Change fields of a node; None removes one."""
        return self._do('PATCH', '/v1/nodes/' + uuid, [
            {'op': 'remove', 'path': '/' + field} if value is None else
            {'op': 'add', 'path': '/' + field, 'value': value}
            for field, value in fields.items()])

    def set_power(self, uuid, target):
        """Switch a node, and wait until it is.

        :param target: power on, power off, rebooting
        """
        self._do('PUT', '/v1/nodes/%s/states/power' % uuid,
                 {'target': target})
        self._wait(uuid, lambda node: (
            node['power_state'] == _POWER[target]
            and node['target_power_state'] is None
            and node['reservation'] is None), target)

    def provision(self, uuid, verb, state=None):
        """Have a node do something, and wait until it is done.

        :param verb: manage, provide, active, deleted, …
        :param state: provision state that it leads to, unless it is one of
            those named here
        """
        wanted = state or _RESULTS[verb]
        self._do('PUT', '/v1/nodes/%s/states/provision' % uuid,
                 {'target': verb})
        self._wait(uuid, lambda node: (
            node['provision_state'] == wanted
            and node['reservation'] is None), verb)

    def _wait(self, uuid, condition, what):
        return waiting.until(lambda: condition(self.node(uuid)), PATIENCE,
                             'node %s: %s' % (uuid, what), interval=0.1)

    def deploy(self, uuid):
        """Deploy a node, and wait until it is active."""
        self.provision(uuid, 'active')

    def undeploy(self, uuid):
        """Undeploy a node, and wait until it is available."""
        self.provision(uuid, 'deleted')

    def set_traits(self, uuid, traits):
        """Give a node these traits and no others."""
        self._do('PUT', '/v1/nodes/%s/traits' % uuid,
                 {'traits': list(traits)})

    def set_maintenance(self, uuid, on=True):
        """Put a node into maintenance, or take it out."""
        self._do('PUT' if on else 'DELETE',
                 '/v1/nodes/%s/maintenance' % uuid)

    def delete_node(self, uuid):
        """Delete a node, whatever it does."""
        self.set_maintenance(uuid)
        self._do('DELETE', '/v1/nodes/' + uuid)

    # --- Allocations -------------------------------------------------------

    def allocate(self, resource_class='metal', **values):
        """Make an allocation, and wait until it is decided.

        :param values: candidate_nodes, traits, owner, name, uuid, extra
        :returns: the allocation
        """
        made = self._do('POST', '/v1/allocations',
                        {'resource_class': resource_class} | values)
        return self.wait_decided(made['uuid'])

    def wait_decided(self, uuid):
        """Wait until an allocation is active or has failed.

        :returns: the allocation
        """
        def decided():
            found = self.allocation(uuid)
            return found if found['state'] != 'allocating' else None

        return waiting.until(decided, PATIENCE,
                             'allocation %s is decided' % uuid)

    def allocation(self, uuid):
        """Read an allocation.

        :returns: dict, None if there is none
        """
        answer = self.request('GET', '/v1/allocations/' + uuid)
        return None if answer.status_code == 404 else answer.json()

    def allocations(self):
        """List all allocations, at most 1,000.

        :returns: dict of them by UUID
        """
        found = self._do('GET', '/v1/allocations')['allocations']
        return {allocation['uuid']: allocation for allocation in found}

    def release(self, uuid):
        """Delete an allocation."""
        self._do('DELETE', '/v1/allocations/' + uuid)
