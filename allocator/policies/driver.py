# SPDX-License-Identifier: Apache-2.0
"""Policies of the driver API."""

from oslo_policy import policy

from allocator.policies import personas

_READERS = personas.any_of(personas.SYSTEM_READER, personas.SERVICE)

rules = [
    policy.DocumentedRuleDefault(
        name='baremetal:driver:get',
        check_str=_READERS,
        scope_types=['system', 'project'],
        description='Read drivers',
        operations=[{'path': '/drivers', 'method': 'GET'},
                    {'path': '/drivers/{driver_name}', 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name='baremetal:driver:get_properties',
        check_str=_READERS,
        scope_types=['system', 'project'],
        description='Read what a driver wants to know of a node',
        operations=[{'path': '/drivers/{driver_name}/properties',
                     'method': 'GET'}]),
]


def list_rules():
    return rules
