# SPDX-License-Identifier: Apache-2.0
"""How long an allocation is to wait, and before whom: what clients ask for."""

from wsme.types import Unset

from allocator.api import patch
from allocator.api import request
from allocator.api.types import allocation as types
from allocator.common import exception
from allocator.common import policy
from allocator.common import states
from allocator.common.i18n import _
from allocator.conf import CONF

_NAMES = ('wait_timeout', 'priority')


def patchable(api, minor):
    """List the attributes that a version lets a PATCH change.

    :param api: versions.table.Api
    :param minor: minor number of the version
    """
    return api.fields('allocation', _NAMES, minor)


def columns(context, body):
    """Tell what the row of a new allocation holds of its waiting.

    :param context: RequestContext
    :param body: AllocationCreate
    :returns: dict of column values
    :raises: WaitTooLong, Forbidden
    """
    seconds = _given(body.wait_timeout)
    priority = _given(body.priority)
    _check(context, seconds, priority)
    found = {'priority': priority or None, 'wait_timeout': None}
    if seconds:
        found |= {'state': states.WAITING, 'wait_timeout': seconds}
    return found


def refuse(body):
    """Refuse that what is for a deployed node should wait.

    :param body: AllocationCreate
    :raises: Invalid
    """
    for name in _NAMES:
        if _given(getattr(body, name)):
            raise exception.Invalid(reason=_(
                'Invalid input for %s: an allocation for a deployed node does '
                'not wait.') % name)


def sort_out(operations):
    """Tell what a PATCH changes of the waiting from what else it changes.

    :param operations: list of operations from patch.read()
    :returns: the operations of the one kind, and those of the other
    """
    ours = [operation for operation in operations
            if patch.root(operation) in _NAMES]
    return ours, [operation for operation in operations
                  if operation not in ours]


def changed(context, row, operations):
    """Tell what becomes of an allocation's waiting by a PATCH.

    :param context: RequestContext
    :param row: row of the allocation
    :param operations: those of the PATCH that change its waiting
    :returns: dict of column values
    :raises: Invalid, PatchError, WaitTooLong, Forbidden
    """
    names = patch.roots(operations)
    before = {'wait_timeout': row.wait_timeout or 0,
              'priority': row.priority or 0}
    body = request.typed(types.AllocationPatch, patch.apply(
        {name: before[name] for name in names}, operations))
    found = {name: _given(getattr(body, name)) for name in names}
    _check(context, found.get('wait_timeout', 0), found.get('priority', 0))
    return found


def _given(value):
    return 0 if value in (Unset, None) else value


def _check(context, seconds, priority):
    if seconds > CONF.queue.max_wait:
        raise exception.WaitTooLong(most=CONF.queue.max_wait)
    if priority > 0:
        policy.authorize('allocator:allocation:set_priority', context)
