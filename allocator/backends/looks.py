# SPDX-License-Identifier: Apache-2.0
"""Looks at a backend: which pages are read, and in which order."""

from allocator.backends import facts
from allocator.conf import CONF

# Nodes of a page in a look for changes: mostly it is enough, and cheap.
FEW = 50

# Nodes of a page otherwise.
PAGE = 1000

# Filters that the Bare Metal API takes several values of.
_SEVERAL = ('shard',)


def filters(name):
    """List the query parameters that select the nodes of a backend.

    A list of the API takes one value of most parameters, so several values
    make several lists.

    :param name: name of the backend
    :returns: list of dicts
    """
    found: list[dict] = [{}]
    for option in ('shard', 'conductor_group', 'owner', 'resource_class'):
        chosen = CONF[name][option]
        if not chosen:
            continue
        values = [chosen] if option in _SEVERAL else chosen
        found = [{**one, option: value} for one in found for value in values]
    return found


def admits(name, node):
    """Tell whether a node is one of those that a backend's filters select.

    :param name: name of the backend
    :param node: facts.Facts
    """
    return all(not CONF[name][option]
               or node.columns[option] in CONF[name][option]
               for option in ('shard', 'conductor_group', 'owner',
                              'resource_class'))


def everything(client, name):
    """Read all nodes.

    :returns: iterator of lists of facts.Facts
    """
    for parameters in filters(name):
        marker = None
        while True:
            page, marker = client.get_nodes_page(PAGE, marker, parameters)
            yield [facts.of_node(node) for node in page]
            if marker is None:
                break


def changes(client, name, until):
    """Read the nodes that have changed, the newest first.

    :param until: changes before this time by the clock there are known
        (``allocator.backends.horizon``); None reads all that were ever
        touched
    :returns: iterator of lists of facts.Facts
    """
    for parameters in filters(name):
        marker, size = None, FEW
        while True:
            page, marker = client.get_changed_nodes(size, marker, parameters)
            found = [facts.of_node(node) for node in page]
            touched = [node for node in found if node.updated_at is not None]
            yield touched
            if marker is None or len(touched) < len(found) or (
                    until is not None and touched[-1].updated_at < until):
                break
            size = min(2 * size, PAGE)


def newcomers(client, name, known):
    """Read the nodes that were enrolled last, until one is known.

    A node that was never touched is not among the changes.

    :param known: container of UUIDs
    :returns: iterator of lists of facts.Facts
    """
    for parameters in filters(name):
        marker, size = None, 1
        while True:
            page, marker = client.get_newest_nodes(size, marker, parameters)
            found = [facts.of_node(node) for node in page]
            # Before the caller comes to know them.
            new = [node for node in found if node.uuid not in known]
            yield new
            if marker is None or len(new) < len(found):
                break
            size = FEW
