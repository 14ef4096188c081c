# SPDX-License-Identifier: Apache-2.0
"""allocator-status: checks before an upgrade, and after; and an overview."""

from concurrent import futures
import functools
import logging
import sys
import threading

from oslo_config import cfg
from oslo_upgradecheck import common_checks
from oslo_upgradecheck import upgradecheck

from allocator.cmd import status_backends
from allocator.cmd import status_show
from allocator.common import policy
from allocator.common import service
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import migration
from allocator.db import session

# First versions with SKIP LOCKED, generated columns and JSON as a table.
MARIADB: tuple[int, ...] = (10, 6)
MYSQL: tuple[int, ...] = (8, 0, 4)
POSTGRESQL: tuple[int, ...] = (12,)

# Seconds after which an allocation should long have got its answer.
LONG = 3600

# Seconds that the message bus may take.
BUS_TIMEOUT = 8

SUCCESS = upgradecheck.Code.SUCCESS
WARNING = upgradecheck.Code.WARNING
FAILURE = upgradecheck.Code.FAILURE

# The status of a check that failed itself, as oslo.upgradecheck has it.
NOT_CHECKED = 255


def _asks_database(check):
    """Have a check fail with a sentence if the database cannot be asked."""
    @functools.wraps(check)
    def wrapper(self):
        if not CONF.database.connection:
            return upgradecheck.Result(
                FAILURE, '[database] connection is not set.')
        try:
            return check(self)
        except Exception as exc:
            # Of oslo.db, SQLAlchemy, or a driver that is not installed.
            return upgradecheck.Result(
                FAILURE, 'The database cannot be asked: %s' % exc)
    return wrapper


class Checks(upgradecheck.UpgradeCommands):
    """What an operator wants to know before and after an upgrade."""

    @_asks_database
    def _schema(self):
        """Tell whether the schema is the one this release works with."""
        found, wanted = migration.version(), migration.head()
        if found == wanted:
            return upgradecheck.Result(SUCCESS)
        return upgradecheck.Result(
            FAILURE,
            'The database is at revision %s, this release needs %s. Run '
            '"allocator-dbsync upgrade".' % (found, wanted))

    @_asks_database
    def _database(self):
        """Tell whether the database's release can do what claims need."""
        with session.get_engine().connect() as connection:
            return _judge(connection.dialect)

    def _bus(self):
        """Tell whether the message bus takes a message within seconds."""
        if _needs_no_bus():
            return upgradecheck.Result(
                SUCCESS, 'The single process needs no message bus.')
        taken: futures.Future[None] = futures.Future()
        # It waits without a limit in some cases.
        threading.Thread(target=_ping_bus, args=(taken,), daemon=True).start()
        try:
            taken.result(BUS_TIMEOUT)
        except futures.TimeoutError:
            reason = 'no answer in %d seconds' % BUS_TIMEOUT
        except Exception as exc:
            reason = str(exc)
        else:
            return upgradecheck.Result(SUCCESS)
        return upgradecheck.Result(
            FAILURE, 'The message bus of [DEFAULT] transport_url did not '
                     'take a message: %s' % reason)

    @_asks_database
    def _pending(self):
        """Tell whether conductors answer allocations."""
        # Without a schema there is no table to ask.
        uuids = migration.version() and allocations.get_pending_since(LONG)
        if not uuids:
            return upgradecheck.Result(SUCCESS)
        return upgradecheck.Result(
            WARNING,
            '%d allocations have been in state "allocating" for more than an '
            'hour, first %s. See that a conductor runs and what its log '
            'says.' % (len(uuids), uuids[0]))

    def _policies(self):
        """Tell whether the API can read the policy files."""
        try:
            policy.load_files()
        except Exception as exc:  # of the YAML parser, the file system, ...
            return upgradecheck.Result(
                FAILURE, 'The policy file %s cannot be used, and the API '
                         'does not start with it: %s'
                % (CONF.oslo_policy.policy_file, exc))
        return upgradecheck.Result(SUCCESS)

    def _backends(self):
        """Tell whether each backend does what is asked of it."""
        found = status_backends.judge_all()
        return upgradecheck.Result(
            max((code for code, _text in found), default=SUCCESS),
            ' '.join(text for _code, text in found if text) or None)

    _upgrade_checks = (
        ('Database schema', _schema),
        ('Database version', _database),
        ('Message bus', _bus),
        ('Policy file format', (common_checks.check_policy_json,
                                {'conf': CONF})),
        ('Policy files', _policies),
        ('Old pending allocations', _pending),
        ('Backends', _backends),
    )


def _judge(dialect):
    """Judge a database by its kind and version.

    :param dialect: dialect of a connection that has been made
    :returns: upgradecheck.Result
    """
    if dialect.name == 'sqlite':
        return upgradecheck.Result(
            WARNING, 'SQLite serves the single process "allocator" only.')
    if dialect.name == 'postgresql':
        name, wanted = 'PostgreSQL', POSTGRESQL
    elif dialect.is_mariadb:
        name, wanted = 'MariaDB', MARIADB
    else:
        name, wanted = 'MySQL', MYSQL
    found = dialect.server_version_info
    if found >= wanted:
        return upgradecheck.Result(SUCCESS)
    return upgradecheck.Result(
        FAILURE, '%s is of version %s, and %s is needed: older ones have no '
                 'SKIP LOCKED or no generated columns.'
        % (name, _dotted(found), _dotted(wanted)))


def _dotted(version):
    return '.'.join(str(part) for part in version)


def _needs_no_bus():
    if CONF.transport_url.startswith('fake:'):
        return True
    source = CONF.get_location('transport_url')
    chosen = source is not None and source.location.is_user_controlled
    return CONF.database.connection.startswith('sqlite') and not chosen


def _ping_bus(taken):
    from allocator.conductor import rpcapi
    try:
        rpcapi.ConductorAPI().ping()
    except Exception as exc:
        taken.set_exception(exc)
    else:
        taken.set_result(None)


def _add_commands(subparsers):
    """Add the library's command, as the library does, and that of ours."""
    upgrade = subparsers.add_parser(
        'upgrade', help='Check whether this release can work here.')
    upgrade.add_argument('check', choices=('check',))
    upgrade.add_argument(
        '--json', action='store_true', help='Print the results in JSON.')
    upgrade.set_defaults(action_fn=Checks().check)
    status_show.add_show(subparsers)


def main():
    # The results say what is wrong, and libraries need not say it too.
    logging.disable()
    service.set_defaults()
    CONF.register_cli_opt(cfg.SubCommandOpt(
        'command', title='Commands', handler=_add_commands))
    try:
        CONF(sys.argv[1:], project='allocator')
        service.require_values()
    except service.UNREADABLE as exc:
        print(service.describe_unreadable(exc), file=sys.stderr)
        return NOT_CHECKED
    # Where the library's check looks for --json.
    upgradecheck.CONF = CONF
    return upgradecheck.run(CONF)
