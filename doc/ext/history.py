# SPDX-License-Identifier: Apache-2.0
"""The history of microversions, from the tables of allocator.api.versions."""

import collections

# What a row of the table is about.
NOUNS = {
    'allocation': 'allocations',
    'allocation_candidate': 'allocation candidates',
    'backend': 'backends',
    'chassis': 'chassis',
    'conductor': 'conductors',
    'driver': 'drivers',
    'node': 'nodes',
    'node_allocation': 'the allocation of a node',
    'node_firmware': 'the firmware of a node',
    'node_patch': 'the ``PATCH`` of a node',
    'node_states': 'the states of a node',
    'node_traits': 'traits of nodes',
    'node_vif': 'VIFs of nodes',
    'node_vmedia': 'virtual media of nodes',
    'power': 'requests for a power state',
    'provision': 'requests for a provision state',
    'shard': 'shards',
}

# Rows whose inputs are no attributes.
INPUTS = {
    'node_patch': 'Operation of the ``PATCH`` of a node: %s.',
    'power_target': 'Target of requests for a power state: %s.',
    'provision_verb': 'Target of requests for a provision state: %s.',
}


def history(api):
    """List what each version brought.

    :param api: allocator.api.versions.table.Api
    :returns: dict of lists of sentences by the version's minor number, the
        least version first
    """
    found = collections.defaultdict(list)
    for name, row in api.resources.items():
        for minor, sentence in _sentences(name, row):
            found[minor].append(sentence)
    return dict(sorted(found.items()))


def _sentences(name, row):
    noun = NOUNS.get(name, name)
    if row.since:
        yield row.since, 'New: %s.' % noun
    for method, minor in row.methods.items():
        yield minor, '``%s`` of %s.' % (method, noun)
    both = {field: minor for field, minor in row.inputs.items()
            if row.fields.get(field) == minor}
    for later, template in (
            (both, 'In bodies and answers about %s: %%s.' % noun),
            (_without(row.inputs, both),
             INPUTS.get(name, 'In bodies about %s: %%s.' % noun)),
            (_without(row.fields, both), 'In answers about %s: %%s.' % noun)):
        for minor, names in _by_version(later):
            yield minor, template % _quoted(names)
    for minor, names in _by_version(row.filters):
        yield minor, 'Query parameters of %s: %s.' % (noun, _quoted(names))


def _without(later, others):
    return {name: minor for name, minor in later.items()
            if name not in others}


def _by_version(later):
    grouped = collections.defaultdict(list)
    for name, minor in later.items():
        grouped[minor].append(name)
    return sorted(grouped.items())


def _quoted(names):
    return ', '.join('``%s``' % name for name in sorted(names))
