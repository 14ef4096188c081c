# SPDX-License-Identifier: Apache-2.0
"""Looks at a backend: which pages are read, and in which order.

What has changed is read of all nodes, whatever the filters of a backend say:
a node that one of them does not select any more is in no filtered list.
"""

import dataclasses

from allocator.backends import facts
from allocator.conf import CONF

# Nodes of a page in a look for changes: mostly it is enough, and cheap.
FEW = 50

# Nodes of a page otherwise.
PAGE = 1000

# Options that are filters, by the names of parameters and of columns.
_FILTERS = ('shard', 'conductor_group', 'owner', 'resource_class')

# Filters that the Bare Metal API takes several values of.
_SEVERAL = ('shard',)


@dataclasses.dataclass(frozen=True)
class Page:
    """Nodes, as a backend has said them.

    :ivar nodes: list of facts.Facts
    :ivar unread: list of facts.Unreadable
    """

    nodes: list
    unread: list = dataclasses.field(default_factory=list)

    def uuids(self):
        """List the UUIDs of all of them that have one."""
        return [node.uuid for node in self.nodes] + [
            error.uuid for error in self.unread if error.uuid is not None]


def _read(nodes):
    page = Page([])
    for node in nodes:
        try:
            page.nodes.append(facts.of_node(node))
        except facts.Unreadable as exc:
            page.unread.append(exc)
    return page


class Memory:
    """What was said of the nodes of the page that is read at every look.

    Mostly it is the same again, and need not be read anew.
    """

    def __init__(self):
        self._said = {}
        self._facts = {}

    def read(self, nodes):
        """Read the nodes of a page.

        :param nodes: list of dicts
        :returns: Page
        """
        news = [node for node in nodes
                if self._said.get(facts.uuid_of(node)) != node]
        page = _read(news)
        unread = {None, *(error.uuid for error in page.unread)}
        known = self._facts | {found.uuid: found for found in page.nodes}
        by_uuid = {facts.uuid_of(node): node for node in nodes}
        self._said = {uuid: node for uuid, node in by_uuid.items()
                      if uuid not in unread}
        self._facts = {uuid: known[uuid] for uuid in self._said}
        return Page(list(self._facts.values()), page.unread)


def filters(name):
    """List the query parameters that select the nodes of a backend.

    A list of the API takes one value of most parameters, so several values
    make several lists.

    :param name: name of the backend
    :returns: list of dicts
    """
    found: list[dict] = [{}]
    for option in _FILTERS:
        chosen = CONF[name][option]
        if not chosen:
            continue
        values = [chosen] if option in _SEVERAL else chosen
        found = [{**one, option: value} for one in found for value in values]
    return found


def selection(name):
    """Read which nodes of a backend its filters select.

    :param name: name of the backend
    :returns: dict of sets of values by column, empty for all nodes
    """
    return {option: frozenset(CONF[name][option]) for option in _FILTERS
            if CONF[name][option]}


def admits(selected, node):
    """Tell whether a node is one of those that are selected.

    :param selected: what selection() has returned
    :param node: facts.Facts
    """
    return all(node.columns[option] in values
               for option, values in selected.items())


def everything(client, name):
    """Read all nodes.

    :returns: iterator of Page
    """
    for parameters in filters(name):
        marker = None
        while True:
            page, marker = client.get_nodes_page(PAGE, marker, parameters)
            yield _read(page)
            if marker is None:
                break


def changes(client, until, memory):
    """Read the nodes that have changed, the newest first.

    :param until: changes before this time by the clock there are known
        (``allocator.backends.horizon``); None reads all that were ever
        touched
    :param memory: Memory of looks for changes
    :returns: iterator of Page
    """
    marker, size = None, FEW
    while True:
        page, marker = client.get_changed_nodes(size, marker)
        touched = [node for node in page
                   if not isinstance(node, dict) or node.get('updated_at')]
        found = memory.read(touched) if size == FEW else _read(touched)
        yield found
        if marker is None or len(touched) < len(page) or (
                until is not None and found.nodes
                and found.nodes[-1].updated_at < until):
            break
        size = min(2 * size, PAGE)


def newcomers(client, name, is_known):
    """Read the nodes that were enrolled last, until one is known.

    A node that was never touched is not among the changes.

    :param is_known: function that tells whether a UUID was known, with all
        that were enrolled before, when the look began
    :returns: iterator of Page
    """
    for parameters in filters(name):
        marker, size = None, 1
        while True:
            page, marker = client.get_newest_nodes(size, marker, parameters)
            new = [node for node in page if not is_known(facts.uuid_of(node))]
            yield _read(new)
            if marker is None or len(new) < len(page):
                break
            size = min(max(2 * size, FEW), PAGE)
