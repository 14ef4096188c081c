# SPDX-License-Identifier: Apache-2.0
"""Strategies: requests that are right, nearly right and wrong."""

import dataclasses
import json
from urllib import parse

from hypothesis import strategies as st

from allocator.api import versions
from allocator.api.versions import baremetal
from allocator.tests import microversions

METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
ODD_METHODS = ['HEAD', 'OPTIONS', 'TRACE', 'FROBNICATE']

# {allocation}, {node} and {chassis} become known or unknown ones.
PATHS = [
    '/', '/v1', '/healthcheck', '/v1/allocations',
    '/v1/allocations/{allocation}', '/v1/chassis', '/v1/chassis/detail',
    '/v1/chassis/{chassis}', '/v1/chassis/{chassis}/nodes', '/v1/conductors',
    '/v1/conductors/single', '/v1/drivers', '/v1/drivers/fake-hardware',
    '/v1/drivers/fake-hardware/properties', '/v1/nodes', '/v1/nodes/detail',
    '/v1/nodes/validate', '/v1/nodes/{node}',
    '/v1/nodes/{node}/allocation', '/v1/nodes/{node}/maintenance',
    '/v1/nodes/{node}/states', '/v1/nodes/{node}/states/power',
    '/v1/nodes/{node}/states/provision', '/v1/nodes/{node}/traits',
    '/v1/nodes/{node}/traits/CUSTOM_FUZZ', '/v1/nodes/{node}/validate',
    '/v1/nodes/{node}/vifs', '/v1/nodes/{node}/ports',
    '/v1/nodes/{node}/portgroups', '/v1/nodes/{node}/volume', '/v1/shards',
    '/allocator', '/allocator/v1', '/allocator/v1/allocation_candidates',
    '/allocator/v1/allocations',
    '/allocator/v1/allocations/{allocation}', '/allocator/v1/backends',
    '/allocator/v1/backends/fuzz', '/allocator/v1/nodes',
    '/allocator/v1/nodes/{node}',
]

# Attributes of requests and columns alike.
NAMES = [
    'allocation_uuid', 'any_traits', 'automated_clean', 'backend',
    'candidate_nodes', 'chassis_uuid', 'excluded_nodes', 'forbidden_traits',
    'preferred_traits',
    'conductor_group', 'description', 'driver', 'driver_info', 'extra',
    'instance_info', 'instance_uuid', 'last_error', 'lessee', 'maintenance',
    'name', 'network_data', 'node', 'node_uuid', 'owner', 'power_interface',
    'power_state', 'properties', 'protected', 'provision_state', 'reason',
    'resource_class', 'retired', 'shard', 'state', 'target', 'traits', 'uuid',
    'limit', 'wait_timeout', 'deadline', 'priority', 'waiting',
    'queue_position', 'configdrive', 'timeout', 'clean_steps', 'created_at',
    'links',
]
QUERIES = NAMES + [
    'associated', 'detail', 'fault', 'fields', 'instance_uuid', 'marker',
    'sharded', 'sort_dir', 'sort_key', 'include_children',
    'description_contains',
]
WORDS = [
    'active', 'available', 'deleted', 'manage', 'provide', 'power on',
    'power off', 'rebuild', 'abort', 'asc', 'desc', 'true', 'false', 'None',
    'fuzz', 'fake-hardware', 'allocating', 'error', '', '0', '-1', '1',
    '1000000000000000000000', "' OR 1=1 --", '%', '../..', 'a' * 300,
    '\U0001f4a5', 'e\u0301', '\x00', 'x\n', '{}', 'CUSTOM_FUZZ',
]


@dataclasses.dataclass(frozen=True)
class Request:
    """A request, of which the known UUIDs are still to be filled in."""

    method: str
    path: str
    headers: tuple
    body: bytes | None
    choices: tuple


text = st.one_of(st.sampled_from(WORDS), st.uuids().map(str),
                 st.sampled_from(['{node}', '{allocation}', '{chassis}']),
                 st.text(max_size=40))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), text,
    st.floats(allow_nan=False, allow_infinity=False))
documents = st.recursive(
    scalars, lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(text, inner, max_size=4)), max_leaves=8)

right = {
    'allocation': st.fixed_dictionaries(
        {'resource_class': st.just('fuzz')},
        optional={
            'name': st.text('abcdef.-_~', min_size=1, max_size=9),
            'traits': st.lists(st.sampled_from(
                ['CUSTOM_FUZZ', 'HW_CPU_X86_VMX']), max_size=2, unique=True),
            'candidate_nodes': st.just(['{node}']),
            'extra': st.dictionaries(text, documents, max_size=2),
            'uuid': st.uuids().map(str)}),
    'constrained': st.fixed_dictionaries(
        {'resource_class': st.just('fuzz')},
        optional={
            'forbidden_traits': st.lists(st.just('CUSTOM_OTHER'), max_size=1),
            'any_traits': st.lists(st.lists(st.sampled_from(
                ['CUSTOM_FUZZ', 'HW_CPU_X86_VMX']), min_size=1), max_size=2),
            'preferred_traits': st.dictionaries(
                st.sampled_from(['CUSTOM_FUZZ', 'HW_CPU_X86_VMX']),
                st.integers(1, 100)).map(lambda found: [
                    {'trait': trait, 'weight': weight}
                    for trait, weight in found.items()]),
            'excluded_nodes': st.just(['{node}']),
            'wait_timeout': st.integers(-1, 3),
            'priority': st.integers(-101, 101),
            'properties': st.dictionaries(
                st.sampled_from(['cpus', 'memory_mb', 'cpu_arch'])
                | text.map('capabilities:'.__add__),
                st.dictionaries(
                    st.sampled_from(['=', '!=', '>=', '<=', 'in', 'not in']),
                    scalars | st.lists(scalars, max_size=3), max_size=2),
                max_size=3)}),
    'backfill': st.just({'node': '{node}'}),
    'node': st.fixed_dictionaries(
        {'driver': st.just('fake-hardware')},
        optional={
            'name': st.text('abcdef', min_size=1, max_size=9),
            'resource_class': st.just('fuzz'),
            'properties': st.dictionaries(text, documents, max_size=2),
            'uuid': st.uuids().map(str)}),
    'chassis': st.just({'description': 'fuzz'}),
    'provision': st.fixed_dictionaries({'target': st.sampled_from(
        ['manage', 'provide', 'active', 'deleted', 'rebuild'])}),
    'power': st.fixed_dictionaries({'target': st.sampled_from(
        ['power on', 'power off', 'rebooting'])}),
    'traits': st.just({'traits': ['CUSTOM_FUZZ']}),
    'maintenance': st.just({'reason': 'fuzz'}),
}
right['dry run'] = st.builds(
    dict.__or__, right['constrained'], st.fixed_dictionaries(
        {}, optional={'limit': st.integers(-1, 3)}))
pointers = st.one_of(
    st.sampled_from(['/' + name for name in NAMES]),
    st.tuples(st.sampled_from(['/extra/', '/properties/', '/driver_info/']),
              text).map(''.join), text)
operations = st.fixed_dictionaries(
    {'op': st.sampled_from(['add', 'replace', 'remove', 'test', 'move',
                            'copy', 'fuzz']), 'path': pointers},
    optional={'value': documents, 'from': pointers})
patches = st.lists(operations, max_size=3)
nearly_right = st.dictionaries(st.sampled_from(NAMES), documents, max_size=4)

bodies = st.one_of(
    *(strategy.map(json.dumps).map(str.encode)
      for strategy in (*right.values(), *right.values(), patches, patches,
                       nearly_right, documents)),
    st.none(), st.binary(max_size=60),
    st.sampled_from([b'', b'{', b'\xef\xbb\xbf{}', b'{"a": NaN}',
                     b'[' * 5000, b'{"extra": ' * 300,
                     b'{"a": 1' + b'0' * 400 + b'}', b'"\\ud800"']))

queries = st.one_of(
    st.just(''), st.just(''),
    st.lists(st.tuples(st.sampled_from(QUERIES), text), max_size=3).map(
        parse.urlencode),
    st.text('abc=&%+;[]01', max_size=12))
minors = st.one_of(
    st.just(microversions.NEWEST), st.just(microversions.NEWEST),
    st.integers(baremetal.MIN, baremetal.MAX + 5).map(versions.string),
    st.sampled_from(['latest', '2.0', '1', 'fuzz', '']))
version_headers = st.one_of(
    minors.map(lambda text: {'X-OpenStack-Ironic-API-Version': text}),
    st.sampled_from(['1.0', 'latest', 'latest', '1.1', '2.0', 'fuzz', '']).map(
        lambda text: {'X-OpenStack-Ironic-API-Version': microversions.NEWEST,
                      'OpenStack-API-Version': 'allocator ' + text}))
choices = st.tuples(*[st.integers(0, 20)] * 3)
types = st.sampled_from(
    ['application/json', 'application/json', 'application/json',
     'application/json-patch+json', 'text/plain', '',
     'application/json; charset=utf-16'])
accepts = st.sampled_from(['application/json', 'application/json', '*/*',
                           'text/html', ''])


# What there is, and what its body is for.
ROUTES = [
    ('POST', '/v1/allocations', 'allocation'),
    ('POST', '/v1/allocations', 'allocation'),
    ('POST', '/v1/allocations', 'backfill'),
    ('PATCH', '/v1/allocations/{allocation}', 'patch'),
    ('DELETE', '/v1/allocations/{allocation}', None),
    ('POST', '/allocator/v1/allocations', 'allocation'),
    ('POST', '/allocator/v1/allocations', 'backfill'),
    ('POST', '/allocator/v1/allocations', 'constrained'),
    ('POST', '/allocator/v1/allocations', 'constrained'),
    ('POST', '/allocator/v1/allocation_candidates', 'dry run'),
    ('PATCH', '/allocator/v1/allocations/{allocation}', 'patch'),
    ('DELETE', '/allocator/v1/allocations/{allocation}', None),
    ('DELETE', '/v1/nodes/{node}/allocation', None),
    ('POST', '/v1/chassis', 'chassis'),
    ('PATCH', '/v1/chassis/{chassis}', 'patch'),
    ('DELETE', '/v1/chassis/{chassis}', None),
    ('POST', '/v1/nodes', 'node'),
    ('PATCH', '/v1/nodes/{node}', 'patch'),
    ('PATCH', '/v1/nodes/{node}', 'patch'),
    ('DELETE', '/v1/nodes/{node}', None),
    ('PUT', '/v1/nodes/{node}/maintenance', 'maintenance'),
    ('DELETE', '/v1/nodes/{node}/maintenance', None),
    ('PUT', '/v1/nodes/{node}/states/provision', 'provision'),
    ('PUT', '/v1/nodes/{node}/states/power', 'power'),
    ('PUT', '/v1/nodes/{node}/traits', 'traits'),
    ('PUT', '/v1/nodes/{node}/traits/CUSTOM_FUZZ', None),
    ('DELETE', '/v1/nodes/{node}/traits', None),
    *(('GET', path, None) for path in PATHS),
]


@st.composite
def plausible(draw):
    """Draw a request that is wrong in one place at most."""
    method, path, kind = draw(st.sampled_from(ROUTES))
    headers = draw(version_headers)
    body = None
    if kind is not None:
        headers['Content-Type'] = 'application/json'
        body = json.dumps(draw(
            patches if kind == 'patch' else right[kind])).encode()
        if draw(st.integers(0, 4)) == 0:
            body = draw(bodies)
    if method == 'GET' and (query := draw(queries)):
        path += '?' + query
    return Request(method, path, tuple(headers.items()), body,
                   draw(choices))


@st.composite
def wild(draw):
    """Draw a request in which anything may be wrong."""
    path = draw(st.sampled_from(PATHS))
    if draw(st.integers(0, 9)) == 0:
        path += '/' + parse.quote(draw(text), safe='{}')
    query = draw(queries)
    headers = draw(version_headers) | {
        'Content-Type': draw(types), 'Accept': draw(accepts)}
    method = draw(st.sampled_from(METHODS * 5 + ODD_METHODS))
    return Request(method, path + ('?' + query if query else ''),
                   tuple(headers.items()), draw(bodies), draw(choices))


def requests():
    """Make the strategy of all requests."""
    return st.one_of(plausible(), plausible(), wild())
