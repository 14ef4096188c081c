# SPDX-License-Identifier: Apache-2.0
"""allocator-status show: what an operator asks first, on one screen."""

import argparse
import json
import os
import sys
import time

from oslo_config import cfg
from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator import version
from allocator.cmd import status_table
from allocator.conf import CONF
from allocator.db import backend_status
from allocator.db import backends
from allocator.db import conductors
from allocator.db import demands
from allocator.db import migration
from allocator.db import pending
from allocator.db import pools
from allocator.db import waiters

# Seconds between two looks, unless the operator says otherwise.
INTERVAL = 5

# Demands whose reason is told: for each of them the nodes of its class are
# counted, and the screen has an end.
DEMANDS = 5

# Takes the cursor to the first line of an empty screen.
CLEAR = '\x1b[H\x1b[2J'

# What the database, or its driver, may raise.
_FAULTS = (db_exc.DBError, sa.exc.SQLAlchemyError)


class CannotShow(Exception):
    """The database does not answer what is asked."""


def add_show(subparsers):
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        'show', help='Show versions, conductors, allocations that are not '
                     'decided, the pool and the backends.')
    parser.add_argument(
        '-f', '--format', choices=('table', 'json'), default='table',
        help='How to print it (default: %(default)s). With --watch, JSON is '
             'one line for each look.')
    parser.add_argument(
        '--watch', metavar='SECONDS', type=_seconds, nargs='?',
        const=INTERVAL,
        help='Look again and again, after so many seconds (%d unless they '
             'are given), until interrupted.' % INTERVAL)
    parser.set_defaults(action_fn=lambda: show(CONF.command.format,
                                               CONF.command.watch))


def _seconds(text):
    """Parse a number of seconds that is more than nothing."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float('inf'):
        raise argparse.ArgumentTypeError(
            '%r is no number of seconds greater than 0' % text)
    return found


def show(form, interval=None, pause=time.sleep):
    """Print what an operator asks first.

    :param form: "table" or "json"
    :param interval: seconds between two looks; None for one look
    :param pause: function that waits for some seconds
    :returns: status of the command
    """
    try:
        if interval is None:
            found = look()
            print(_formatted(found, form), flush=True)
            return 1 if 'error' in found else 0
        while True:
            _print_again(form)
            pause(interval)
    except CannotShow as exc:
        sys.exit(str(exc))
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # Whoever reads, such as "head", has seen enough. Python would fail
        # once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _print_again(form):
    """Print one of many looks. The database may be back at the next."""
    try:
        text = _formatted(look(), form, is_line=True)
    except CannotShow as exc:
        text = str(exc) if form == 'table' else json.dumps(
            {'error': str(exc)})
    if form == 'table':
        text = CLEAR + text if sys.stdout.isatty() else text + '\n'
    print(text, flush=True)


def _formatted(found, form, is_line=False):
    if form == 'json':
        return json.dumps(found, indent=None if is_line else 2)
    return status_table.render(found)


def look():
    """Ask the database for all that is shown.

    :returns: dict of lists, dicts, strings and numbers, as JSON shows it; of
        a schema that this release cannot count in, the versions and the
        conductors alone, and "error", which says so
    :raises: CannotShow
    """
    if not CONF.database.connection:
        raise CannotShow('[database] connection is not set.')
    try:
        versions = _versions()
        if versions['schema'] is None:
            raise CannotShow('The database has no schema. Run '
                             '"allocator-dbsync upgrade".')
        return {'versions': versions} | _counted(versions)
    except cfg.ConfigFileValueError as exc:
        raise CannotShow(str(exc)) from exc
    except _FAULTS as exc:
        raise CannotShow('The database cannot be asked, see '
                         '"allocator-status upgrade check": %s' % exc
                         ) from exc
    except ImportError as exc:
        raise CannotShow('The driver of the database is not installed: %s'
                         % exc) from exc


def _versions():
    return {'release': version.version_info.release_string(),
            'schema': migration.version(), 'schema_wanted': migration.head()}


def _counted(versions):
    try:
        return _counts()
    except _FAULTS:
        if versions['schema'] == versions['schema_wanted']:
            raise
    # An upgrade that has begun: who runs is asked then more than ever.
    return {'conductors': [_heartbeat(row, is_alive, row.now) for row, is_alive
                           in conductors.list_heartbeats()],
            'error': 'The schema %(schema)s lacks what this release reads: it '
                     'needs %(schema_wanted)s. Run "allocator-dbsync '
                     'upgrade", or the command of the release before.'
                     % versions}


def _counts():
    now = backends.now()
    due = pending.count_by_class()
    return {
        'conductors': [_conductor(row, is_alive, now)
                       for row, is_alive in conductors.list_all()],
        'due': {'count': sum(due.values()),
                'oldest_seconds': pending.oldest_seconds(),
                'by_class': [{'resource_class': name, 'count': due[name]}
                             for name in sorted(due, key=str)]},
        'confirming': pending.count_confirming(),
        'waiting': _waiting(),
        'pool': [_pool(found) for found in pools.count_by_class()],
        'backends': _backends(),
    }


def _heartbeat(row, is_alive, now):
    return {'host': row.hostname, 'alive': is_alive,
            'heartbeat_age_seconds': _age(now, row.updated_at)}


def _conductor(row, is_alive, now):
    return _heartbeat(row, is_alive, now) | {
        'version': conductors.version_of(row),
        'version_wanted': conductors.VERSION}


def _waiting():
    count, oldest = waiters.count_by_class(), waiters.oldest_by_class()
    return {
        'count': sum(count.values()),
        'by_class': [{'resource_class': name, 'count': count[name],
                      'oldest_seconds': oldest.get(name)}
                     for name in sorted(count)],
        'by_reason': [{'resource_class': found.resource_class,
                       'count': found.count, 'reason': found.reason}
                      for found in demands.commonest(DEMANDS)]}


def _pool(found):
    return {'resource_class': found.resource_class, 'nodes': found.nodes,
            'free': found.free, 'held': found.held,
            'out_of_order': found.out_of_order}


def _backends():
    found = [_backend(row) for row in backend_status.levels_of_all()]
    known = {row['name'] for row in found}
    # A backend has a row once a conductor that is told of it has started.
    return found + [
        {'name': name, 'status': backend_status.STALE,
         'status_for_seconds': None, 'lag_seconds': None, 'open_writes': 0,
         'oldest_write_seconds': None,
         'last_error': 'No conductor has looked at it yet.'}
        for name in sorted(backends.names()) if name not in known]


def _backend(row):
    status, since = backend_status.status_of(row, row.now)
    return {'name': row.name, 'status': status,
            'status_for_seconds': _age(row.now, since),
            'lag_seconds': _age(row.now, row.looked_at),
            'open_writes': row.open_writes,
            'oldest_write_seconds': _age(row.now, row.oldest_open),
            'last_error': row.last_error}


def _age(now, moment):
    """Tell how long ago a moment was, in seconds; None without one."""
    if moment is None:
        return None
    return max(0.0, (now - moment).total_seconds())
