# SPDX-License-Identifier: Apache-2.0
"""openstack allocator allocation set, unset."""

import argparse
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from allocatorclient.osc import arguments
from allocatorclient.osc import plugin


def _extra(key: str) -> str:
    """Write the path of a value in extra as a JSON Pointer (RFC 6901)."""
    return '/extra/' + key.replace('~', '~0').replace('/', '~1')


class _Change(command.Command):
    """A command that changes an allocation."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('allocation', metavar='<allocation>',
                            help='UUID or name of the allocation')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        operations = self.operations(parsed_args)
        if not operations:
            raise exceptions.CommandError('Nothing to change was named')
        plugin.client_of(self).patch_allocation(
            parsed_args.allocation, operations)

    def operations(self,
                   parsed_args: argparse.Namespace) -> list[dict[str, Any]]:
        """List the operations of the JSON Patch."""
        raise NotImplementedError


class SetAllocation(_Change):
    """Change an allocation.

    How long it waits, and before whom, can be changed while it waits.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('--name', metavar='<name>', help='Another name')
        parser.add_argument(
            '--extra', metavar='<key>=<value>', action='append', default=[],
            type=arguments.pair,
            help='A value to store beside it; one that is JSON is taken as '
                 'such (may be repeated)')
        arguments.add_waiting(parser)
        return parser

    def operations(self,
                   parsed_args: argparse.Namespace) -> list[dict[str, Any]]:
        wanted = {'/' + name: value for name, value in arguments.given(
            parsed_args, 'name', *arguments.WAITING).items()}
        wanted |= {_extra(key): value for key, value in parsed_args.extra}
        return [{'op': 'add', 'path': path, 'value': value}
                for path, value in wanted.items()]


class UnsetAllocation(_Change):
    """Take something away from an allocation."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        for name, what in (
                ('name', 'Its name'),
                ('wait-timeout', 'Its patience: it fails unless it has a '
                 'node by now'),
                ('priority', 'Its priority, which is 0 then')):
            parser.add_argument('--' + name, action='store_true', help=what)
        parser.add_argument(
            '--extra', metavar='<key>', action='append', default=[],
            help='A value stored beside it (may be repeated)')
        return parser

    def operations(self,
                   parsed_args: argparse.Namespace) -> list[dict[str, Any]]:
        paths = ['/' + name for name in ('name', *arguments.WAITING)
                 if getattr(parsed_args, name)]
        paths += map(_extra, parsed_args.extra)
        return [{'op': 'remove', 'path': path} for path in paths]
