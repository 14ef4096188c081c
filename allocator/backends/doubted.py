# SPDX-License-Identifier: Apache-2.0
"""A node that is not what it looked like is read anew at once.

By whoever learnt that, which need not be the one that mirrors the backend.
"""

import time

from oslo_log import log

from allocator.backends import exception
from allocator.backends import facts
from allocator.backends import looks
from allocator.db import mirrored_nodes
from allocator.db import single_nodes

LOG = log.getLogger(__name__)

# Seconds for which an answer counts, from before it was asked for. With what
# it takes to write it, that is less than comparison.LATE.
AGE = 5


def read_anew(client, backend_id, uuid, request_id=None):
    """Ask a backend for a node, and write what it says, if it answers.

    :param client: client.Client of the backend
    :param backend_id: id of the backend
    :param uuid: UUID of the node
    :param request_id: global request id of whom it is read for
    """
    # Before the backend is asked.
    begun = time.monotonic()
    generation = mirrored_nodes.generation(backend_id, uuid)
    if generation is None:
        return
    try:
        found = _find(client, uuid, request_id)
    except (exception.BackendError, facts.Unreadable) as exc:
        # The next look tells.
        LOG.warning('Node %(node)s could not be read anew: %(error)s',
                    {'node': uuid, 'error': exc})
        return
    if time.monotonic() > begun + AGE:
        # The mirror may know better, and not be told of it any more.
        return
    if found is not None and looks.admits(looks.selection(client.name),
                                          found):
        single_nodes.apply(backend_id, found, generation)
    else:
        single_nodes.remove(backend_id, uuid, generation)


def _find(client, uuid, request_id):
    """Ask for a node.

    :returns: facts.Facts, or None if there is certainly none
    :raises allocator.backends.exception.BackendError: that is not certain
    """
    try:
        return facts.of_node(client.get_node(uuid, request_id))
    except exception.NotFound:
        # Nor is there to who may not see everything.
        client.get_conductors()
        return None
