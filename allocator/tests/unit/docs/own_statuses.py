# SPDX-License-Identifier: Apache-2.0
"""A request for each status code that the reference of the own API lists."""

from allocator.db import backends
from allocator.tests.unit.docs import statuses
from allocator.tests.unit.docs.statuses import case

A = '/allocator/v1/allocations'
B = '/allocator/v1/backends'
C = '/allocator/v1/allocation_candidates'
N = '/allocator/v1/nodes'
LIST = 'GET ' + A
CREATE = 'POST ' + A
SHOW = 'GET %s/{allocation}' % A
UPDATE = 'PATCH %s/{allocation}' % A
DELETE = 'DELETE %s/{allocation}' % A
CANDIDATES = 'POST ' + C
BACKENDS = 'GET ' + B
BACKEND = 'GET %s/{name}' % B
NODES = 'GET ' + N
NODE = 'GET %s/{node}' % N
TOO_NEW = '1.999'

METAL = statuses.METAL
RENAME = statuses.RENAME
XML = {'Content-Type': 'text/xml'}


def backend(api):
    backends.ensure('east')


_DISCOVERY = [
    case('GET /allocator', 200, '/allocator'),
    case('GET /allocator', 400, '/allocator?unknown=1'),
    case('GET /allocator', 406, '/allocator', version=TOO_NEW),
    case('GET /allocator/v1/', 200, '/allocator/v1/'),
    case('GET /allocator/v1/', 400, '/allocator/v1/?unknown=1'),
    case('GET /allocator/v1/', 406, '/allocator/v1/', version=TOO_NEW),
]

_ALLOCATIONS = [
    case(LIST, 200, A + '?backend=east'),
    case(LIST, 400, A + '?limit=0'),
    case(LIST, 403, A, statuses.nobody),
    case(LIST, 403, A + '?owner=another', statuses.member),
    case(LIST, 404, A + '?marker=' + statuses.UNKNOWN),
    case(LIST, 404, A + '?node=free-node', statuses.member),
    case(LIST, 406, A, version=TOO_NEW),

    case(CREATE, 201, A, body=METAL),
    case(CREATE, 400, A, body={}),
    case(CREATE, 403, A, statuses.reader, body=METAL),
    case(CREATE, 403, A, statuses.member,
         body=METAL | {'owner': 'another'}),
    case(CREATE, 406, A, body=METAL, version=TOO_NEW),
    case(CREATE, 409, A, body=METAL | {'name': 'used'}),
    case(CREATE, 409, A, body={'node': 'free-node'}),
    case(CREATE, 413, A, body=METAL | statuses.LARGE),
    case(CREATE, 415, A, raw=b'{}', headers=XML),
    case(CREATE, 503, A, statuses.no_conductor, body=METAL),

    case(SHOW, 200, A + '/used'),
    case(SHOW, 400, A + '/used?fields=unknown'),
    case(SHOW, 404, A + '/unknown'),
    case(SHOW, 404, A + '/used', statuses.member),
    case(SHOW, 406, A + '/used', version=TOO_NEW),

    case(UPDATE, 200, A + '/used', body=RENAME),
    case(UPDATE, 400, A + '/used', body=[{'op': 'move'}]),
    case(UPDATE, 403, A + '/used', statuses.reader, body=RENAME),
    case(UPDATE, 404, A + '/unknown', body=RENAME),
    case(UPDATE, 406, A + '/used', body=RENAME, version=TOO_NEW),
    case(UPDATE, 409, A + '/used', statuses.taken, body=RENAME),
    case(UPDATE, 413, A + '/used',
         body=[RENAME[0] | statuses.LARGE['extra']]),
    case(UPDATE, 415, A + '/used', raw=b'[]', headers=XML),

    case(DELETE, 204, A + '/used'),
    case(DELETE, 400, A + '/used?force=1'),
    case(DELETE, 403, A + '/used', statuses.reader),
    case(DELETE, 404, A + '/unknown'),
    case(DELETE, 406, A + '/used', version=TOO_NEW),
    case(DELETE, 409, A + '/used', statuses.deployed),
]

_CANDIDATES = [
    case(CANDIDATES, 200, C, body=METAL),
    case(CANDIDATES, 400, C, body={}),
    case(CANDIDATES, 403, C, statuses.nobody, body=METAL),
    case(CANDIDATES, 403, C, statuses.member,
         body=METAL | {'owner': 'another'}),
    case(CANDIDATES, 405, C, body=METAL, version='1.1'),
    case(CANDIDATES, 406, C, body=METAL, version=TOO_NEW),
    case(CANDIDATES, 413, C, body=METAL | statuses.LARGE),
    case(CANDIDATES, 415, C, raw=b'{}', headers=XML),
]

_NODES = [
    case(NODES, 200, N + '?backend=east'),
    case(NODES, 400, N + '?limit=0'),
    case(NODES, 403, N, statuses.nobody),
    case(NODES, 404, N + '?marker=' + statuses.UNKNOWN),
    case(NODES, 406, N, version=TOO_NEW),

    case(NODE, 200, N + '/used-node'),
    case(NODE, 400, N + '/used-node?fields=unknown'),
    case(NODE, 404, N + '/unknown'),
    case(NODE, 404, N + '/free-node', statuses.member),
    case(NODE, 406, N + '/used-node', version=TOO_NEW),
]

_BACKENDS = [
    case(BACKENDS, 200, B),
    case(BACKENDS, 400, B + '?limit=1'),
    case(BACKENDS, 403, B, statuses.member),
    case(BACKENDS, 406, B, version=TOO_NEW),

    case(BACKEND, 200, B + '/east', backend),
    case(BACKEND, 400, B + '/east?fields=unknown'),
    case(BACKEND, 403, B + '/east', statuses.member),
    case(BACKEND, 404, B + '/east'),
    case(BACKEND, 406, B + '/east', version=TOO_NEW),
]

CASES = [*_DISCOVERY, *_ALLOCATIONS, *_CANDIDATES, *_NODES, *_BACKENDS]
