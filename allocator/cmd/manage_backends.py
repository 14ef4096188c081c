# SPDX-License-Identifier: Apache-2.0
"""allocator-manage backend and allocator-manage write."""

import collections
import dataclasses
import sys

from allocator.backends import exception
from allocator.backends import hand_back
from allocator.backends import registry
from allocator.conf import CONF
from allocator.db import backend_removals
from allocator.db import backend_status
from allocator.db import backend_writes
from allocator.db import backends

_COLUMNS = ('name', 'status', 'nodes', 'free', 'open_writes', 'lag',
            'missing')

# What is said of an allocation that is handed back, or is not.
_HANDED_BACK = {
    hand_back.WRITTEN: '%(uuid)s  written',
    hand_back.NAMELESS: '%(uuid)s  all but its name %(name)s: %(reason)s',
    hand_back.MISSING: '%(uuid)s  is not there',
    hand_back.FAILED: '%(uuid)s  failed: %(reason)s',
}


def add_backend(subparsers):
    """Add the commands on backends to a parser."""
    parser = subparsers.add_parser('backend', help='Look after backends.')
    commands = parser.add_subparsers(dest='action', required=True)
    commands.add_parser('list', help='List the backends.').set_defaults(
        run=_list)
    show = commands.add_parser('show', help='Show all of one backend.')
    show.add_argument('backend', metavar='NAME')
    show.set_defaults(run=lambda: _show(CONF.command.backend))
    accept = commands.add_parser(
        'accept', help='Have as many nodes removed as have been found '
                       'missing.')
    accept.add_argument('backend', metavar='NAME')
    accept.set_defaults(run=lambda: print(
        'Up to %d nodes will be removed at the next full comparison.'
        % backends.accept(CONF.command.backend)))
    hand_back = commands.add_parser(
        'hand-back', help='Write names and extra of its allocations into '
                          'those that the backend has itself.')
    hand_back.add_argument('backend', metavar='NAME')
    hand_back.set_defaults(run=lambda: _hand_back(CONF.command.backend))
    remove = commands.add_parser(
        'remove', help='Forget a backend that is no longer configured, its '
                       'nodes and its allocations. Nothing is changed '
                       'there.')
    remove.add_argument('backend', metavar='NAME')
    remove.add_argument(
        '--force', action='store_true',
        help='Forget also what is not done there yet.')
    remove.set_defaults(run=lambda: _remove(CONF.command.backend,
                                            CONF.command.force))


def add_write(subparsers):
    """Add the commands on what is wanted at backends to a parser."""
    parser = subparsers.add_parser(
        'write', help='Look after what is wanted at backends.')
    commands = parser.add_subparsers(dest='action', required=True)
    commands.add_parser('list', help='List what is not done yet.'
                        ).set_defaults(run=_list_writes)
    retry = commands.add_parser('retry', help='Have one tried at once.')
    retry.add_argument('uuid', help='UUID of the allocation.')
    retry.set_defaults(run=lambda: _changed(
        backend_removals.retry_write(CONF.command.uuid)))
    forget = commands.add_parser(
        'forget', help='Give one up; its node counts as free of it. To be '
                       'used when it is certain that the backend will never '
                       'carry it out.')
    forget.add_argument('uuid', help='UUID of the allocation.')
    forget.set_defaults(run=lambda: _changed(
        backend_removals.forget_write(CONF.command.uuid)))


def _list():
    for found in backend_status.list_all():
        print('  '.join('%s=%s' % (name, found[name]) for name in _COLUMNS))


def _show(name):
    for key, value in backend_status.get(name).items():
        print('%-15s %s' % (key, value))


def _remove(name, force):
    if name in backends.names():
        sys.exit('Backend %s is in [DEFAULT] enabled_backends: take it out '
                 'there, and restart all processes, first.' % name)
    try:
        nodes, allocations = backend_removals.remove(name, force)
    except backend_removals.Held:
        sys.exit('Backend %s is mirrored by a conductor, or was some seconds '
                 'ago: take it out of [DEFAULT] enabled_backends in the '
                 'configuration of each, and restart them, first.' % name)
    except backend_removals.WritesOpen:
        undone = backend_writes.list_open(name)
        _print_writes(undone)
        sys.exit('%d writes to %s are not done yet. Put its name into '
                 '[DEFAULT] enabled_backends again, with allocate = false, '
                 'until they are; or give them up with --force.'
                 % (len(undone), name))
    print('%d nodes and %d allocations of backend %s are forgotten.'
          % (nodes, allocations, name))


def _hand_back(name):
    row = backends.get_row(name)
    if name not in backends.names():
        sys.exit('Backend %s is not in [DEFAULT] enabled_backends, so nobody '
                 'knows where it is.' % name)
    counts: collections.Counter[str] = collections.Counter()
    try:
        for found in hand_back.hand_back(registry.get(name).on_behalf_of(),
                                         row.id):
            counts[found.outcome] += 1
            if found.outcome in _HANDED_BACK:
                print(_HANDED_BACK[found.outcome] % dataclasses.asdict(found),
                      flush=True)
    except exception.BackendError as exc:
        sys.exit(str(exc))
    print('%d allocations are handed back, %d were so already.' % (
        counts[hand_back.WRITTEN], counts[hand_back.UNCHANGED]))
    left = counts.total() - counts[hand_back.WRITTEN] - (
        counts[hand_back.UNCHANGED])
    undone = backend_status.get(name)['open_writes']
    if undone:
        print('%d writes to %s are not done yet.' % (undone, name))
    if left or undone:
        sys.exit('Not all is handed back. It can be done again at any time.')


def _list_writes():
    _print_writes(backend_writes.list_open())


def _print_writes(rows):
    for row in rows:
        print('%s  %s  backend=%s  node=%s  since=%s  tries=%d  %s' % (
            row.uuid, row.wants, row.name, row.node_uuid, row.created_at,
            row.tries, row.last_error or ''))


def _changed(count):
    if not count:
        sys.exit('There is nothing open for this UUID.')
    print('%d changed.' % count)
