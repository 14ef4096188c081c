# SPDX-License-Identifier: Apache-2.0
"""openstack allocator candidate list: the dry run."""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from osc_lib.command import command

from allocatorclient.osc import arguments
from allocatorclient.osc import columns
from allocatorclient.osc import plugin

_LISTED = ('node_uuid', 'name', 'backend')


class ListCandidate(command.Lister):
    """List the nodes that an allocation would get, the first choice first.

    Nothing is made, and nothing reserved. How many nodes suit, and how many
    allocations wait in the class with the same priority or a greater one, is
    told beside the list.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        arguments.add_request(parser)
        arguments.add_priority(parser)
        parser.add_argument(
            '--limit', metavar='<number>', type=arguments.positive,
            help='Show at most so many')
        parser.add_argument(
            '--eliminated', action='store_true',
            help='List what keeps the other nodes away instead, and how many '
                 'of them')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Iterable[Any]]:
        found = plugin.client_of(self).candidates(
            **arguments.given(parsed_args, *arguments.REQUEST, 'priority',
                              'limit'))
        self.app.stderr.write('%s\n' % _summary(found))
        if parsed_args.eliminated:
            return ('Condition', 'Nodes'), sorted(
                found.eliminated.items(), key=lambda item: -item[1])
        return columns.titles(_LISTED), [
            tuple(candidate[name] for name in _LISTED)
            for candidate in found.candidates]


def _summary(found: Any) -> str:
    """Say how it looks for the allocation."""
    nodes = ('1 node suits' if found.total == 1
             else '%d nodes suit' % found.total)
    return '%s, allocations that wait before it: %d' % (nodes, found.waiting)
