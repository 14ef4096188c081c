# SPDX-License-Identifier: Apache-2.0
"""Policies of the dry run, which only the own API has."""

from oslo_policy import policy

from allocator.policies import personas

_OPERATIONS: list[policy.Operation] = [
    {'path': '/allocator/v1/allocation_candidates', 'method': 'POST'}]

rules = [
    policy.DocumentedRuleDefault(
        name='allocator:allocation_candidate:list',
        check_str=personas.any_of(personas.SYSTEM_READER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='Ask which nodes an allocation of any owner, or of none, '
                    'would get',
        operations=_OPERATIONS),
    policy.DocumentedRuleDefault(
        name='allocator:allocation_candidate:list_restricted',
        check_str=personas.PROJECT_READER,
        scope_types=['project'],
        description='Ask which of the nodes that one\'s own project owns or '
                    'leases an allocation of it would get',
        operations=_OPERATIONS),
]


def list_rules():
    return rules
