# SPDX-License-Identifier: Apache-2.0
"""Which node a client may see, and what it may do to it."""

from oslo_utils import uuidutils
import pecan

from allocator.api import request
from allocator.api import versions
from allocator.common import exception
from allocator.common import policy
from allocator.common.i18n import _
from allocator.db import nodes

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
        if request.version() < versions.NODE_NAMES:
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
    for node in found:
        if not policy.is_allowed('baremetal:node:get:driver_info', context,
                                 _target(node['owner'], node['lessee'])):
            node['driver_info'] = REDACTED
