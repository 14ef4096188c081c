# SPDX-License-Identifier: Apache-2.0
"""Sets a process of this service up, before anything else is imported."""

import gc
import os
import sys
from typing import Any

# oslo.service still requires eventlet, and libraries that find it installed
# import it, which takes 11 MiB in each process. Nothing here uses it.
_modules: dict[str, Any] = sys.modules
_modules.setdefault('eventlet', None)

from oslo_config import cfg  # noqa: E402
from oslo_log import log  # noqa: E402
from oslo_service import backend  # noqa: E402

# The other backend is eventlet; which one it is, is settled at the first
# import of nearly anything else of oslo.service, and oslo.messaging does
# import it.
backend.init_backend(backend.BackendType.THREADING)


from allocator.common import config  # noqa: E402
from allocator.common import policy  # noqa: E402
from allocator.conf import backend as backend_conf  # noqa: E402
from allocator.conf import CONF  # noqa: E402

# New containers before the garbage collector looks for unused cycles: about
# one request's, instead of ten looks a request.
COLLECT_EACH = 10000

# What is raised for configuration files that cannot be read, and for values
# that their options cannot have.
UNREADABLE = (cfg.ConfigDirNotFoundError, cfg.ConfigFileParseError,
              cfg.ConfigFilesNotFoundError,
              cfg.ConfigFilesPermissionDeniedError,
              cfg.ConfigSourceValueError, OSError)

LOG = log.getLogger(__name__)


def prepare(argv, auth_strategy, config_files=None):
    """Read the configuration and start logging.

    Ends the process, with a sentence, if the files cannot be read, or if an
    option has a value that it cannot have.

    :param argv: the command line, the name of the program included
    :param auth_strategy: default of [DEFAULT] auth_strategy
    :param config_files: configuration files to read instead of the usual
    """
    CONF.set_default('auth_strategy', auth_strategy)
    try:
        config.parse_args(argv, default_config_files=config_files)
        require_values()
    except UNREADABLE as exc:
        sys.exit(describe_unreadable(exc))
    config.setup_logging()


def describe_unreadable(exc):
    """Say that the configuration files cannot be read.

    :param exc: one of UNREADABLE
    :returns: sentence for the operator
    """
    return 'The configuration cannot be read: %s' % exc


def require_values():
    """Read the value of each option that is registered by now.

    Otherwise each would be read when it is needed first, in the middle of
    whatever needs it. Registers the options of the backends.

    :raises: one of UNREADABLE
    """
    backend_conf.backends(CONF)
    _read_all(CONF, 'DEFAULT')


def _read_all(options, group):
    for name in options:
        try:
            value = options[name]
        except cfg.Error as exc:
            # Also of a "$" in it that names no option. The library tells
            # neither the group nor, then, whose value it is.
            raise cfg.ConfigSourceValueError(
                '[%s] %s: %s' % (group, name, exc)) from exc
        if isinstance(value, cfg.ConfigOpts.GroupAttr):
            _read_all(value, name)


def set_defaults():
    """Set the defaults of libraries' options, for a command that parses."""
    config.set_defaults()
    policy.set_defaults()


def reload():
    """Read those options anew that may change while a process runs."""
    try:
        CONF.mutate_config_files()
    except Exception as exc:
        # A mistake in a file must not end a service that runs.
        LOG.error('The configuration files could not be read, the old '
                  'values stay: %s', exc)
    if mistake := _mistake_of_heartbeats():
        LOG.error(mistake)


def reload_all(require):
    """Read all options anew, for a process whose workers begin anew.

    :param require: function that ends the process if the service could not
        work with the configuration; then the old one stays
    """
    before = CONF._namespace
    try:
        if not CONF.reload_config_files():
            LOG.error('The configuration files could not be read, the old '
                      'values stay: see the line before')
            return
        require_values()
        require()
        config.setup_logging()
    except (Exception, SystemExit) as exc:
        CONF._namespace = before
        CONF.register_opts([])  # forgets the values read meanwhile
        LOG.error('The configuration files cannot be used, the old values '
                  'stay: %s', exc)


def require_heartbeats():
    """End the process, with a sentence, if conductors would seem gone."""
    if mistake := _mistake_of_heartbeats():
        sys.exit(mistake)


def _mistake_of_heartbeats():
    interval = CONF.conductor.heartbeat_interval
    timeout = CONF.conductor.heartbeat_timeout
    if timeout >= interval:
        return None
    return ('[conductor] heartbeat_timeout (%d seconds) is less than '
            'heartbeat_interval (%d seconds): each conductor would count as '
            'gone between two heartbeats. Set it to a multiple of the '
            'interval.' % (timeout, interval))


def require_database():
    """End the process, with a sentence, if no database is configured."""
    if not CONF.database.connection:
        sys.exit('[database] connection is not set in the configuration '
                 'files: %s.' % (', '.join(CONF.config_file)
                                 or 'none were found'))


def settle():
    """Spare the garbage collector what is loaded by now.

    Modules, options and routes stay until the process ends. To walk through
    them again and again took a third of the processor time of a busy API, and
    a copy of every page that worker processes share.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EACH)


def processors(limit=4):
    """Count the processors that this process may use, up to a limit."""
    return min(len(os.sched_getaffinity(0)), limit)
