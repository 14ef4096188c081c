# SPDX-License-Identifier: Apache-2.0
"""Policies of the allocation API."""

from oslo_policy import policy

from allocator.policies import personas

_ALL = '/allocations'
_ANY = '/allocations/{allocation_id}'
_NODE = '/nodes/{node_ident}/allocation'

# The own API has the same resources, hence the same rules.
_OWN = '/allocator/v1'

rules = [
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:get',
        check_str=personas.any_of(personas.SYSTEM_READER, personas.SERVICE,
                                  personas.ALLOCATION_READER),
        scope_types=['system', 'project'],
        description='Read an allocation',
        operations=[{'path': _ANY, 'method': 'GET'},
                    {'path': _OWN + _ANY, 'method': 'GET'},
                    {'path': _NODE, 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:list',
        check_str=personas.PROJECT_READER,
        scope_types=['system', 'project'],
        description='List the allocations that one\'s own project owns',
        operations=[{'path': _ALL, 'method': 'GET'},
                    {'path': _OWN + _ALL, 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:list_all',
        check_str=personas.any_of(personas.SYSTEM_READER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='List all allocations, those of any owner',
        operations=[{'path': _ALL, 'method': 'GET'},
                    {'path': _OWN + _ALL, 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:create',
        check_str=personas.any_of(personas.SYSTEM_MEMBER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='Create an allocation for any owner, or for none',
        operations=[{'path': _ALL, 'method': 'POST'},
                    {'path': _OWN + _ALL, 'method': 'POST'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:create_restricted',
        check_str=personas.PROJECT_MEMBER,
        scope_types=['project'],
        description='Create an allocation that one\'s own project owns, on '
                    'nodes that it owns or leases',
        operations=[{'path': _ALL, 'method': 'POST'},
                    {'path': _OWN + _ALL, 'method': 'POST'}]),
    policy.DocumentedRuleDefault(
        name='allocator:allocation:set_priority',
        check_str=personas.any_of(personas.SYSTEM_MEMBER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='Give an allocation a priority above 0',
        operations=[{'path': _OWN + _ALL, 'method': 'POST'},
                    {'path': _OWN + _ANY, 'method': 'PATCH'},
                    {'path': '/allocator/v1/allocation_candidates',
                     'method': 'POST'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:delete',
        check_str=personas.any_of(personas.SYSTEM_MEMBER, personas.SERVICE,
                                  personas.ALLOCATION_MEMBER),
        scope_types=['system', 'project'],
        description='Delete an allocation',
        operations=[{'path': _ANY, 'method': 'DELETE'},
                    {'path': _OWN + _ANY, 'method': 'DELETE'},
                    {'path': _NODE, 'method': 'DELETE'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:allocation:update',
        check_str=personas.any_of(personas.SYSTEM_MEMBER, personas.SERVICE,
                                  personas.ALLOCATION_MEMBER),
        scope_types=['system', 'project'],
        description='Change the name and extra fields of an allocation, and '
                    'in the own API how long it waits, and before whom',
        operations=[{'path': _ANY, 'method': 'PATCH'},
                    {'path': _OWN + _ANY, 'method': 'PATCH'}]),
]


def list_rules():
    return rules
