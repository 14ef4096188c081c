# SPDX-License-Identifier: Apache-2.0
"""openstack allocator allocation list, show, delete."""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
import itertools
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from allocatorclient import microversions
from allocatorclient.osc import arguments
from allocatorclient.osc import columns
from allocatorclient.osc import plugin

_LISTED = ('uuid', 'name', 'resource_class', 'state', 'waiting', 'node_uuid')

# Each costs a count of the queue.
_ON_REQUEST = ('queue_position',)


class ListAllocation(command.Lister):
    """List allocations."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        for name, metavar, what in (
                ('node', '<node>', 'Only that of this node (UUID or name)'),
                ('resource-class', '<class>', 'Only those of this class'),
                ('state', '<state>', 'Only those in this state: allocating, '
                 'active or error'),
                ('owner', '<project>', 'Only those of this project (ID)'),
                ('backend', '<backend>', 'Only those with a node of this '
                 'Bare Metal service')):
            parser.add_argument('--' + name, metavar=metavar, help=what)
        waiting = parser.add_mutually_exclusive_group()
        waiting.add_argument(
            '--waiting', action='store_true', default=None,
            help='Only those that wait for a node to become free')
        waiting.add_argument(
            '--not-waiting', action='store_false', dest='waiting',
            help='Only those that do not wait')
        _add_pages(parser)
        parser.add_argument('--long', action='store_true',
                            help='Show all fields')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Iterable[Any]]:
        client = plugin.client_of(self)
        known = microversions.fields(client.negotiated_version())
        names = [name for name in known if name not in _ON_REQUEST
                 ] if parsed_args.long else list(_LISTED)
        query = arguments.given(
            parsed_args, 'node', 'resource_class', 'state', 'owner',
            'backend', 'waiting', 'marker', 'limit')
        if parsed_args.sort:
            key, _, direction = parsed_args.sort.partition(':')
            query |= {'sort_key': key, 'sort_dir': direction or 'asc'}
        found = client.allocations(
            fields=[name for name in names if name in known], **query)
        return columns.titles(names), (
            columns.values(one, names)
            for one in itertools.islice(found, parsed_args.limit))


def _add_pages(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--limit', metavar='<number>', type=arguments.positive,
        help='Show at most so many; all unless given')
    parser.add_argument(
        '--marker', metavar='<uuid>',
        help='Show those after this allocation')
    parser.add_argument(
        '--sort', metavar='<field>[:<direction>]',
        help='Field to sort by, with :asc or :desc; by age unless given')


class ShowAllocation(command.ShowOne):
    """Show an allocation, and how it fares."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('allocation', metavar='<allocation>',
                            help='UUID or name of the allocation')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Iterable[Any]]:
        client = plugin.client_of(self)
        names = microversions.fields(client.negotiated_version())
        found = client.get_allocation(parsed_args.allocation, fields=names)
        return names, columns.values(found, names)


class DeleteAllocation(command.Command):
    """Give allocations, and their nodes, back."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('allocations', metavar='<allocation>', nargs='+',
                            help='UUID or name of an allocation')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        client = plugin.client_of(self)
        failed = 0
        for ident in parsed_args.allocations:
            try:
                client.delete_allocation(ident, ignore_missing=False)
            except Exception as exc:
                failed += 1
                self.log.error('Allocation %s is not deleted: %s', ident, exc)
        if failed:
            raise exceptions.CommandError('%d of %d allocations not deleted'
                                          % (failed,
                                             len(parsed_args.allocations)))
