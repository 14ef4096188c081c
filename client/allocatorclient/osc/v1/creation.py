# SPDX-License-Identifier: Apache-2.0
"""openstack allocator allocation create, wait: until there is a node."""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
import time
from typing import Any
import uuid

from keystoneauth1 import exceptions as ksa_exc
from openstack import exceptions
from osc_lib.command import command

from allocatorclient import microversions
from allocatorclient.osc import arguments
from allocatorclient.osc import columns
from allocatorclient.osc import interrupts
from allocatorclient.osc import plugin
from allocatorclient.osc import progress
from allocatorclient.v1 import _proxy
from allocatorclient.v1 import allocation as _allocation

#: Statuses with which a command that waits may end, besides 0 for an
#: allocation that is active, 1 for other errors, 2 for wrong arguments, and
#: 128 plus the number of the signal that ended it.
FAILED = 3
TIMED_OUT = 4

DELETE, KEEP = 'delete', 'keep'

# Seconds for which a request that was cut off may still create something.
UNDERWAY = 5.0

# Seconds that the service has after the time to wait, to answer what it was
# asked within it, and to say what has become of the allocation.
GRACE = 2.0

# What a request may raise.
_FAULTS = (exceptions.SDKException, ksa_exc.ClientException)

Shown = tuple[Sequence[str], Iterable[Any]]


class _Waiting(command.ShowOne):
    """A command that may wait, and ends with a status that says how."""

    status = 0

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--on-interrupt', choices=(DELETE, KEEP), default=KEEP,
            help='What becomes of the allocation if the waiting is ended by '
                 'Ctrl-C, SIGTERM or SIGHUP: it is deleted, or kept to be '
                 'waited for another time (default: %(default)s)')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or self.status

    def produce_output(self, parsed_args: argparse.Namespace,
                       column_names: Sequence[str], data: Any) -> int:
        # An allocation that was deleted has nothing to show.
        if not column_names:
            return 0
        return super().produce_output(parsed_args, column_names, data)

    def _follow(self, parsed_args: argparse.Namespace, ident: str,
                create: Callable[[_proxy.Proxy], _allocation.Allocation]
                | None = None) -> Shown:
        """Wait for an allocation, and show it.

        :param ident: its UUID or name
        :param create: function that creates it, called with the client
        """
        shown = progress.Progress(self.app.stderr)
        found = None
        try:
            with interrupts.raised(_with_grace(parsed_args.wait)):
                # The first time, it asks the service what there is.
                client = plugin.client_of(self)
                if create:
                    found = create(client)
                    shown.show(found)
                found = client.wait_for_allocation(
                    found or ident, timeout=parsed_args.wait,
                    ignore_error=True, callback=shown.show)
        except interrupts.Interrupted as exc:
            shown.close()
            return self._stop(parsed_args, ident, exc.number,
                              create is not None and found is None)
        except (exceptions.ResourceTimeout, interrupts.TimeOver):
            shown.close()
            self.status = TIMED_OUT
            self.log.error(
                'Allocation %s is not decided after %g seconds. %s kept: %s',
                ident, parsed_args.wait, 'If it was made, it is'
                if create and found is None else 'It is', _hint(ident))
            return self._show_at_once(ident)
        finally:
            shown.close()
        if found.state == 'error':
            self.status = FAILED
            self.log.error('Allocation %s failed: %s', found.id,
                           found.last_error)
        return _show(client, found)

    def _stop(self, parsed_args: argparse.Namespace, ident: str, number: int,
              is_underway: bool) -> Shown:
        """Do as the user has said for the case of an interrupt.

        :param number: number of the signal
        :param is_underway: whether the request to create it was cut off
        """
        self.status = 128 + number
        if parsed_args.on_interrupt == KEEP:
            self.log.error('Allocation %s is kept: %s', ident, _hint(ident))
        else:
            try:
                _give_back(plugin.client_of(self), ident, is_underway)
            except _FAULTS as exc:
                self.log.error('Allocation %s could not be deleted: %s. It is '
                               'kept: %s', ident, exc, _hint(ident))
            else:
                self.log.error('Allocation %s is deleted', ident)
        return (), ()

    def _show_at_once(self, ident: str) -> Shown:
        """Show an allocation, or nothing if the service takes its time."""
        try:
            with interrupts.raised(GRACE):
                client = plugin.client_of(self)
                return _show(client, client.get_allocation(
                    ident, fields=_fields(client)))
        except (interrupts.TimeOver, interrupts.Interrupted, *_FAULTS):
            return (), ()


def _hint(ident: str) -> str:
    return ('"openstack allocator allocation wait %(ident)s" goes on waiting, '
            '"openstack allocator allocation delete %(ident)s" gives it back'
            % {'ident': ident})


def _give_back(client: _proxy.Proxy, ident: str, is_underway: bool) -> None:
    """Delete an allocation, even one that is just being made."""
    until = time.monotonic() + (UNDERWAY if is_underway else 0)
    while client.delete_allocation(ident, ignore_missing=True) is None:
        if time.monotonic() >= until:
            return
        time.sleep(0.2)


def _with_grace(seconds: float | None) -> float | None:
    return None if seconds is None else seconds + GRACE


def _show(client: _proxy.Proxy, found: _allocation.Allocation) -> Shown:
    names = _fields(client)
    return names, columns.values(found, names)


def _fields(client: _proxy.Proxy) -> list[str]:
    return microversions.fields(client.negotiated_version())


class CreateAllocation(_Waiting):
    """Ask for a node.

    With --wait the command ends with status 0 once the allocation is active,
    3 if it has failed, 4 if the time to wait is over, 130 after Ctrl-C.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        arguments.add_request(parser)
        arguments.add_waiting(parser)
        parser.add_argument(
            '--uuid', metavar='<uuid>', help='UUID of the allocation')
        parser.add_argument(
            '--extra', metavar='<key>=<value>', action='append', default=[],
            type=arguments.pair,
            help='Anything to store beside it; a value that is JSON is taken '
                 'as such (may be repeated)')
        parser.add_argument(
            '--node', metavar='<node>',
            help='UUID or name of a node that is deployed already, to make '
                 'an allocation for it')
        parser.add_argument(
            '--wait', metavar='<time>', nargs='?', type=arguments.duration,
            default=False,
            help='Wait until it is active, at most this time, as in 90 '
                 '(seconds) or 10m; without a time, until it is decided')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        wanted = arguments.given(
            parsed_args, *arguments.REQUEST, *arguments.WAITING, 'uuid',
            'node')
        if parsed_args.extra:
            wanted['extra'] = dict(parsed_args.extra)
        if parsed_args.wait is False:
            client = plugin.client_of(self)
            return _show(client, client.create_allocation(**wanted))
        # Known before the answer is, so that it can be given back whenever
        # the command is interrupted.
        ident = wanted.setdefault('uuid', str(uuid.uuid4()))
        return self._follow(parsed_args, ident,
                            lambda client: client.create_allocation(**wanted))


class WaitAllocation(_Waiting):
    """Wait until an allocation is active.

    The command ends with status 0 once it is active, 3 if it has failed, 4
    if the time to wait is over, 130 after Ctrl-C.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('allocation', metavar='<allocation>',
                            help='UUID or name of the allocation')
        parser.add_argument(
            '--timeout', metavar='<time>', type=arguments.duration,
            dest='wait',
            help='For how long to wait, as in 90 (seconds) or 10m; until it '
                 'is decided unless given')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        return self._follow(parsed_args, parsed_args.allocation)
