# SPDX-License-Identifier: Apache-2.0
"""Which node a client may see, and what it may do to it."""

from oslo_utils import uuidutils
import pecan

from allocator.api import request
from allocator.api import waking
from allocator.api.versions import baremetal
from allocator.common import exception
from allocator.common import policy
from allocator.common.i18n import _
from allocator.db import nodes

# How often something is begun anew because owner or lessee of the node
# changed before it was locked.
ATTEMPTS = 10

#: What stands for what only some may read.
REDACTED = {'content': _('Redacted: this needs the permission '
                         'baremetal:node:get:driver_info.')}


def find(ident, *rules):
    """Find a node and check policies on it.

    :param ident: UUID or name, as in the URL
    :param rules: names of policies without "baremetal:node:"
    :returns: row
    :raises: NodeNotFound, also for a node of which the client must not even
        know; Forbidden
    """
    if not uuidutils.is_uuid_like(ident):
        if baremetal.is_before(pecan.request.environ, baremetal.NODE_NAMES):
            raise exception.NodeNotFound(node=ident)
    row = request.look_up(nodes.get, ident)
    if not is_allowed('get', row):
        raise exception.NodeNotFound(node=ident)
    for rule in rules:
        authorize(rule, row)
    return row


def _target(owner, lessee):
    # A rule on an owner never holds where there is none.
    return {'node.' + name: value for name, value in
            (('owner', owner), ('lessee', lessee)) if value is not None}


def is_allowed(rule, row):
    """Tell whether the client may do something to a node."""
    return policy.is_allowed('baremetal:node:' + rule, pecan.request.context,
                             _target(row.owner, row.lessee))


def authorize(rule, row):
    """Refuse what the client may not do to a node.

    :raises: Forbidden
    """
    policy.authorize('baremetal:node:' + rule, pecan.request.context,
                     _target(row.owner, row.lessee))


def needs(*rules):
    """Make the check of some policies, for carry_out().

    :param rules: names of policies without "baremetal:node:"
    :returns: function that takes a row and raises Forbidden
    """
    def check(row):
        for rule in rules:
            authorize(rule, row)
    return check


def carry_out(check, row, deed):
    """Do something to a node by rights that the client has at that moment.

    No policy is checked while the node is locked: a rule may ask another
    server. So the transaction compares what the check stood on, and where
    that has changed, the client's rights are found out anew.

    :param check: function that takes a row of the node, and refuses what
        the client may not do
    :param row: row of the node, which the check has passed
    :param deed: function that takes that row and hands it to the transaction
    :returns: what the deed returns
    :raises: NodeNotFound, also for a node of which the client must not know
        any more; NodeChanging; what check and deed raise
    """
    for _attempt in range(ATTEMPTS):
        try:
            done = deed(row)
        except exception.RightsOutdated:
            row = nodes.get(row.uuid)
        else:
            waking.tell(pecan.request.context, row.uuid)
            return done
        if not is_allowed('get', row):
            raise exception.NodeNotFound(node=row.uuid)
        check(row)
    raise exception.NodeChanging(node=row.uuid)


def authorize_new(rule, owner):
    """Refuse what the client may not make of a node that is not there yet.

    :param rule: name of a policy without "baremetal:node:"
    :param owner: project that is to own the node, or None
    :raises: Forbidden
    """
    policy.authorize('baremetal:node:' + rule, pecan.request.context,
                     _target(owner, None))


def columns(names):
    """List what must be read of a node to show some fields of it.

    :param names: fields to show
    """
    return [*names, 'owner', 'lessee'] if 'driver_info' in names else names


def redact(found, names):
    """Hide the addresses of management controllers from who leases a node.

    :param found: list of dicts of nodes, changed here
    :param names: fields to show
    """
    context = pecan.request.context
    if 'driver_info' not in names or policy.is_allowed(
            'baremetal:node:get:filter_threshold', context):
        return
    # The rule speaks of nothing else of a node, and a page has few projects.
    may_read = {}
    for node in found:
        projects = node['owner'], node['lessee']
        if projects not in may_read:
            may_read[projects] = policy.is_allowed(
                'baremetal:node:get:driver_info', context, _target(*projects))
        if not may_read[projects]:
            node['driver_info'] = REDACTED
