# SPDX-License-Identifier: Apache-2.0
"""Plugin of python-openstackclient: ``openstack allocator …``."""

import argparse
import re
from typing import Any

from osc_lib import utils

from allocatorclient import microversions
from allocatorclient import service
from allocatorclient.v1 import _proxy

DEFAULT_API_VERSION = '1'
API_VERSION_OPTION = 'os_allocator_api_version'
API_NAME = 'allocator'
API_VERSIONS = ('1',)


def make_client(instance: Any) -> _proxy.Proxy:
    """Make the client of the commands.

    :param instance: osc_lib.clientmanager.ClientManager
    """
    service.register(instance.sdk_connection)
    found: _proxy.Proxy = instance.sdk_connection.allocator
    return found


def client_of(command: Any) -> _proxy.Proxy:
    """Get the client of a command.

    :param command: osc_lib.command.command.Command
    """
    found: _proxy.Proxy = command.app.client_manager.allocator
    return found


def build_option_parser(
        parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the options that go before the command."""
    parser.add_argument(
        '--os-allocator-api-version', metavar='<allocator-api-version>',
        type=_version, default=utils.env('OS_ALLOCATOR_API_VERSION'),
        help='Version of the allocator API, such as 1.1; by default the '
             'newest that the service and this client, which knows %s, have '
             'in common (Env: OS_ALLOCATOR_API_VERSION)'
             % microversions.NEWEST)
    return parser


def _version(text: str) -> str:
    """Read a version; what stands for the newest is the major version."""
    if text in ('', 'latest', '1.latest'):
        return DEFAULT_API_VERSION
    if not re.fullmatch(r'1(\.\d{1,3})?', text, re.ASCII):
        raise argparse.ArgumentTypeError(
            '"%s" is no version of the allocator API: use 1.0 to %s, or '
            'latest' % (text, microversions.NEWEST))
    return text


def check_api_version(_version: str) -> bool:
    """Leave it to the service which versions there are."""
    return True
