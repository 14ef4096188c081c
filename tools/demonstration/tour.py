# SPDX-License-Identifier: Apache-2.0
"""What the service has beyond the Bare Metal API, in four requests."""

from demonstration.http import Failure
from demonstration.http import say

ALLOCATIONS = '/allocator/v1/allocations'
CANDIDATES = '/allocator/v1/allocation_candidates'


def show(api, held, node):
    """Show all of it, on the example nodes.

    :param api: http.API
    :param held: UUID of the active allocation
    :param node: name of its node
    """
    say('\n==> A tour of what the own API has beyond that')
    say('    (of an allocation, only fields with a value are shown)')
    wait_and_be_served(api, held, node)
    constrain(api)
    dry_run(api)
    explain(api)


def wait_and_be_served(api, held, node):
    path = ALLOCATIONS + '/waits'
    say('\n# %s is taken, but this request waits ten minutes for it.' % node)
    api.call('POST', ALLOCATIONS, {
        'name': 'waits', 'resource_class': 'baremetal',
        'candidate_nodes': [node], 'wait_timeout': 600}, show=True)
    api.wait(path, lambda found: found['waiting'] and found['reason'],
             'It does not wait')
    say('\n# It tells why, until when, and its place in the queue.')
    api.call('GET', path + '?fields=state,waiting,reason,deadline,'
             'queue_position', show=True)
    say('\n# Who has the node gives it back.')
    api.call('DELETE', '/v1/allocations/' + held, show=True)
    found = api.wait(path, _is_decided, 'It still waits')
    say('\n# So the one that waited is served at once.')
    api.call('GET', path + '?fields=state,node_uuid', show=True)
    _expect(found, 'active')


def constrain(api):
    say('\n# No machine with a GPU, and one of two sorts of virtualization.')
    path, found = _decide(api, {
        'name': 'no-gpu', 'resource_class': 'baremetal',
        'forbidden_traits': ['CUSTOM_GPU'],
        'any_traits': [['HW_CPU_X86_VMX', 'HW_CPU_X86_SVM']]})
    say('\n# example-1 is the only such node that is free.')
    api.call('GET', path + '?fields=state,node_uuid', show=True)
    _expect(found, 'active')


def dry_run(api):
    say('\n# Which nodes would suit? Nothing is made by asking, nor reserved.')
    api.call('POST', CANDIDATES, {
        'resource_class': 'baremetal', 'traits': ['HW_CPU_X86_VMX']},
        show=True)


def explain(api):
    say('\n# Nothing that is free has an SSD and no GPU.')
    path, found = _decide(api, {
        'name': 'fails', 'resource_class': 'baremetal',
        'traits': ['CUSTOM_SSD'], 'forbidden_traits': ['CUSTOM_GPU']})
    say('\n# It fails, and counts what keeps each node away.')
    api.call('GET', path + '?fields=state,last_error', show=True)
    _expect(found, 'error')


def _decide(api, body):
    """Request an allocation, and wait for its answer.

    :returns: its path, and the allocation
    """
    made = api.call('POST', ALLOCATIONS, body, show=True)
    path = '%s/%s' % (ALLOCATIONS, made['uuid'])
    return path, api.wait(path, _is_decided, 'It is not decided')


def _is_decided(found):
    return found['state'] != 'allocating'


def _expect(found, state):
    if found['state'] != state:
        raise Failure('The allocation %s is %s: %s' % (
            found['name'], found['state'], found['last_error']))
