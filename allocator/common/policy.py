# SPDX-License-Identifier: Apache-2.0
"""Enforces the policies."""

import sys
import threading
import time

from oslo_log import log
from oslo_policy import opts
from oslo_policy import policy

from allocator import policies
from allocator.common import exception
from allocator.conf import CONF

LOG = log.getLogger(__name__)

# Seconds between two looks at the policy files. A look asks the file system
# several times, with all threads that check a policy waiting.
LOOK_INTERVAL = 1

_lock = threading.Lock()
_enforcer = None
_looked_at = None


def set_defaults():
    """Set this service's defaults of oslo.policy's options.

    Newer releases of oslo.policy have no other way than to enforce scopes.
    """
    opts.set_defaults(CONF, enforce_scope=True, enforce_new_defaults=True)


def get_enforcer():
    """Get the enforcer, made at the first call.

    Also the entry point of oslo.policy's tools, which have parsed the
    configuration by then.

    :returns: oslo_policy.policy.Enforcer
    """
    with _lock:
        return _get_enforcer()


def _get_enforcer():
    global _enforcer
    if _enforcer is None:
        set_defaults()
        enforcer = policy.Enforcer(CONF)
        enforcer.register_defaults(policies.list_rules())
        _enforcer = enforcer
    return _enforcer


def require_files():
    """End the process, with a sentence, if a policy file is broken."""
    try:
        get_enforcer().load_rules()
    except Exception as exc:  # of the YAML parser, the file system, ...
        sys.exit('The policy file %s cannot be used: %s'
                 % (CONF.oslo_policy.policy_file, exc))
    reset()


def reset():
    """Forget the enforcer, so that the next check reads its files anew."""
    global _enforcer, _looked_at
    with _lock:
        _enforcer = _looked_at = None


def is_allowed(rule, context, target=None):
    """Tell whether a client may do something.

    :param rule: name of a registered rule
    :param context: RequestContext
    :param target: dict of what the rule speaks of
    """
    target = (target or {}) | _services()
    # While a changed file is read, the rules are incomplete: other threads
    # would refuse what is allowed.
    with _lock:
        enforcer = _get_enforcer()
        _reload(enforcer)
        return bool(enforcer.authorize(rule, target, context,
                                       do_raise=False))


def _reload(enforcer):
    """Read the policy files that have changed, and only here."""
    global _looked_at
    now = time.monotonic()
    if _looked_at is not None and now - _looked_at < LOOK_INTERVAL:
        return
    _looked_at = now
    enforcer.use_conf = True
    try:
        enforcer.load_rules()
    except Exception as exc:
        # A broken file must open nothing: what was in force stays.
        LOG.error('The policy file %s cannot be read, the rules before it '
                  'remain: %s', CONF.oslo_policy.policy_file, exc)
    enforcer.use_conf = False


def authorize(rule, context, target=None):
    """Refuse what a client may not do.

    :param rule: name of a registered rule
    :param context: RequestContext
    :param target: dict of what the rule speaks of
    :raises: Forbidden
    """
    if not is_allowed(rule, context, target):
        raise exception.Forbidden(resource=rule)


def _services():
    """Say in the target which project's services act for everybody."""
    if not CONF.rbac_service_role_elevated_access:
        return {}
    return {'service_project_name': CONF.rbac_service_project_name,
            'service_project_domain_id': CONF.rbac_service_project_domain_id}
