# SPDX-License-Identifier: Apache-2.0
"""A request for each status code that the API reference lists for nodes."""

from allocator.tests import fixtures
from allocator.tests import microversions
from allocator.tests.unit.docs import statuses

case = statuses.case

N = '/v1/nodes'
FREE = N + '/free-node'
MISSING = N + '/unknown'
XML = {'Content-Type': 'text/xml'}
NEW = {'driver': 'fake-hardware'}


def patch(name, value):
    """Write a patch of one operation."""
    return [{'op': 'add', 'path': '/' + name, 'value': value}]


def protected(api):
    uuid = api.get(FREE).body['uuid']
    fixtures.change_node(uuid, protected=True, provision_state='active')


def active(api):
    uuid = api.get(FREE).body['uuid']
    fixtures.change_node(uuid, provision_state='active')


def read(name, path, old=None):
    """Make the cases that all methods have that read a node.

    :param old: the version before the method, if it came later
    """
    found = [
        case(name, 200, path % FREE),
        case(name, 400, (path % FREE) + '?unknown=1'),
        case(name, 404, path % MISSING),
        case(name, 406, path % FREE, version=microversions.TOO_NEW),
    ]
    if old:
        found.append(case(name, 404, path % FREE, version=old))
    return found


def write(name, path, good, body=None, bad=None):
    """Make the cases that all methods have that change a node.

    :param good: status code when all is well
    :param body: body of such a request, None for none
    :param bad: a body that is refused, None where any JSON will do
    """
    found = [
        case(name, good, path % FREE, body=body),
        case(name, 400, (path % FREE) + '?unknown=1', body=body),
        case(name, 403, path % FREE, statuses.reader, body=body),
        case(name, 404, path % MISSING, body=body),
        case(name, 406, path % FREE, version=microversions.TOO_NEW, body=body),
    ]
    if bad is not None:
        found.append(case(name, 400, path % FREE, body=bad))
    if body is not None:
        found += [
            case(name, 413, path % FREE, body=_large(body)),
            case(name, 415, path % FREE, raw=b'{}', headers=XML),
        ]
    return found


def _large(body):
    if isinstance(body, list):
        return [body[0] | {'value': statuses.LARGE}]
    return body | statuses.LARGE


def listed(name, path, old_filter=None):
    """Make the cases that all lists have.

    :param old_filter: query and version that do not go together
    """
    query, version = old_filter or ('', microversions.TOO_NEW)
    return [
        case(name, 200, path),
        case(name, 400, path + '?limit=0'),
        case(name, 403, path, statuses.nobody),
        case(name, 406, path + query, version=version),
    ]


NODES = [
    *listed('GET ' + N, N, ('?owner=x', '1.49')),
    case('GET ' + N, 404, N + '?marker=' + statuses.UNKNOWN),
    case('GET ' + N, 404, N + '?chassis_uuid=' + statuses.UNKNOWN),
    *listed('GET %s/detail' % N, N + '/detail', ('?owner=x', '1.49')),
    case('GET %s/detail' % N, 404, N + '/detail?marker=' + statuses.UNKNOWN),

    case('POST ' + N, 201, N, body=NEW),
    case('POST ' + N, 400, N, body={}),
    case('POST ' + N, 403, N, statuses.reader, body=NEW),
    case('POST ' + N, 406, N, body=NEW | {'owner': 'x'}, version='1.49'),
    case('POST ' + N, 409, N, body=NEW | {'name': 'free-node'}),
    case('POST ' + N, 413, N, body=NEW | statuses.LARGE),
    case('POST ' + N, 415, N, raw=b'{}', headers=XML),

    *read('GET %s/{node}' % N, '%s'),
    case('GET %s/{node}' % N, 406, FREE + '?fields=owner', version='1.49'),

    *write('PATCH %s/{node}' % N, '%s', 200, patch('name', 'a'),
           patch('name', 1)),
    case('PATCH %s/{node}' % N, 406, FREE, body=patch('owner', 'x'),
         version='1.49'),
    case('PATCH %s/{node}' % N, 409, FREE, body=patch('name', 'used-node')),
    case('PATCH %s/{node}' % N, 409, FREE, body=patch('retired', True)),
    case('PATCH %s/{node}' % N, 409, FREE, body=patch('protected', True)),
    case('PATCH %s/{node}' % N, 409, FREE, active,
         body=patch('resource_class', 'x')),
    case('PATCH %s/{node}' % N, 409, N + '/used-node',
         body=patch('owner', 'x')),

    *write('DELETE %s/{node}' % N, '%s', 204),
    case('DELETE %s/{node}' % N, 403, FREE, protected),
    case('DELETE %s/{node}' % N, 409, N + '/used-node'),

    *read('GET %s/{node}/validate' % N, '%s/validate'),
    case('GET %s/{node}/validate' % N, 403, FREE + '/validate',
         statuses.reader),
    case('GET %s/validate' % N, 200, N + '/validate?node=free-node'),
    case('GET %s/validate' % N, 400, N + '/validate'),
    case('GET %s/validate' % N, 403, N + '/validate?node=free-node',
         statuses.reader),
    case('GET %s/validate' % N, 404, N + '/validate?node=unknown'),
    case('GET %s/validate' % N, 406, N + '/validate?node=free-node',
         version=microversions.TOO_NEW),
]

_STATES = N + '/{node}/states'
_PROVISION = 'PUT %s/provision' % _STATES
_POWER = 'PUT %s/power' % _STATES
_MAINTENANCE = '%s/{node}/maintenance' % N

STATES = [
    *read('GET ' + _STATES, '%s/states'),

    *write(_PROVISION, '%s/states/provision', 202, {'target': 'active'},
           {'target': 'unknown'}),
    case(_PROVISION, 400, FREE + '/states/provision',
         body={'target': 'provide'}),
    case(_PROVISION, 403, FREE + '/states/provision', protected,
         body={'target': 'deleted'}),
    case(_PROVISION, 406, FREE + '/states/provision',
         body={'target': 'deploy'}, version='1.72'),

    *write(_POWER, '%s/states/power', 202, {'target': 'power on'},
           {'target': 'unknown'}),
    case(_POWER, 406, FREE + '/states/power',
         body={'target': 'soft power off'}, version='1.26'),

    *write('PUT ' + _MAINTENANCE, '%s/maintenance', 202, {'reason': 'disk'},
           {'reason': 1}),
    *write('DELETE ' + _MAINTENANCE, '%s/maintenance', 202),
]

_TRAITS = N + '/{node}/traits'
_TRAIT = _TRAITS + '/{trait}'

TRAITS = [
    *read('GET ' + _TRAITS, '%s/traits'),
    case('GET ' + _TRAITS, 406, FREE + '/traits', version='1.36'),
    *write('PUT ' + _TRAITS, '%s/traits', 204, {'traits': []},
           {'traits': ['?']}),
    case('PUT ' + _TRAITS, 405, FREE + '/traits', version='1.36',
         body={'traits': []}),
    *write('PUT ' + _TRAIT, '%s/traits/CUSTOM_A', 204),
    case('PUT ' + _TRAIT, 405, FREE + '/traits/CUSTOM_A', version='1.36'),
    *write('DELETE ' + _TRAIT, '%s/traits/CUSTOM_B', 204),
    case('DELETE ' + _TRAIT, 404, FREE + '/traits/CUSTOM_A'),
    *write('DELETE ' + _TRAITS, '%s/traits', 204),
    case('DELETE ' + _TRAITS, 404, FREE + '/traits', version='1.36'),
]

_VIFS = N + '/{node}/vifs'
_MEDIA = N + '/{node}/vmedia'

ATTACHMENTS = [
    *read('GET ' + _VIFS, '%s/vifs', '1.27'),
    *write('POST ' + _VIFS, '%s/vifs', 204, {'id': 'x'}),
    case('POST ' + _VIFS, 405, FREE + '/vifs', version='1.27', body={}),
    *write('DELETE %s/{vif}' % _VIFS, '%s/vifs/x', 204),
    case('DELETE %s/{vif}' % _VIFS, 405, FREE + '/vifs/x', version='1.27'),
    *write('POST ' + _MEDIA, '%s/vmedia', 204, {'image_url': 'x'}),
    case('POST ' + _MEDIA, 405, FREE + '/vmedia', version='1.88', body={}),
    *write('DELETE ' + _MEDIA, '%s/vmedia', 204),
    case('DELETE ' + _MEDIA, 405, FREE + '/vmedia', version='1.88'),
    *read('GET %s/{node}/firmware' % N, '%s/firmware', '1.85'),
]

CASES = [*NODES, *STATES, *TRAITS, *ATTACHMENTS]
