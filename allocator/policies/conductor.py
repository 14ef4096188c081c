# SPDX-License-Identifier: Apache-2.0
"""Policies of the conductor API."""

from oslo_policy import policy

from allocator.policies import personas

rules = [
    policy.DocumentedRuleDefault(
        name='baremetal:conductor:get',
        check_str=personas.any_of(personas.SYSTEM_READER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='Read conductors',
        operations=[{'path': '/conductors', 'method': 'GET'},
                    {'path': '/conductors/{hostname}', 'method': 'GET'}]),
]


def list_rules():
    return rules
