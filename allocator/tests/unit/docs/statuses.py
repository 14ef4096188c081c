# SPDX-License-Identifier: Apache-2.0
"""A request for each status code that the API reference lists."""

import dataclasses
import typing

from allocator.conf import CONF
from allocator.db import conductors
from allocator.db import known_conductors
from allocator.tests import fixtures
from allocator.tests import microversions

A = '/v1/allocations'
NA = '/v1/nodes/{node}/allocation'
LIST = 'GET ' + A
CREATE = 'POST ' + A
SHOW = 'GET %s/{allocation}' % A
UPDATE = 'PATCH %s/{allocation}' % A
DELETE = 'DELETE %s/{allocation}' % A
NODE_SHOW = 'GET ' + NA
NODE_DELETE = 'DELETE ' + NA

METAL = {'resource_class': 'metal'}
RENAME = [{'op': 'add', 'path': '/name', 'value': 'other'}]
LARGE = {'extra': {'text': 'x' * 2 ** 20}}
CHASSIS = '3cd5b5b4-0d0f-4f5c-9d5f-6a3a4f9b6a11'
UNKNOWN = '11111111-2222-4333-8444-555555555555'


@dataclasses.dataclass(frozen=True)
class Case:
    """A request and the status code of its answer.

    :ivar name: the documented method
    :ivar status: the status code
    :ivar path: where it goes; "used" is an allocation that has the node
        "used-node", "free-node" has none
    :ivar before: function that takes the fixture and prepares the case
    :ivar options: further arguments of fixtures.Api.request
    """

    name: str
    status: int
    path: str
    before: typing.Callable = None
    options: dict = dataclasses.field(default_factory=dict)

    def is_harmless(self):
        """Tell whether other cases can follow on the same database."""
        return self.before is None and (
            self.name.startswith('GET') or self.status >= 400)


def case(name, status, path, before=None, **options):
    """Make a Case."""
    return Case(name, status, path, before, options)


def prepare(api):
    """Make what the cases speak of."""
    api.post('/v1/chassis', {'uuid': CHASSIS})
    fixtures.add_node(('CUSTOM_B',), name='free-node',
                      resource_class='other')
    api.patch('/v1/nodes/free-node', [
        {'op': 'add', 'path': '/chassis_uuid', 'value': CHASSIS}])
    fixtures.add_node(name='used-node')
    api.post(A, METAL | {'name': 'used', 'owner': None})
    api.match()


def member(api):
    api.act_as('member', 'reader', project='project')


def reader(api):
    api.act_as('reader', system=True)


def nobody(api):
    api.act_as('guest', project='project')


def no_conductor(api):
    conductors.leave(CONF.host, conductors.beat(CONF.host))
    known_conductors.forget()


def deployed(api):
    uuid = api.get('/v1/nodes/used-node/allocation').body['node_uuid']
    fixtures.change_node(uuid, provision_state='active')


def taken(api):
    api.post(A, METAL | {'name': 'other'})


CASES = [
    case('GET /', 200, '/'),
    case('GET /', 400, '/?unknown=1'),
    case('GET /', 406, '/', version=microversions.TOO_NEW),
    case('GET /v1/', 200, '/v1/'),
    case('GET /v1/', 400, '/v1/?unknown=1'),
    case('GET /v1/', 406, '/v1/', version=microversions.TOO_NEW),

    case(LIST, 200, A),
    case(LIST, 400, A + '?limit=0'),
    case(LIST, 403, A, nobody),
    case(LIST, 403, A + '?owner=another', member),
    case(LIST, 404, A + '?marker=' + UNKNOWN),
    case(LIST, 404, A + '?node=free-node', member),
    case(LIST, 404, A, version='1.51'),
    case(LIST, 406, A + '?owner=somebody', version='1.59'),

    case(CREATE, 201, A, body=METAL),
    case(CREATE, 400, A, body={}),
    case(CREATE, 403, A, reader, body=METAL),
    case(CREATE, 403, A, member, body=METAL | {'owner': 'another'}),
    case(CREATE, 405, A, body=METAL, version='1.51'),
    case(CREATE, 406, A, body=METAL | {'owner': 'x'}, version='1.59'),
    case(CREATE, 409, A, body=METAL | {'name': 'used'}),
    case(CREATE, 409, A, body={'node': 'free-node'}),
    case(CREATE, 413, A, body=METAL | LARGE),
    case(CREATE, 415, A, raw=b'{}', headers={'Content-Type': 'text/xml'}),
    case(CREATE, 503, A, no_conductor, body=METAL),

    case(SHOW, 200, A + '/used'),
    case(SHOW, 400, A + '/used?fields=unknown'),
    case(SHOW, 404, A + '/unknown'),
    case(SHOW, 404, A + '/used', member),
    case(SHOW, 404, A + '/used', version='1.51'),
    case(SHOW, 406, A + '/used', version=microversions.TOO_NEW),

    case(UPDATE, 200, A + '/used', body=RENAME),
    case(UPDATE, 400, A + '/used', body=[{'op': 'move'}]),
    case(UPDATE, 403, A + '/used', reader, body=RENAME),
    case(UPDATE, 404, A + '/unknown', body=RENAME),
    case(UPDATE, 405, A + '/used', body=RENAME, version='1.56'),
    case(UPDATE, 406, A + '/used', body=RENAME, version=microversions.TOO_NEW),
    case(UPDATE, 409, A + '/used', taken, body=RENAME),
    case(UPDATE, 413, A + '/used', body=[RENAME[0] | LARGE['extra']]),
    case(UPDATE, 415, A + '/used', raw=b'[]',
         headers={'Content-Type': 'text/xml'}),

    case(DELETE, 204, A + '/used'),
    case(DELETE, 400, A + '/used?force=1'),
    case(DELETE, 403, A + '/used', reader),
    case(DELETE, 404, A + '/unknown'),
    case(DELETE, 405, A + '/used', version='1.51'),
    case(DELETE, 406, A + '/used', version=microversions.TOO_NEW),
    case(DELETE, 409, A + '/used', deployed),

    case(NODE_SHOW, 200, '/v1/nodes/used-node/allocation'),
    case(NODE_SHOW, 400, '/v1/nodes/unknown/allocation'),
    case(NODE_SHOW, 404, '/v1/nodes/free-node/allocation'),
    case(NODE_SHOW, 404, '/v1/nodes/used-node/allocation', version='1.51'),
    case(NODE_SHOW, 406, '/v1/nodes/used-node/allocation',
         version=microversions.TOO_NEW),

    case(NODE_DELETE, 204, '/v1/nodes/used-node/allocation'),
    case(NODE_DELETE, 400, '/v1/nodes/used-node/allocation?force=1'),
    case(NODE_DELETE, 403, '/v1/nodes/used-node/allocation', reader),
    case(NODE_DELETE, 404, '/v1/nodes/free-node/allocation'),
    case(NODE_DELETE, 404, '/v1/nodes/unknown/allocation'),
    case(NODE_DELETE, 404, '/v1/nodes/used-node/allocation', version='1.51'),
    case(NODE_DELETE, 406, '/v1/nodes/used-node/allocation',
         version=microversions.TOO_NEW),
    case(NODE_DELETE, 409, '/v1/nodes/used-node/allocation', deployed),
]
