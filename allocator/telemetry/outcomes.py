# SPDX-License-Identifier: Apache-2.0
"""Outcomes: tells the log and the listeners how allocations ended up."""

from oslo_log import log
from oslo_utils import timeutils

from allocator.common import states
from allocator.telemetry import metrics
from allocator.telemetry import notifications
from allocator.telemetry import tracing

LOG = log.getLogger(__name__)


def report(batch):
    """Report what a transaction of the matching loop did, once committed.

    :param batch: allocator.db.claims.Batch
    """
    now = timeutils.utcnow()
    for claim in batch.claims:
        tracing.claimed(claim.allocation.uuid, node=claim.node.uuid,
                        is_confirmed=claim.is_confirmed)
        if claim.is_confirmed:
            report_active(claim.allocation, claim.node.uuid, now)
    for failure in batch.failed:
        tracing.claimed(failure.allocation.uuid, error=failure.reason)
        report_failure(failure.allocation, failure.reason, now)


def report_active(allocation, node_uuid, now=None):
    """Report an allocation that has got its node.

    :param allocation: row of the allocation as it was before
    :param node_uuid: UUID of its node
    :param now: the time, if the caller has it already
    """
    now = now or timeutils.utcnow()
    age = _age(allocation, now)
    LOG.info('Allocation %(uuid)s is active with node %(node)s after '
             '%(seconds).3f s', {'uuid': allocation.uuid, 'node': node_uuid,
                                 'seconds': age})
    tracing.ended(allocation.uuid)
    metrics.count('allocations_total', result='active')
    metrics.observe('time_to_active_seconds' if not allocation.wait_timeout
                    else 'time_waited_seconds', age)
    _notify('active', allocation, now, state=states.ALLOCATED,
            node_uuid=node_uuid)


def report_timeout(allocation, reason):
    """Report an allocation that has waited for as long as it might.

    :param allocation: row of the allocation as it was before
    :param reason: why no node suited it
    """
    now = timeutils.utcnow()
    metrics.count('waiting_timeouts_total')
    _notify('timeout', allocation, now, state=states.ERROR,
            last_error=reason)
    report_failure(allocation, reason, now)


def report_failure(allocation, reason, now=None):
    """Report an allocation that has failed.

    :param allocation: row of the allocation as it was before
    :param reason: why
    :param now: the time, if the caller has it already
    """
    now = now or timeutils.utcnow()
    LOG.info('Allocation %(uuid)s failed after %(seconds).3f s: %(reason)s',
             {'uuid': allocation.uuid, 'seconds': _age(allocation, now),
              'reason': reason})
    tracing.ended(allocation.uuid)
    metrics.count('allocations_total', result='error')
    _notify('failed', allocation, now, state=states.ERROR,
            last_error=reason)


def report_backfilled(allocation):
    """Report an allocation that a backend has made for a deployed node.

    :param allocation: dict of its columns, with node_uuid
    """
    LOG.info('Allocation %(uuid)s is active with node %(node)s, which was '
             'deployed before', {'uuid': allocation['uuid'],
                                 'node': allocation['node_uuid']})
    metrics.count('allocations_total', result='backfilled')
    notifications.send(None, notifications.CONDUCTOR, 'active', allocation)


def report_appeared(allocation):
    """Report an allocation that was made at a backend, or is there again.

    :param allocation: dict of its columns, with node_uuid
    """
    notifications.send(None, notifications.CONDUCTOR, 'create.end',
                       allocation)


def report_ended(allocation, node_uuid):
    """Report an allocation that has ended at its backend.

    :param allocation: row of the allocation as it was
    :param node_uuid: UUID of its node
    """
    if notifications.is_on():
        notifications.send(
            None, notifications.CONDUCTOR, 'delete.end',
            dict(allocation._mapping) | {'node_uuid': node_uuid})


def _notify(event, allocation, now, **changes):
    """Tell of a pending allocation's row as the transaction has left it."""
    if notifications.is_on():
        notifications.send(
            None, notifications.CONDUCTOR, event,
            dict(allocation._mapping) | {'updated_at': now} | changes)


def _age(allocation, now):
    """Tell how old an allocation is, in seconds."""
    return (now - allocation.created_at).total_seconds()
