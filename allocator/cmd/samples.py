# SPDX-License-Identifier: Apache-2.0
"""What oslo-config-generator shows of the libraries' options.

Not all that the libraries have: what none of this service's processes
registers would be set in vain. And with this service's defaults.
"""

from importlib import metadata

from oslo_config import cfg

from allocator.api import authentication
from allocator.api import healthchecks
from allocator.common import service

# Names of entry points of oslo.config.opts.
LIBRARIES = (
    'keystonemiddleware.auth_token', 'oslo.db', 'oslo.log', 'oslo.messaging',
    'oslo.middleware.cors', 'oslo.middleware.healthcheck',
    'oslo.middleware.http_proxy_to_wsgi', 'oslo.policy', 'oslo.reports')

# RabbitMQ is the message bus; what another one needs is not installed.
ABSENT_GROUPS = ('oslo_messaging_kafka',)

# Of [DEFAULT]. oslo.log registers it for services that deprecate something.
ABSENT = ('fatal_deprecations',)


def set_defaults():
    """Set this service's defaults, before the options are listed."""
    service.set_defaults()
    healthchecks.set_defaults()


def list_opts():
    """List the libraries' options that this service's processes register.

    :returns: list of (group, list of options)
    """
    found = []
    for library in LIBRARIES:
        [entry] = metadata.entry_points(group='oslo.config.opts',
                                        name=library)
        for group, options in entry.load()():
            name = str(getattr(group, 'name', group) or 'DEFAULT')
            if name not in ABSENT_GROUPS:
                found.append((group, _chosen(name, options)))
    return found


def _chosen(group, options):
    # It imports oslo.messaging, and service has to come first.
    from allocator.common import rpc
    options = [option for option in options
               if group != 'DEFAULT' or option.dest not in ABSENT]
    # These are set where options are registered, not in the libraries.
    defaults: dict[str, dict] = {
        authentication.GROUP: authentication.DEFAULTS,
        rpc.RABBIT: rpc.RABBIT_DEFAULTS}
    cfg.set_defaults(options, **defaults.get(group, {}))
    return options
