# SPDX-License-Identifier: Apache-2.0
"""The nodes and allocations of a simulated Bare Metal service.

A node keeps only what differs from a common one, and that part of its JSON in
which nodes differ, so that 100,000 of them fit into 200 MB and a page of 1,000
is put together in a few milliseconds.
"""

import bisect
import collections
import datetime
import itertools
import json
import threading
import time
import uuid as uuidlib

# Fields that nodes differ in, and what a common node has there.
VARIABLE = {
    'uuid': None, 'name': None, 'resource_class': 'metal', 'traits': [],
    'provision_state': 'available', 'target_provision_state': None,
    'power_state': 'power off', 'target_power_state': None,
    'maintenance': False, 'maintenance_reason': None, 'fault': None,
    'owner': None, 'lessee': None, 'shard': None, 'conductor_group': '',
    'instance_uuid': None, 'allocation_uuid': None, 'instance_info': {},
    'properties': {}, 'extra': {}, 'reservation': None, 'retired': False,
    'protected': False, 'description': None,
    'created_at': '2026-01-31T12:00:00+00:00', 'updated_at': None,
}

# Fields of a list without "detail".
BRIEF = ('uuid', 'name', 'instance_uuid', 'maintenance', 'power_state',
         'provision_state')

# Those that no test changes.
_FIXED = {
    'automated_clean': None, 'bios_interface': 'no-bios',
    'boot_interface': 'fake', 'boot_mode': None, 'chassis_uuid': None,
    'clean_step': {}, 'conductor': 'simulated', 'console_enabled': False,
    'console_interface': 'no-console', 'deploy_interface': 'fake',
    'deploy_step': {}, 'disable_power_off': False, 'driver': 'fake-hardware',
    'driver_info': {}, 'driver_internal_info': {},
    'firmware_interface': 'no-firmware', 'inspect_interface': 'no-inspect',
    'inspection_finished_at': None, 'inspection_started_at': None,
    'instance_name': None, 'last_error': None, 'management_interface': 'fake',
    'network_data': {}, 'network_interface': 'noop', 'parent_node': None,
    'power_interface': 'fake', 'protected_reason': None, 'raid_config': {},
    'raid_interface': 'no-raid', 'rescue_interface': 'no-rescue',
    'retired_reason': None, 'secure_boot': None, 'service_step': {},
    'storage_interface': 'noop', 'target_raid_config': {},
    'vendor_interface': 'no-vendor', 'provision_updated_at': None,
}

# Lists of other resources, and links to the node itself: nobody follows them.
_FIXED |= {name: [] for name in ('links', 'portgroups', 'ports', 'states',
                                 'volume')}

# What all nodes begin with, rendered once.
_HEAD = json.dumps(_FIXED)[:-1].encode() + b', '


class Taken(Exception):
    """It is taken: 409."""


class Unknown(Exception):
    """There is no such thing."""


class Node:
    """A node: what differs from a common one.

    :ivar number: its place in the order of enrolment
    """

    __slots__ = ('number', 'uuid', '_values', '_rendered')

    def __init__(self, number, values):
        self.number = number
        self.uuid = values['uuid']
        self._values = values
        self._rendered = None

    def __getitem__(self, field):
        return self._values.get(field, VARIABLE[field])

    def change(self, values):
        self._values = self._values | values
        self._rendered = None

    def render(self):
        """Make the JSON of all fields, as bytes."""
        rendered = self._rendered
        if rendered is None:
            rendered = self._rendered = json.dumps(
                VARIABLE | self._values)[1:].encode()
        return _HEAD + rendered

    def render_fields(self, names):
        """Make the JSON of some fields, as bytes."""
        return json.dumps({name: self[name] if name in VARIABLE
                           else _FIXED[name] for name in names}
                          | {'links': []}).encode()


class Store:
    """Nodes and allocations of one simulated service.

    :ivar nodes: dict of Node by UUID, in the order of enrolment
    :ivar allocations: dict of dicts by UUID, in the order of creation
    :ivar decision: seconds until an allocation is decided
    """

    def __init__(self):
        self.nodes = {}
        self.allocations = {}
        self.decision = 0.05
        self._order = []
        self._numbers = itertools.count(1)
        # Nodes that were ever touched, the last one at the end.
        self._touched = collections.OrderedDict()
        self._undecided = collections.deque()
        self._lock = threading.RLock()

    # --- What a test does --------------------------------------------------

    def enrol(self, count=1, prefix=None, **values):
        """Make nodes.

        :param prefix: beginning of their names, unless they have none
        :param values: fields in which they differ from a common node
        :returns: list of their UUIDs
        """
        with self._lock:
            found = []
            for _ in range(count):
                number = next(self._numbers)
                own = {'uuid': str(uuidlib.uuid4())} | values
                if prefix is not None:
                    own['name'] = '%s-%d' % (prefix, number)
                node = Node(number, own)
                self.nodes[node.uuid] = node
                self._order.append(node)
                found.append(node.uuid)
            return found

    def change_node(self, uuid, **values):
        """Change fields of a node, as its owner or a conductor would."""
        with self._lock:
            node = self.nodes[uuid]
            node.change(values | {'updated_at': _now()})
            self._touched[uuid] = node
            self._touched.move_to_end(uuid)

    def delete_node(self, uuid):
        """Delete a node; its allocation goes with it."""
        with self._lock:
            node = self.nodes.pop(uuid)
            self._order.remove(node)
            self._touched.pop(uuid, None)
            self.allocations.pop(node['allocation_uuid'], None)

    def undeploy(self, uuid):
        """Free a node whatever it does; its allocation goes."""
        with self._lock:
            node = self.nodes[uuid]
            self.allocations.pop(node['allocation_uuid'], None)
            self.change_node(uuid, instance_uuid=None, allocation_uuid=None,
                             provision_state='available')

    # --- What is asked over HTTP -------------------------------------------

    def find_node(self, ident):
        """Find a node by UUID or name.

        :returns: Node or None
        """
        with self._lock:
            self._decide()
            if ident in self.nodes:
                return self.nodes[ident]
            return next((node for node in self._order
                         if node['name'] == ident), None)

    def select_nodes(self, limit, marker, sort_key, backwards, filters):
        """Select a page of nodes.

        :param filters: dict of texts by field
        :returns: list of Node, and whether it may not be the last
        """
        with self._lock:
            self._decide()
            found = (node for node in self._ordered(marker, sort_key,
                                                    backwards)
                     if all(_matches(node[field], text)
                            for field, text in filters.items()))
            page = list(itertools.islice(found, limit))
        return page, len(page) == limit

    def _ordered(self, marker, sort_key, backwards):
        if sort_key == 'id' and marker:
            place = bisect.bisect_left(
                self._order, self.nodes[marker].number,
                key=lambda node: node.number)
            return (reversed(self._order[:place]) if backwards
                    else itertools.islice(self._order, place + 1, None))
        if sort_key == 'id':
            return reversed(self._order) if backwards else self._order
        if sort_key == 'updated_at' and backwards:
            found = itertools.chain(
                reversed(self._touched.values()),
                (node for node in self._order
                 if node['updated_at'] is None))
        else:
            found = sorted(self._order, key=lambda node: str(node[sort_key]),
                           reverse=backwards)
        return _after(marker, found)

    def find_allocation(self, ident):
        """Find an allocation by UUID or name.

        :returns: dict or None
        """
        with self._lock:
            self._decide()
            return self.allocations.get(ident) or next(
                (allocation for allocation in self.allocations.values()
                 if allocation['name'] == ident), None)

    def select_allocations(self, limit, marker, sort_key, backwards, filters):
        """Select a page of allocations, by creation alone.

        :returns: list of dicts, and whether it may not be the last
        """
        with self._lock:
            self._decide()
            order = list(self.allocations.values())
        if backwards:
            order.reverse()
        found = (allocation for allocation in order
                 if all(_matches(allocation[_KEYS.get(field, field)], text)
                        for field, text in filters.items()))
        if marker:
            found = itertools.dropwhile(
                lambda allocation: allocation['uuid'] != marker, found)
            next(found)
        page = list(itertools.islice(found, limit))
        return page, len(page) == limit

    def allocate(self, resource_class=None, uuid=None, name=None, traits=(),
                 candidate_nodes=(), owner=None, extra=None, node=None):
        """Make an allocation, to be decided a little later.

        :param node: UUID of a node that is deployed already
        :returns: dict
        :raises Taken: the UUID or name is in use
        :raises Unknown: a candidate does not exist
        """
        with self._lock:
            self._decide()
            uuid = uuid or str(uuidlib.uuid4())
            if uuid in self.allocations:
                raise Taken('An allocation with UUID %s already exists.'
                            % uuid)
            if name and self.find_allocation(name):
                raise Taken('An allocation with name %s already exists.'
                            % name)
            if resource_class is None and node is None:
                raise Unknown('resource_class or node is needed.')
            if node is not None:
                return self._backfill(self.find_node(node), {
                    'uuid': uuid, 'name': name, 'traits': list(traits),
                    'owner': owner, 'extra': extra or {}})
            for ident in candidate_nodes:
                if self.find_node(ident) is None:
                    raise Unknown('Node %s could not be found.' % ident)
            made = {'uuid': uuid, 'name': name, 'state': 'allocating',
                    'resource_class': resource_class, 'traits': list(traits),
                    'candidate_nodes': list(candidate_nodes), 'owner': owner,
                    'extra': extra or {}, 'node_uuid': None,
                    'last_error': None, 'created_at': _now(),
                    'updated_at': None, 'links': []}
            self.allocations[uuid] = made
            self._undecided.append((time.monotonic() + self.decision, made))
            return dict(made)

    def _backfill(self, node, values):
        if node is None or node['provision_state'] != 'active':
            raise Taken('The node is not active.')
        if node['instance_uuid'] not in (None, values['uuid']):
            raise Taken('The node has an instance.')
        made = self.allocations[values['uuid']] = values | {
            'state': 'active', 'resource_class': node['resource_class'],
            'candidate_nodes': [node.uuid], 'node_uuid': node.uuid,
            'last_error': None, 'created_at': _now(), 'updated_at': None,
            'links': []}
        self.change_node(node.uuid, instance_uuid=values['uuid'],
                         allocation_uuid=values['uuid'])
        return dict(made)

    def change_allocation(self, ident, **values):
        """Change name or extra of an allocation.

        :returns: dict
        :raises Unknown: there is none
        :raises Taken: the name is in use
        """
        with self._lock:
            allocation = self.find_allocation(ident)
            if allocation is None:
                raise Unknown(ident)
            other = values.get('name') and self.find_allocation(
                values['name'])
            if other and other is not allocation:
                raise Taken('An allocation with name %s already exists.'
                            % values['name'])
            allocation.update(values, updated_at=_now())
            return dict(allocation)

    def release(self, ident):
        """Delete an allocation.

        :raises Unknown: there is none
        :raises Taken: its node is deployed or locked
        """
        with self._lock:
            allocation = self.find_allocation(ident)
            if allocation is None:
                raise Unknown(ident)
            node = self.nodes.get(allocation['node_uuid'])
            if node is not None:
                if node['reservation']:
                    raise Taken('Node %s is locked by host %s, please retry '
                                'after the current operation is completed.'
                                % (node.uuid, node['reservation']))
                if (node['provision_state'] != 'available'
                        and not node['maintenance']):
                    raise Taken(
                        'Cannot remove instance UUID from node %s: it is in '
                        'state %s.' % (node.uuid, node['provision_state']))
                self.change_node(node.uuid, instance_uuid=None,
                                 allocation_uuid=None)
            del self.allocations[allocation['uuid']]

    # --- How an allocation is decided --------------------------------------

    def _decide(self):
        while self._undecided and self._undecided[0][0] <= time.monotonic():
            allocation = self._undecided.popleft()[1]
            if self.allocations.get(allocation['uuid']) is allocation:
                self._decide_one(allocation)

    def _decide_one(self, allocation):
        allocation['updated_at'] = _now()
        candidates = [self.find_node(ident) for ident
                      in allocation['candidate_nodes']] or self._order
        for node in candidates:
            if node is not None and _is_suitable(node, allocation):
                self.change_node(
                    node.uuid, instance_uuid=allocation['uuid'],
                    allocation_uuid=allocation['uuid'],
                    instance_info=node['instance_info'] | {
                        'traits': allocation['traits']})
                allocation.update(state='active', node_uuid=node.uuid)
                return
        allocation.update(
            state='error', last_error='Failed to process allocation %s: no '
            'available nodes match the resource class %s.' % (
                allocation['uuid'], allocation['resource_class']))


# Filters of allocations that are not named like a field.
_KEYS = {'node': 'node_uuid'}


def _is_suitable(node, allocation):
    owner = allocation['owner']
    return (node['provision_state'] == 'available'
            and node['power_state'] is not None
            and not node['maintenance'] and not node['reservation']
            and node['instance_uuid'] is None
            and node['resource_class'] == allocation['resource_class']
            and set(allocation['traits']) <= set(node['traits'])
            and (owner is None or owner in (node['owner'], node['lessee'])))


def _matches(value, text):
    if isinstance(value, bool):
        return value == (text.lower() in ('true', '1'))
    return value in text.split(',')


def _after(marker, nodes):
    if marker is None:
        return nodes
    found = itertools.dropwhile(lambda node: node.uuid != marker, nodes)
    next(found)
    return found


def _now():
    return datetime.datetime.now(datetime.UTC).replace(
        microsecond=0).isoformat()
