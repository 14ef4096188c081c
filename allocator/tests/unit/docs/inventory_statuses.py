# SPDX-License-Identifier: Apache-2.0
"""A request for each status code of chassis, drivers, conductors, shards."""

from allocator.tests import microversions
from allocator.tests.unit.docs import node_statuses
from allocator.tests.unit.docs import statuses

case = statuses.case

C = '/v1/chassis'
ONE = '%s/%s' % (C, statuses.CHASSIS)
MISSING = '%s/%s' % (C, statuses.UNKNOWN)
SHOWN = C + '/{chassis}'


def empty(api):
    api.patch('/v1/nodes/free-node', [{'op': 'remove',
                                       'path': '/chassis_uuid'}])


def one(name, path, missing, query=None, version=microversions.TOO_NEW):
    """Make the cases that all methods have that read something.

    :param query: query that the version does not know
    """
    return [
        case(name, 200, path),
        case(name, 400, path + '?unknown=1'),
        case(name, 403, path, statuses.nobody),
        case(name, 404, missing),
        case(name, 406, path + (query or ''), version=version),
    ]


_CHASSIS = [
    *node_statuses.listed('GET ' + C, C, ('?fields=uuid', '1.7')),
    case('GET ' + C, 404, C + '?marker=' + statuses.UNKNOWN),
    *node_statuses.listed('GET %s/detail' % C, C + '/detail'),
    case('GET %s/detail' % C, 404, C + '/detail?marker=' + statuses.UNKNOWN),

    case('POST ' + C, 201, C, body={}),
    case('POST ' + C, 400, C, body={'description': 1}),
    case('POST ' + C, 403, C, statuses.nobody, body={}),
    case('POST ' + C, 406, C, body={}, version=microversions.TOO_NEW),
    case('POST ' + C, 409, C, body={'uuid': statuses.CHASSIS}),
    case('POST ' + C, 413, C, body=statuses.LARGE),
    case('POST ' + C, 415, C, raw=b'{}', headers=node_statuses.XML),

    *one('GET ' + SHOWN, ONE, MISSING, '?fields=uuid', '1.7'),

    case('PATCH ' + SHOWN, 200, ONE, body=node_statuses.patch('description',
         'a')),
    case('PATCH ' + SHOWN, 400, ONE, body=node_statuses.patch('description',
         1)),
    case('PATCH ' + SHOWN, 403, ONE, statuses.nobody, body=[]),
    case('PATCH ' + SHOWN, 404, MISSING, body=[]),
    case('PATCH ' + SHOWN, 406, ONE, body=[], version=microversions.TOO_NEW),
    case('PATCH ' + SHOWN, 413, ONE, body=node_statuses.patch('extra',
         statuses.LARGE)),
    case('PATCH ' + SHOWN, 415, ONE, raw=b'[]', headers=node_statuses.XML),

    case('DELETE ' + SHOWN, 204, ONE, empty),
    case('DELETE ' + SHOWN, 400, ONE + '?unknown=1'),
    case('DELETE ' + SHOWN, 403, ONE, statuses.nobody),
    case('DELETE ' + SHOWN, 404, MISSING),
    case('DELETE ' + SHOWN, 406, ONE, version=microversions.TOO_NEW),
    case('DELETE ' + SHOWN, 409, ONE),

    *one('GET %s/nodes' % SHOWN, ONE + '/nodes', MISSING + '/nodes',
         '?owner=x', '1.49'),
    *one('GET %s/nodes/detail' % SHOWN, ONE + '/nodes/detail',
         MISSING + '/nodes/detail', '?owner=x', '1.49'),
]

_D = '/v1/drivers'
_FAKE = _D + '/fake-hardware'

_DRIVERS = [
    case('GET ' + _D, 200, _D),
    case('GET ' + _D, 400, _D + '?unknown=1'),
    case('GET ' + _D, 403, _D, statuses.nobody),
    case('GET ' + _D, 406, _D + '?detail=1', version='1.29'),
    *one('GET %s/{driver}' % _D, _FAKE, _D + '/unknown', '?fields=name',
         '1.76'),
    *one('GET %s/{driver}/properties' % _D, _FAKE + '/properties',
         _D + '/unknown/properties'),
]

_CONDUCTORS = [
    *one('GET /v1/conductors/{hostname}', '/v1/conductors/test',
         '/v1/conductors/unknown'),
    case('GET /v1/conductors', 200, '/v1/conductors'),
    case('GET /v1/conductors', 400, '/v1/conductors?unknown=1'),
    case('GET /v1/conductors', 403, '/v1/conductors', statuses.nobody),
    case('GET /v1/conductors', 404, '/v1/conductors', version='1.48'),
    case('GET /v1/conductors', 406, '/v1/conductors',
         version=microversions.TOO_NEW),
    case('GET /v1/shards', 200, '/v1/shards'),
    case('GET /v1/shards', 400, '/v1/shards?unknown=1'),
    case('GET /v1/shards', 403, '/v1/shards', statuses.nobody),
    case('GET /v1/shards', 404, '/v1/shards', version='1.81'),
    case('GET /v1/shards', 406, '/v1/shards', version=microversions.TOO_NEW),
]

CASES = [*_CHASSIS, *_DRIVERS, *_CONDUCTORS]
