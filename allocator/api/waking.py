# SPDX-License-Identifier: Apache-2.0
"""Tells the conductors of nodes that have become free, if somebody waits."""

from allocator.conductor import rpcapi
from allocator.db import waiters


def tell(context, node_uuid):
    """Have those served that wait for nodes such as one.

    To be called once the change of the node is committed: whoever comes to
    wait later looks for free nodes itself.

    :param context: RequestContext
    :param node_uuid: UUID of a node that has changed, None for none
    """
    resource_class = node_uuid and waiters.class_of_free(node_uuid)
    if resource_class:
        rpcapi.get_api().serve_class(context, resource_class)
