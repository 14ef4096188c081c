# SPDX-License-Identifier: Apache-2.0
"""Policies of backends, which only the own API has."""

from oslo_policy import policy

from allocator.policies import personas

rules = [
    policy.DocumentedRuleDefault(
        name='allocator:backend:get',
        check_str=personas.any_of(personas.SYSTEM_READER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='Read how backends are',
        operations=[{'path': '/allocator/v1/backends', 'method': 'GET'},
                    {'path': '/allocator/v1/backends/{name}',
                     'method': 'GET'}]),
]


def list_rules():
    return rules
