# SPDX-License-Identifier: Apache-2.0
"""Reads the command line and the configuration files of every command."""

from oslo_config import cfg
from oslo_log import log
from oslo_middleware import cors
from oslo_reports import opts

from allocator import version
from allocator.common import rpc
from allocator.conf import CONF

# Libraries that say more than an operator wants to read at DEBUG.
QUIET_LIBRARIES = [
    'alembic=WARNING', 'amqp=WARNING', 'amqplib=WARNING',
    'keystoneauth=INFO', 'keystonemiddleware=WARNING',
    'oslo.messaging=INFO', 'oslo_messaging=INFO', 'oslo_policy=INFO',
    # A traceback for each transaction that it gives up; whoever began the
    # transaction says what becomes of it.
    'oslo_db.api=CRITICAL',
    'requests.packages.urllib3.connectionpool=WARNING',
    'sqlalchemy=WARNING', 'stevedore=INFO', 'urllib3.connectionpool=WARNING',
]

# What a browser may send and read, once its origin is allowed.
VERSION_HEADERS = ['OpenStack-API-Version', 'X-OpenStack-Ironic-API-Version']
RANGE_HEADERS = [
    'OpenStack-API-Minimum-Version', 'OpenStack-API-Maximum-Version',
    'X-OpenStack-Ironic-API-Minimum-Version',
    'X-OpenStack-Ironic-API-Maximum-Version',
]


def set_defaults():
    """Register the libraries' options with this service's defaults."""
    if CONF._args is None:
        log.register_options(CONF)
    log.set_defaults(
        default_log_levels=log.get_default_log_levels() + QUIET_LIBRARIES)
    cors.set_defaults(
        allow_methods=['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
        allow_headers=['X-Auth-Token', *VERSION_HEADERS],
        expose_headers=['Location', 'X-OpenStack-Request-Id',
                        *VERSION_HEADERS, *RANGE_HEADERS])
    rpc.set_defaults()
    opts.set_defaults(CONF)


def parse_args(argv, default_config_files=None, default_config_dirs=None):
    """Parse a command line and load the configuration files.

    :param argv: the command line, the name of the program included
    :param default_config_files: files to read instead of those found in
        /etc/allocator and ~/.allocator
    :param default_config_dirs: likewise, directories
    """
    set_defaults()
    CONF(argv[1:], project='allocator',
         version=version.version_info.release_string(),
         default_config_files=default_config_files,
         default_config_dirs=default_config_dirs)


def setup_logging():
    """Start logging as configured; to be called once per process."""
    log.setup(CONF, 'allocator')


__all__ = ['cfg', 'parse_args', 'setup_logging']
