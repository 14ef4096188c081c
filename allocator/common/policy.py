# SPDX-License-Identifier: Apache-2.0
"""Enforces the policies.

An answer is remembered: a check walks a tree of rules, which takes longer
than most queries, and the same clients ask the same again and again.
"""

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

# Answers remembered, of about 1 KiB each.
REMEMBERED = 1024

# Where oslo.policy has the checks that compare client and target. What other
# checks ask (a server, something that an operator has installed) may answer
# otherwise the next time.
_LASTING = policy.Check.__module__

_lock = threading.Lock()
_enforcer = None
_looked_at = None

# By rule, client and target.
_answers: dict[tuple, bool] = {}


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


def load_files():
    """Read the policy files, to see whether they can be read.

    :raises: what the YAML parser, the file system and oslo.policy raise
    """
    try:
        get_enforcer().load_rules()
    finally:
        reset()


def require_files():
    """End the process, with a sentence, if a policy file is broken."""
    try:
        load_files()
    except Exception as exc:
        sys.exit('The policy file %s cannot be used: %s'
                 % (CONF.oslo_policy.policy_file, exc))


def reset():
    """Forget the enforcer, so that the next check reads its files anew."""
    global _enforcer, _looked_at
    with _lock:
        _enforcer = _looked_at = None
        _answers.clear()


def is_allowed(rule, context, target=None):
    """Tell whether a client may do something.

    :param rule: name of a registered rule
    :param context: RequestContext
    :param target: dict of what the rule speaks of
    """
    target = (target or {}) | _services()
    key = rule, context.policy_key, frozenset(target.items())
    # While a changed file is read, the rules are incomplete: other threads
    # would refuse what is allowed.
    with _lock:
        enforcer = _get_enforcer()
        _reload(enforcer)
        answer = _answers.get(key)
        if answer is None:
            answer = bool(enforcer.authorize(rule, target, context,
                                             do_raise=False))
            if _lasts(policy.RuleCheck('rule', rule), enforcer.rules):
                _remember(key, answer)
        return answer


def _remember(key, answer):
    if len(_answers) >= REMEMBERED:
        _answers.clear()
    _answers[key] = answer


def _lasts(check, rules, seen=()):
    """Tell whether an answer holds until the rules change.

    :param check: a check of oslo.policy
    :param rules: dict of the checks by the name of the rule
    :param seen: names of the rules on the way to the check
    """
    if isinstance(check, policy.RuleCheck):
        name = check.match
        return name in rules and (name in seen or _lasts(
            rules[name], rules, (*seen, name)))
    if isinstance(check, policy.NotCheck):
        return _lasts(check.rule, rules, seen)
    if isinstance(check, (policy.AndCheck, policy.OrCheck)):
        return all(_lasts(one, rules, seen) for one in check.rules)
    return type(check).__module__ == _LASTING


def _reload(enforcer):
    """Read the policy files that have changed, and only here."""
    global _looked_at
    now = time.monotonic()
    if _looked_at is not None and now - _looked_at < LOOK_INTERVAL:
        return
    _looked_at = now
    before = dict(enforcer.rules)
    enforcer.use_conf = True
    try:
        enforcer.load_rules()
    except Exception as exc:
        # A broken file must open nothing: what was in force stays.
        LOG.error('The policy file %s cannot be read, the rules before it '
                  'remain: %s', CONF.oslo_policy.policy_file, exc)
    enforcer.use_conf = False
    if enforcer.rules != before:
        _answers.clear()


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
