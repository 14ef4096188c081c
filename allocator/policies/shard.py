# SPDX-License-Identifier: Apache-2.0
"""Policies of the shard API."""

from oslo_policy import policy

from allocator.policies import personas

rules = [
    policy.DocumentedRuleDefault(
        name='baremetal:shards:get',
        check_str=personas.any_of(personas.SYSTEM_READER, personas.SERVICE),
        scope_types=['system', 'project'],
        description='Count the nodes of each shard',
        operations=[{'path': '/shards', 'method': 'GET'}]),
]


def list_rules():
    return rules
