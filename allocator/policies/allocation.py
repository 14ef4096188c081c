# SPDX-License-Identifier: Apache-2.0
"""Policies of the allocation API."""

from oslo_policy import policy

from allocator.policies import personas

_ANY = '/allocations/{allocation_id}'
_NODE = '/nodes/{node_ident}/allocation'

rules = [
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:get',
        check_str=personas.any_of(personas.SYSTEM_READER, personas.SERVICE,
                                  personas.ALLOCATION_READER),
        scope_types=['system', 'project'],
        description='Read an allocation',
        operations=[{'path': _ANY, 'method': 'GET'},
                    {'path': _NODE, 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:list',
        check_str=personas.PROJECT_READER,
        scope_types=['system', 'project'],
        description='List the allocations that one\'s own project owns',
        operations=[{'path': '/allocations', 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:list_all',
        check_str=personas.any_of(personas.SYSTEM_READER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='List all allocations, those of any owner',
        operations=[{'path': '/allocations', 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:create',
        check_str=personas.any_of(personas.SYSTEM_MEMBER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='Create an allocation for any owner, or for none',
        operations=[{'path': '/allocations', 'method': 'POST'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:create_restricted',
        check_str=personas.PROJECT_MEMBER,
        scope_types=['project'],
        description='Create an allocation that one\'s own project owns, on '
                    'nodes that it owns or leases',
        operations=[{'path': '/allocations', 'method': 'POST'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:delete',
        check_str=personas.any_of(personas.SYSTEM_MEMBER, personas.SERVICE,
                                  personas.ALLOCATION_MEMBER),
        scope_types=['system', 'project'],
        description='Delete an allocation',
        operations=[{'path': _ANY, 'method': 'DELETE'},
                    {'path': _NODE, 'method': 'DELETE'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:update',
        check_str=personas.any_of(personas.SYSTEM_MEMBER, personas.SERVICE,
                                  personas.ALLOCATION_MEMBER),
        scope_types=['system', 'project'],
        description='Change the name and extra fields of an allocation',
        operations=[{'path': _ANY, 'method': 'PATCH'}]),
]


def list_rules():
    return rules
