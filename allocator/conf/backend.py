# SPDX-License-Identifier: Apache-2.0
"""Options of backends: the Bare Metal services whose nodes are handed out.

``[DEFAULT] enabled_backends`` names them, and each has a group of its name.
"""

import re

from oslo_config import cfg

from allocator.common.i18n import _

# The group of the sample file.
SAMPLE_GROUP = cfg.OptGroup(
    'backend',
    help='One backend: a Bare Metal service whose nodes are handed out. The '
         'group of each bears its name out of [DEFAULT] enabled_backends '
         'instead of "backend". With auth_type = password it also needs '
         'auth_url, username, password, user_domain_name and, to see all '
         'nodes, system_scope = all; with http_basic or none it needs '
         'endpoint_override.')

# Kinds of authentication whose options the sample file shows.
_SAMPLE_AUTH_TYPES = ('password', 'http_basic', 'none')

# Options that keystoneauth1 reads, and that are not for the operator to set:
# request_timeout stands for timeout, and the version of the API is ours.
_HIDDEN = frozenset({'timeout', 'version', 'min-version', 'max-version'})

_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]{0,62}')

# Groups of this service and of its libraries.
_RESERVED = frozenset({
    'api', 'conductor', 'cors', 'database', 'default', 'healthcheck',
    'keystone_authtoken', 'metrics', 'profiler', 'queue', 'ssl',
    'tracing'})
_RESERVED_PREFIX = 'oslo_'

enabled_opts = [
    cfg.ListOpt(
        'enabled_backends',
        default=[],
        help='Names of the Bare Metal services (Ironic) whose nodes are '
             'handed out besides the nodes of this service itself. Each '
             'needs a configuration group of the same name. A name consists '
             'of at most 63 letters, digits, "_", "." and "-", and stays '
             'what it is: the nodes and allocations of a backend are kept '
             'by it.'),
]

opts = [
    cfg.URIOpt(
        'public_url',
        schemes=('http', 'https'),
        help='URL of this Bare Metal service that clients are sent to. '
             'Unless set: its public endpoint in the catalogue of the '
             'Identity service, else endpoint_override.'),
    cfg.ListOpt(
        'shard',
        default=[],
        help='Only nodes of these shards are handed out; empty for all. '
             'The Bare Metal service must speak API version 1.82.'),
    cfg.ListOpt(
        'conductor_group',
        default=[],
        help='Only nodes of these conductor groups are handed out; empty '
             'for all.'),
    cfg.ListOpt(
        'owner',
        default=[],
        help='Only nodes of these owners (project IDs) are handed out; '
             'empty for all.'),
    cfg.ListOpt(
        'resource_class',
        default=[],
        help='Only nodes of these resource classes are handed out; empty '
             'for all.'),
    cfg.BoolOpt(
        'allocate',
        mutable=True,
        default=True,
        help='Whether nodes of this backend are given to new allocations. '
             'If not, its nodes and allocations stay visible and can be '
             'released: it is drained.'),
    cfg.FloatOpt(
        'poll_interval',
        mutable=True,
        default=5.0,
        min=0.1,
        help='Seconds between two looks for changed nodes.'),
    cfg.FloatOpt(
        'sweep_interval',
        mutable=True,
        default=600.0,
        min=0.1,
        help='Seconds between two full comparisons with the nodes of this '
             'backend.'),
    cfg.IntOpt(
        'max_requests',
        mutable=True,
        default=8,
        min=1,
        help='Greatest number of requests that change something at this '
             'backend at the same time, all conductors together as near as '
             'can be. A conductor of the Bare Metal service that is given '
             'more than it has workers refuses or stops working.'),
    cfg.FloatOpt(
        'request_timeout',
        mutable=True,
        default=90.0,
        min=0.1,
        help='Seconds to wait for an answer of this backend. It should be '
             'more than rpc_response_timeout (60) there: what is given up '
             'earlier may still be carried out.'),
    cfg.FloatOpt(
        'stale_after',
        mutable=True,
        default=120.0,
        min=1.0,
        help='Seconds without news of this backend after which none of its '
             'nodes is handed out.'),
]


def _loading():
    # It takes 2 MiB, which who has no backends need not spend.
    from keystoneauth1 import loading
    return loading


def _library_opts():
    """Make the options of keystoneauth1 that every backend has."""
    loading = _loading()
    adapter = loading.get_adapter_conf_options(include_deprecated=False)
    cfg.set_defaults(adapter, service_type='baremetal',
                     valid_interfaces=['internal', 'public'])
    return [*loading.get_session_conf_options(), *adapter]


def _auth_opts():
    """Make the options of authentication that the sample file shows."""
    loading = _loading()
    found = {opt.name: opt for opt in loading.get_auth_common_conf_options()}
    for kind in _SAMPLE_AUTH_TYPES:
        for opt in loading.get_auth_plugin_conf_options(kind):
            found.setdefault(opt.name, opt)
    return list(found.values())


def register(conf, name):
    """Register the options of one backend; again changes nothing.

    :param conf: oslo_config.cfg.ConfigOpts
    :param name: name of the backend, and of its group
    """
    conf.register_opts(opts, group=name)
    conf.register_opts(_library_opts(), group=name)
    _loading().register_auth_conf_options(conf, name)


def _check(conf, names):
    for name in names:
        folded = name.lower()
        if not _NAME.fullmatch(name):
            reason = _('it does not consist of at most 63 letters, digits, '
                       '"_", "." and "-"')
        elif folded in _RESERVED or folded.startswith(_RESERVED_PREFIX):
            reason = _('the group of this name is for something else')
        elif sum(folded == other.lower() for other in names) > 1:
            reason = _('it is there twice')
        else:
            continue
        raise cfg.ConfigFileValueError(
            _('The name "%(name)s" in [DEFAULT] enabled_backends cannot be '
              'taken: %(reason)s.') % {'name': name, 'reason': reason})


def backends(conf):
    """List the configured backends, their options registered.

    :param conf: oslo_config.cfg.ConfigOpts
    :returns: list of names; conf[name] has the options of each
    :raises oslo_config.cfg.ConfigFileValueError: a name cannot be taken
    """
    names = conf.enabled_backends
    _check(conf, names)
    for name in names:
        register(conf, name)
    return list(names)


def register_opts(conf):
    conf.register_opts(enabled_opts)


def list_opts():
    library = [opt for opt in _library_opts() if opt.name not in _HIDDEN]
    return {'DEFAULT': enabled_opts,
            SAMPLE_GROUP: [*opts, *_auth_opts(), *library]}
