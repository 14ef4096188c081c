# SPDX-License-Identifier: Apache-2.0
"""Policies of the chassis API."""

from oslo_policy import policy

from allocator.policies import personas

_CHASSIS = '/chassis/{chassis_id}'
_ADMINS = personas.any_of(personas.SYSTEM_ADMIN, personas.SERVICE)
_MEMBERS = personas.any_of(personas.SYSTEM_MEMBER, personas.SERVICE)

rules = [
    policy.DocumentedRuleDefault(
        name='baremetal:chassis:get',
        check_str=personas.any_of(personas.SYSTEM_READER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='Read chassis',
        operations=[{'path': '/chassis', 'method': 'GET'},
                    {'path': '/chassis/detail', 'method': 'GET'},
                    {'path': _CHASSIS, 'method': 'GET'},
                    {'path': _CHASSIS + '/nodes', 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:chassis:create',
        check_str=_ADMINS,
        scope_types=['system', 'project'],
        description='Create a chassis',
        operations=[{'path': '/chassis', 'method': 'POST'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:chassis:update',
        check_str=_MEMBERS,
        scope_types=['system', 'project'],
        description='Change a chassis',
        operations=[{'path': _CHASSIS, 'method': 'PATCH'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:chassis:delete',
        check_str=_ADMINS,
        scope_types=['system', 'project'],
        description='Delete a chassis',
        operations=[{'path': _CHASSIS, 'method': 'DELETE'}]),
]


def list_rules():
    return rules
