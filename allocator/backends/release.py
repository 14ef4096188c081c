# SPDX-License-Identifier: Apache-2.0
"""A release at a backend: nothing of an allocation is to be left there."""

from oslo_log import log

from allocator.backends import claim
from allocator.backends import exception
from allocator.backends import marks
from allocator.db import backend_writes
from allocator.db import confirmations
from allocator.db import releases
from allocator.telemetry import metrics
from allocator.telemetry import outcomes

LOG = log.getLogger(__name__)


def carry_out(client, write):
    """Have a backend take its node from an allocation.

    :param client: client.Client of the backend
    :param write: backend_writes.Write of a release
    :returns: what became of it: an outcome of backend_writes
    :raises allocator.backends.exception.BackendError: that is not certain
    :raises: backend_writes.LeaseLost
    """
    found = claim.ask(client, write)
    if found is None and write.row.sent_at is not None:
        # A request of the claim may still be on its way. The same one again
        # is answered 201, or 409 if the other was first; either way the
        # allocation is there then, and can be deleted.
        found = _settle(client, write)
    if found is None or not _is_meant(write, found):
        confirmations.give_back(write)
        return backend_writes.RELEASED
    # What is being decided is decided by UUID there, whoever bears it then.
    found = claim.wait_decided(client, write, found)
    try:
        client.delete_allocation(marks.ident_of(found), write.row.request_id)
    except exception.NotFound:
        LOG.debug('Allocation %s is gone already', write.row.uuid)
    except exception.Conflict as exc:
        return _refused(client, write, exc)
    confirmations.give_back(write)
    return backend_writes.RELEASED


def _settle(client, write):
    """Have it be certain whether the allocation of a claim is there.

    :returns: the allocation there, as a dict, or None
    """
    row = write.row
    try:
        return client.create_allocation(
            row.uuid, node=row.node_uuid, extra=marks.make(row.attempt),
            name=marks.name(row.uuid, row.attempt),
            request_id=row.request_id, **row.request['claim'])
    except exception.Conflict:
        return claim.ask(client, write)
    except exception.Denied:
        # That is said of us, not of the allocation.
        raise
    except exception.Refused:
        return None


def _is_meant(write, found):
    """Tell whether an allocation there is the one that is to go.

    One of ours that has failed has no node; it keeps the UUID all the same.
    A later attempt is somebody else's by now.
    """
    attempt = marks.attempt_of(found)
    if attempt is not None and attempt > write.row.attempt:
        return False
    return found.get('node_uuid') == write.row.node_uuid or (
        attempt is not None and found.get('node_uuid') is None)


def _refused(client, write, error):
    """Decide what a refusal means: the node is in use, or just locked."""
    node = client.get_node(write.row.node_uuid, write.row.request_id)
    if (node.get('maintenance')
            or node.get('provision_state') in releases.RELEASABLE):
        raise exception.Unsettled(backend=client.name,
                                  reason=error.reason) from error
    if 'allocation' not in write.row.request:
        # Nobody to give it back to: it goes when the node is undeployed.
        raise error
    kept = confirmations.keep(write, error.reason)
    if kept is not None:
        outcomes.report_appeared(kept)
    LOG.warning('Allocation %(uuid)s is there again: backend %(name)s '
                'refused to release its node: %(reason)s',
                {'uuid': write.row.uuid, 'name': client.name,
                 'reason': error.reason})
    metrics.count('backend_releases_refused_total', backend=client.name)
    return backend_writes.KEPT
