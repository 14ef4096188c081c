# SPDX-License-Identifier: Apache-2.0
"""allocator-manage: housekeeping by the operator."""

import argparse
import sys

from oslo_config import cfg
from oslo_db import exception as db_exc
from sqlalchemy import exc as sa_exc

from allocator.cmd import manage_backends
from allocator.common import exception
from allocator.common import service
from allocator.conf import CONF
from allocator.db import purges

# Days that a failed allocation stays unless the operator says otherwise.
PURGE_AFTER = 30

# A hundred years. With some more, the time would be before the calendar.
MAX_DAYS = 36500


def _number(text):
    """Parse a whole number that is not negative."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError('%r is no whole number' % text)
    return int(text)


def _days(text):
    """Parse a number of days."""
    days = _number(text)
    if days > MAX_DAYS:
        raise argparse.ArgumentTypeError('%r is more than %d days'
                                         % (text, MAX_DAYS))
    return days


def _add_purge(subparsers):
    purge = subparsers.add_parser(
        'purge', help='Remove allocations in state "error" that have not '
                      'changed for some days.')
    purge.add_argument(
        '--older-than', metavar='DAYS', type=_days, default=PURGE_AFTER,
        help='Days without a change (default: %(default)s).')
    purge.add_argument(
        '--limit', metavar='COUNT', type=_number,
        help='Remove at most so many (default: all).')
    purge.add_argument(
        '--dry-run', action='store_true',
        help='Only say how many there are.')
    purge.set_defaults(run=lambda: _purge(
        CONF.command.older_than, CONF.command.limit, CONF.command.dry_run))


def _purge(days, limit, dry_run):
    time = purges.before(days)
    if dry_run:
        found = purges.count(time)
        if limit is not None:
            found = min(found, limit)
        print('%d allocations would be removed.' % found)
        return
    removed, last_id = 0, 0
    while last_id is not None:
        batch = purges.BATCH
        if limit is not None:
            batch = min(batch, limit - removed)
        if not batch:
            break
        count, last_id = purges.remove(time, batch, last_id)
        removed += count
        if count:
            print('%d allocations removed so far.' % removed, flush=True)
    print('%d allocations removed.' % removed)


# What adds the parser of each command, or of a group of them.
COMMANDS = (_add_purge, manage_backends.add_backend,
            manage_backends.add_write)


def _add_commands(subparsers):
    for add in COMMANDS:
        add(subparsers)


def main():
    CONF.register_cli_opt(cfg.SubCommandOpt(
        'command', title='Commands', handler=_add_commands))
    service.prepare(sys.argv, auth_strategy='keystone')
    service.require_database()
    try:
        CONF.command.run()
    except exception.AllocatorException as exc:
        sys.exit(str(exc))
    # Of a wrong password oslo.db makes no error of its own.
    except (db_exc.DBError, sa_exc.DBAPIError) as exc:
        sys.exit('The database refused: %s' % exc)


if __name__ == '__main__':
    main()
