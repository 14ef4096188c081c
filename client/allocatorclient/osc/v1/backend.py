# SPDX-License-Identifier: Apache-2.0
"""openstack allocator backend list, show."""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from osc_lib.command import command

from allocatorclient.osc import columns
from allocatorclient.osc import plugin

_FIELDS = ('name', 'public_url', 'status', 'status_since', 'nodes', 'free',
           'missing', 'last_look', 'last_full_look', 'lag', 'open_writes',
           'oldest_open', 'last_error', 'created_at')
_LISTED = ('name', 'status', 'nodes', 'free', 'lag', 'open_writes')


class ListBackend(command.Lister):
    """List the Bare Metal services whose nodes are handed out."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('--long', action='store_true',
                            help='Show all fields')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Iterable[Any]]:
        names = _FIELDS if parsed_args.long else _LISTED
        found = plugin.client_of(self).backends(fields=names)
        return columns.titles(names), (
            columns.values(one, names) for one in found)


class ShowBackend(command.ShowOne):
    """Show a Bare Metal service whose nodes are handed out."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('backend', metavar='<backend>',
                            help='Name of the backend')
        return parser

    def take_action(self, parsed_args: argparse.Namespace
                    ) -> tuple[Sequence[str], Iterable[Any]]:
        found = plugin.client_of(self).get_backend(
            parsed_args.backend)
        return _FIELDS, columns.values(found, _FIELDS)
