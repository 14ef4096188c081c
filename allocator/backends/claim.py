# SPDX-License-Identifier: Apache-2.0
"""A claim at a backend: an allocation of the same UUID with one candidate.

An outcome that is unknown stays unknown until it is certain. The same request
is repeated with the same UUID until the backend has answered it: 201 or 409
settle that the allocation is there, its state whether it has got the node.
"""

import time

from oslo_log import log

from allocator.backends import agreement
from allocator.backends import doubted
from allocator.backends import exception
from allocator.backends import marks
from allocator.common import states
from allocator.conf import CONF
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import confirmations
from allocator.db import moving
from allocator.telemetry import outcomes

LOG = log.getLogger(__name__)

# Seconds after which a write that was leased may be another's by now, or no
# longer wanted.
PAUSED = 1

TAKEN_HERE = 'Another allocation has got its UUID meanwhile.'
TAKEN = 'The UUID is taken at backend %s: it has an allocation of this UUID.'


def carry_out(client, write):
    """Have a backend give a node to an allocation.

    :param client: client.Client of the backend
    :param write: backend_writes.Write of a claim
    :returns: what became of it: an outcome of backend_writes
    :raises allocator.backends.exception.BackendError: that is not certain
    :raises: backend_writes.LeaseLost
    """
    try:
        found = make(client, write, client.create_allocation)
    except _NotOurs:
        return _fail(client, write)
    except _Refusal as exc:
        return _refuse(write, exc.reason)
    found = _decided(client, write, found)
    if found['state'] == states.ALLOCATED:
        reason = _find_fault(client, write, found)
        if reason is None:
            return _confirm(write)
    else:
        reason = found.get('last_error') or 'no reason given'
    # One that failed keeps the UUID, one that will not do the node as well.
    _delete(client, write, found)
    return _refuse(write, reason)


def carry_out_backfill(client, write):
    """Have a backend make an allocation for a node that is deployed.

    :param client: client.Client of the backend
    :param write: backend_writes.Write of a backfill
    :returns: what became of it: an outcome of backend_writes
    :raises allocator.backends.exception.BackendError: that is not certain
    :raises: backend_writes.LeaseLost
    """
    try:
        found = make(client, write, client.create_backfill)
    except _NotOurs:
        reason = TAKEN % client.name
    except _Refusal as exc:
        reason = exc.reason
    else:
        found = _decided(client, write, found)
        if found['state'] == states.ALLOCATED:
            try:
                entered = confirmations.confirm_backfill(write)
            except confirmations.UUIDTaken:
                return _refuse_backfill(write, TAKEN_HERE)
            if entered is not None:
                outcomes.report_backfilled(entered)
            return backend_writes.CONFIRMED
        reason = found.get('last_error')
        _delete(client, write, found)
    return _refuse_backfill(write, reason)


def _refuse_backfill(write, reason):
    confirmations.refuse_backfill(write, reason)
    return backend_writes.REFUSED


def _find_fault(client, write, found):
    """Find out why what the backend has granted will not do.

    :param found: the allocation there, as a dict
    :returns: what is wrong with it, or None
    """
    if found.get('node_uuid') != write.row.node_uuid:
        return 'another node was allocated'
    obstacle = agreement.find_obstacle(client, write)
    return obstacle and 'the node there is ' + obstacle


class _NotOurs(Exception):
    """Somebody else has made an allocation of this UUID there."""


class _Refusal(Exception):
    """The backend has certainly not made the allocation."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def make(client, write, create):
    """Have the allocation of an attempt exist at the backend.

    :param create: method of the client that asks for it
    :returns: the allocation there, as a dict
    :raises: _NotOurs, _Refusal
    """
    row = write.row
    if row.sent_at is not None:
        found = ask(client, write)
        if found is not None and _is_ours(client, write, found):
            return found
    if row.sent_at is not None or (
            time.monotonic() - write.begun > PAUSED):
        backend_writes.check(write)
    try:
        return create(
            row.uuid, node=row.node_uuid, extra=marks.make(row.attempt),
            name=marks.name(row.uuid, row.attempt),
            request_id=row.request_id, **row.request['claim'])
    except exception.Conflict as exc:
        found = ask(client, write)
        if found is None:
            # It was there a moment ago.
            raise exception.Unsettled(
                backend=client.name, reason=exc.reason) from exc
        if _is_ours(client, write, found):
            return found
        raise exception.Unsettled(
            backend=client.name,
            reason='an earlier attempt was in the way') from exc
    except exception.Denied:
        # That is said of us, not of the node.
        raise
    except exception.Refused as exc:
        raise _Refusal(exc.reason) from exc


def ask(client, write):
    """Ask for the allocation of a write.

    :returns: the allocation there, or None
    """
    try:
        return client.get_allocation(write.row.uuid, write.row.request_id)
    except exception.NotFound:
        return None


def _is_ours(client, write, found):
    """Tell whether an allocation is of this attempt; remove an earlier one.

    :raises: _NotOurs
    """
    attempt = marks.attempt_of(found)
    if attempt is None or attempt > write.row.attempt:
        # A later one: this writer was paused, and is told so when it enters
        # anything; or the database here is a backup.
        raise _NotOurs()
    if attempt == write.row.attempt:
        return True
    # What is being decided is decided by UUID there, whoever bears it then.
    _delete(client, write, wait_decided(client, write, found))
    return False


def _decided(client, write, found):
    """Wait until the backend has decided an allocation.

    One that it never decides, because it was overloaded or has been started
    again, is removed, so that the same can be asked for again.

    :returns: the allocation there, "active" or "error"
    """
    found = wait_decided(client, write, found)
    if found['state'] == states.ALLOCATING:
        _delete(client, write, found)
        raise exception.OutcomeUnknown(backend=client.name,
                                       reason='it did not decide')
    return found


def wait_decided(client, write, found):
    """Wait until a backend has decided an allocation, but not for ever.

    :returns: the allocation there as it is now
    """
    begun, questions = time.monotonic(), 0
    pauses = client.pace.pauses()
    while found['state'] == states.ALLOCATING:
        if time.monotonic() - begun > CONF[client.name].request_timeout:
            return found
        time.sleep(next(pauses))
        questions += 1
        # However long the answer takes: it was decided by then.
        asked_after = time.monotonic() - begun
        found = ask(client, write)
        if found is None:
            raise exception.Unsettled(
                backend=client.name, reason='the allocation has vanished')
        if found['state'] == states.ALLOCATED:
            client.pace.note(asked_after, questions)
    return found


def _delete(client, write, found):
    try:
        client.delete_allocation(marks.ident_of(found), write.row.request_id)
    except exception.NotFound:
        return


def _confirm(write):
    settled = confirmations.confirm(write)
    outcomes.report_active(settled.allocation, settled.node_uuid)
    return backend_writes.CONFIRMED


def _refuse(write, reason):
    LOG.info('Backend %(backend)s refused node %(node)s to allocation '
             '%(uuid)s: %(reason)s',
             {'backend': write.row.backend_id, 'node': write.row.node_uuid,
              'uuid': write.row.uuid, 'reason': reason})
    confirmations.refuse(write, reason)
    return backend_writes.REFUSED


def doubt(client, write):
    """Have it be known soon what a node is that was refused.

    It is not what it looked like. Nothing is raised: the write has ended.

    :param client: client.Client of the backend
    :param write: backend_writes.Write of the claim
    """
    try:
        # Who has it is for a look to tell.
        backends.want_looks(backends.now())
        doubted.read_anew(client, write.row.backend_id, write.row.node_uuid,
                          write.row.request_id)
    except Exception:
        LOG.exception('Node %s could not be read anew', write.row.node_uuid)


def _fail(client, write):
    reason = TAKEN % client.name
    allocation = confirmations.fail(write, reason)
    if allocation is not None:
        outcomes.report_failure(allocation, reason)
    return backend_writes.REFUSED


def go_elsewhere(write, reason):
    """Let an allocation have another node, once patience is over.

    :param write: backend_writes.Write of a claim whose outcome is unknown
    :param reason: what happened
    :returns: whether the write is settled as far as the allocation goes
    :raises: backend_writes.LeaseLost
    """
    begun = write.row.sent_at or write.leased_at
    age = (backends.now() - begun).total_seconds()
    if age < CONF.conductor.backend_patience:
        return False
    batch = moving.move_elsewhere(write)
    if batch is None:
        return False
    outcomes.report(batch)
    return True
