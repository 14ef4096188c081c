# SPDX-License-Identifier: Apache-2.0
"""What is asked of one Bare Metal service: a method for each question.

Nodes and allocations are dicts as the API has them (Bare Metal API reference,
"Nodes", "Allocations"). Every method may raise the errors of
``allocator.backends.exception``.
"""

import copy
import urllib.parse

from oslo_context import context
from oslo_utils import uuidutils

from allocator.backends import connection
from allocator.backends import exception
from allocator.backends import pace
from allocator.common.i18n import _

# The first version that knows shards.
_SHARD_VERSION = (1, 82)

# Greatest number of items that a page has unless the service was told
# otherwise ([api] max_limit there).
PAGE = 1000


class Client:
    """A client of one Bare Metal service; threads may share it.

    :param name: name of the backend, whose options are registered
    :ivar pace: pace.Pace: how long it takes to decide an allocation
    :raises allocator.backends.exception.Misconfigured: its options do not
        make a session
    """

    def __init__(self, name):
        self.name = name
        self.pace = pace.Pace()
        self._connection = connection.Connection(name)
        self._request_id = None

    def on_behalf_of(self, request_id=None):
        """Make a client whose requests bear a global request id.

        :param request_id: that of the client of ours that they are for;
            unless given, they have one of their own
        :returns: Client, which shares the connection
        """
        found = copy.copy(self)
        found._request_id = request_id or context.generate_request_id()
        return found

    def _send(self, method, path, request_id=None, **arguments):
        return self._connection.send(
            method, path, request_id=request_id or self._request_id,
            **arguments)

    # --- The service -------------------------------------------------------

    def get_versions(self):
        """Ask for the range of microversions.

        :returns: the oldest and the newest, each a tuple of two integers
        """
        return self._connection.versions()

    def get_version(self):
        """Get the microversion of this client's requests.

        :returns: tuple of two integers
        """
        return self._connection.version()

    def get_public_url(self):
        """Get the URL of the service that its clients are sent to.

        :returns: URL without a slash at its end
        """
        return self._connection.public_url()

    def get_conductors(self):
        """List the conductors, which only a reader of everything may.

        A token that may not read this may be shown a part of the nodes, so
        that the others' absence says nothing.

        :returns: list of dicts
        :raises allocator.backends.exception.Denied: it may not
        """
        return self._list('conductors', None, {})[0]

    # --- Nodes -------------------------------------------------------------

    def get_nodes_page(self, limit=PAGE, marker=None, filters=None):
        """Read a page of all nodes with all their fields, oldest first.

        Child nodes are in no list.

        :param limit: greatest number of nodes; the service may give fewer
        :param marker: UUID of the last node of the page before
        :param filters: dict of query parameters, such as owner; lists where
            the API takes several, that is for shard
        :returns: list of nodes, and the marker of the next page or None
        """
        return self._get_nodes(limit, marker, filters)

    def get_changed_nodes(self, limit=100, marker=None, filters=None):
        """Read a page of nodes, those that changed last first.

        Never touched nodes, whose ``updated_at`` is null, are not to be
        relied on here: they come last or first, and no marker can stand
        after them.

        :returns: list of nodes, and the marker of the next page or None
        """
        return self._get_nodes(limit, marker, filters, sort_key='updated_at',
                               sort_dir='desc')

    def get_newest_nodes(self, limit=100, marker=None, filters=None):
        """Read a page of nodes, those that were enrolled last first.

        :returns: list of nodes, and the marker of the next page or None
        """
        return self._get_nodes(limit, marker, filters, sort_key='id',
                               sort_dir='desc')

    def get_node_uuids_page(self, limit=PAGE, marker=None, filters=None):
        """Read a page of the UUIDs of all nodes, oldest first.

        That is much cheaper than the nodes, and finds those deleted.

        :returns: list of UUIDs, and the marker of the next page or None
        """
        nodes, marker = self._list(
            'nodes', '/v1/nodes',
            self._node_params(limit, marker, filters) | {'fields': 'uuid'})
        return [node['uuid'] for node in nodes], marker

    def get_node(self, uuid, request_id=None):
        """Read a node.

        :param request_id: global request id of whom it is read for
        :raises allocator.backends.exception.NotFound: there is none, or
            none that this token may see
        """
        return self._send('GET', _path('nodes', uuid),
                          request_id=request_id)

    def _get_nodes(self, limit, marker, filters, **order):
        return self._list('nodes', '/v1/nodes/detail',
                          self._node_params(limit, marker, filters) | order)

    def _node_params(self, limit, marker, filters):
        filters = filters or {}
        if 'shard' in filters:
            version = self._connection.version()
            if version < _SHARD_VERSION:
                raise exception.Incompatible(
                    backend=self.name,
                    reason=_('its API is of version 1.%d, and shards need '
                             '1.82') % version[1])
        found = {'limit': limit} | {
            key: ','.join(value) if isinstance(value, (list, tuple))
            else value for key, value in filters.items()}
        if marker is not None:
            found['marker'] = marker
        return found

    # --- Allocations -------------------------------------------------------

    def get_allocation(self, uuid, request_id=None):
        """Read an allocation.

        :param request_id: global request id of whom it is read for
        :raises allocator.backends.exception.NotFound: there is none now;
            one that was asked for and not answered may still come to be
        """
        return self._send('GET', _path('allocations', uuid),
                          request_id=request_id)

    def list_allocations(self, limit=PAGE, **filters):
        """Read all allocations, oldest first, page by page.

        :param limit: greatest number of allocations in a page
        :param filters: node, resource_class, state, owner
        :returns: iterator of dicts
        """
        params = {'limit': limit} | filters
        while True:
            page, marker = self._list('allocations', '/v1/allocations',
                                      params)
            yield from page
            if marker is None:
                return
            params['marker'] = marker

    def create_allocation(self, uuid, resource_class, node, name=None,
                          traits=(), owner=None, extra=None,
                          request_id=None):
        """Ask for one node; whether it is given is decided afterwards.

        :param uuid: UUID of the allocation
        :param node: UUID of the node, the only candidate
        :param name: its name, None for none; unique at the backend
        :param traits: names of the traits it must have
        :param owner: project that owns or leases the node; None: any
        :param extra: dict
        :param request_id: global request id of the client it is for
        :returns: the allocation, "allocating"
        :raises allocator.backends.exception.Conflict: there is an allocation
            with this UUID
        :raises allocator.backends.exception.OutcomeUnknown: it may exist, or
            come to exist later
        """
        body = {'uuid': uuid, 'resource_class': resource_class,
                'candidate_nodes': [node], 'traits': list(traits),
                'extra': extra or {}}
        if name is not None:
            body['name'] = name
        if owner is not None:
            body['owner'] = owner
        return self._send('POST', '/v1/allocations', body=body,
                          request_id=request_id)

    def try_to_allocate(self):
        """Find out whether the user may allocate for any owner.

        What is sent names no resource class, so nothing comes of it; rights
        are looked at before that is.

        :raises allocator.backends.exception.Denied: it may not
        """
        try:
            self._send('POST', '/v1/allocations',
                       body={'owner': uuidutils.generate_uuid()})
        except exception.Refused as exc:
            if exc.status != 400:
                raise

    def create_backfill(self, uuid, node, name=None, traits=(), owner=None,
                        extra=None, request_id=None):
        """Ask for an allocation for a node that is deployed already.

        :param uuid: UUID of the allocation
        :param node: UUID of the node
        :param name: its name, None for none; unique at the backend
        :param traits: names of the traits it must have
        :param owner: project that owns or leases the node; None: any
        :param extra: dict
        :param request_id: global request id of the client it is for
        :returns: the allocation
        :raises allocator.backends.exception.Conflict: there is an allocation
            with this UUID, or the node has one
        :raises allocator.backends.exception.OutcomeUnknown: it may exist, or
            come to exist later
        """
        body = {'uuid': uuid, 'node': node, 'traits': list(traits),
                'extra': extra or {}}
        if name is not None:
            body['name'] = name
        if owner is not None:
            body['owner'] = owner
        return self._send('POST', '/v1/allocations', body=body,
                          request_id=request_id)

    def change_allocation(self, uuid, **fields):
        """Change an allocation.

        :param fields: name, extra
        :returns: the allocation
        :raises allocator.backends.exception.NotFound: there is none
        :raises allocator.backends.exception.Conflict: another one has the
            name
        """
        return self._send(
            'PATCH', _path('allocations', uuid), body=[
                {'op': 'add', 'path': '/' + field, 'value': value}
                for field, value in fields.items()])

    def delete_allocation(self, ident, request_id=None):
        """Release the node of an allocation, or forget a failed one.

        :param ident: its UUID or its name
        :param request_id: global request id of the client it is for
        :raises allocator.backends.exception.NotFound: there is none
        :raises allocator.backends.exception.Conflict: the node is deployed,
            in transition or locked
        """
        self._send('DELETE', _path('allocations', ident),
                   request_id=request_id)

    # --- Lists -------------------------------------------------------------

    def _list(self, kind, path, params):
        """Read a page.

        :returns: list of dicts, and the marker of the next page or None
        """
        body = self._send('GET', path or '/v1/' + kind,
                          params=params)
        if not isinstance(body, dict) or not isinstance(body.get(kind), list):
            raise exception.OutcomeUnknown(
                backend=self.name,
                reason=_('its answer to GET %s is no list') % (path or kind))
        items = body[kind]
        # The link itself has lost the filters.
        more = items and body.get('next')
        return items, items[-1]['uuid'] if more else None


def _path(collection, ident):
    return '/v1/%s/%s' % (collection, urllib.parse.quote(ident, safe=''))
