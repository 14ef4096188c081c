# SPDX-License-Identifier: Apache-2.0
"""Outcomes: tells the log and the listeners how allocations ended up."""

from oslo_log import log
from oslo_utils import timeutils

from allocator import metrics
from allocator import notifications
from allocator.common import states

LOG = log.getLogger(__name__)


def report(batch):
    """Report what a transaction of the matching loop did, once committed.

    :param batch: allocator.db.claims.Batch
    """
    now = timeutils.utcnow()
    for claim in batch.claims:
        _active(claim, now)
    for failure in batch.failed:
        _failed(failure, now)


def _active(claim, now):
    allocation, node = claim.allocation, claim.node
    age = _age(allocation, now)
    LOG.info('Allocation %(uuid)s is active with node %(node)s after '
             '%(seconds).3f s', {'uuid': allocation.uuid, 'node': node.uuid,
                                 'seconds': age})
    metrics.count('allocations_total', result='active')
    metrics.observe('time_to_active_seconds', age)
    _notify('active', allocation, now, state=states.ALLOCATED,
            node_uuid=node.uuid)


def _failed(failure, now):
    allocation = failure.allocation
    LOG.info('Allocation %(uuid)s failed after %(seconds).3f s: %(reason)s',
             {'uuid': allocation.uuid, 'seconds': _age(allocation, now),
              'reason': failure.reason})
    metrics.count('allocations_total', result='error')
    _notify('failed', allocation, now, state=states.ERROR,
            last_error=failure.reason)


def _notify(event, allocation, now, **changes):
    """Tell of a pending allocation's row as the transaction has left it."""
    if notifications.is_on():
        notifications.send(
            None, notifications.CONDUCTOR, event,
            dict(allocation._mapping) | {'updated_at': now} | changes)


def _age(allocation, now):
    """Tell how old an allocation is, in seconds."""
    return (now - allocation.created_at).total_seconds()
