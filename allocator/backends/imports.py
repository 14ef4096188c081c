# SPDX-License-Identifier: Apache-2.0
"""Allocations that a backend has and this service does not know."""

from oslo_log import log

from allocator.backends import exception
from allocator.backends import facts
from allocator.backends import marks
from allocator.common import states
from allocator.db import backend_writes
from allocator.db import mirrored_allocations
from allocator.db import models
from allocator.telemetry import metrics
from allocator.telemetry import outcomes

LOG = log.getLogger(__name__)

_allocation = models.Allocation.__table__

# Provision states in which a node of a leftover is in nobody's use.
_UNUSED = ('available',)

# Unknown allocations after which all are read at once.
MANY = 20


class Imports:
    """Takes over allocations, in one look at a backend.

    :param client: client.Client of the backend
    :param hold: backends.Hold
    :ivar lasting: UUIDs of nodes whose leftover the backend does not delete
        now, so that they are to be looked at again
    """

    def __init__(self, client, hold):
        self._client = client
        self._hold = hold
        self.lasting: list[str] = []
        self._asked = 0
        self._all = None

    def take_over(self, node_uuid, uuid):
        """Take an allocation over, or remove it there if it is a leftover.

        :param node_uuid: UUID of its node
        :param uuid: its UUID
        :returns: whether something has changed here
        """
        found = self._find(uuid)
        if found is None or found.get('node_uuid') != node_uuid:
            return False
        if self._is_leftover(found):
            if not self._remove(found):
                self.lasting.append(node_uuid)
            return False
        try:
            entered = mirrored_allocations.take_over(
                self._hold, node_uuid, _columns(found),
                marks.attempt_of(found))
        except mirrored_allocations.AnotherHere:
            LOG.error('Allocation %(uuid)s of node %(node)s at backend '
                      '%(name)s is not taken over: another allocation of this '
                      'UUID waits here',
                      {'uuid': uuid, 'node': node_uuid,
                       'name': self._hold.name})
            return False
        if entered is None:
            LOG.warning('Allocation %(uuid)s of backend %(name)s is not '
                        'taken over: its UUID is in use here',
                        {'uuid': uuid, 'name': self._hold.name})
            return False
        LOG.info('Allocation %(uuid)s of node %(node)s is taken over from '
                 'backend %(name)s', {'uuid': uuid, 'node': node_uuid,
                                      'name': self._hold.name})
        metrics.count('backend_imports_total', backend=self._hold.name)
        allocation, before = entered
        if before is None:
            outcomes.report_appeared(allocation)
        else:
            outcomes.report_active(before, node_uuid)
        return True

    def remove_failed(self):
        """Remove what has failed there, is ours, and is waited for by nobody.

        It comes to be when a request arrives after it was repeated, and what
        came of the second one was undone. Having no node, it is met in no
        look at nodes, and keeps the UUID.
        """
        for found in self._client.list_allocations(state=states.ERROR):
            if marks.attempt_of(found) is None:
                continue
            write = backend_writes.get(self._hold.backend_id, found['uuid'])
            if write is None or mirrored_allocations.is_tombstone(write):
                self._remove(found)

    def _find(self, uuid):
        """Read an allocation; with many of them, all at once."""
        if self._all is None and self._asked >= MANY:
            self._all = {found['uuid']: found
                         for found in self._client.list_allocations()}
        if self._all is not None and uuid in self._all:
            return self._all[uuid]
        self._asked += 1
        try:
            return self._client.get_allocation(uuid)
        except exception.NotFound:
            return None

    def _is_leftover(self, found):
        """Tell whether an allocation is of an attempt that has ended.

        What we know nothing of is none: our database may have been restored
        from a backup.
        """
        attempt = marks.attempt_of(found)
        if attempt is None:
            return False
        write = backend_writes.get(self._hold.backend_id, found['uuid'])
        if not mirrored_allocations.is_tombstone(write) or (
                attempt > write.attempt):
            return False
        node = self._client.get_node(found['node_uuid'])
        return node.get('provision_state') in _UNUSED

    def _remove(self, found):
        """Delete a leftover there.

        :returns: whether it is gone; a node that is locked keeps it
        """
        LOG.warning('Allocation %(uuid)s at backend %(name)s is a leftover '
                    'and is deleted there',
                    {'uuid': found['uuid'], 'name': self._hold.name})
        try:
            self._client.delete_allocation(marks.ident_of(found))
        except exception.Refused as exc:
            LOG.warning('%s', exc)
            return False
        return True


def _columns(found):
    """Read an allocation of the Bare Metal API.

    :returns: dict of column values
    """
    is_ours = marks.attempt_of(found) is not None
    columns = {'name': marks.given_name(found)} | {
        name: found.get(name) for name in ('resource_class', 'owner')}
    return {name: facts.text(_allocation.c[name], value)
            for name, value in columns.items()} | {
        'uuid': found['uuid'], 'traits': found.get('traits') or [],
        'candidate_nodes': found.get('candidate_nodes') or [],
        'extra': {} if is_ours else facts.document(found.get('extra'))}


def end(hold, node_uuid, uuid, instance_uuid):
    """End an allocation of which the backend has said that it is gone."""
    ended = mirrored_allocations.end(hold, node_uuid, uuid, instance_uuid)
    if ended is not None:
        LOG.info('Allocation %(uuid)s has ended at backend %(name)s',
                 {'uuid': uuid, 'name': hold.name})
        metrics.count('backend_ends_total', backend=hold.name)
        outcomes.report_ended(ended, node_uuid)
    return ended
