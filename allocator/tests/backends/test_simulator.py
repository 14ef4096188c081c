# SPDX-License-Identifier: Apache-2.0
"""The simulated Bare Metal service answers as a real one does."""

import uuid as uuidlib

from keystoneauth1 import noauth
from keystoneauth1 import session

from allocator.tests.backends import operator
from allocator.tests.backends import simulator
from allocator.tests.backends import test_ironic

# A UUID that nothing has.
NOWHERE = '5b8c1a4e-0000-4000-8000-000000000000'


class TestSimulator(test_ironic.IronicTestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = simulator.Simulator('east')
        server.start()
        cls.addClassCleanup(server.stop)
        cls.store = server.services['east'].store
        cls.simulated = operator.Operator(
            session.Session(noauth.NoAuth()), server.services['east'].url)

    def both(self, ask):
        """Ask the real and the simulated service, and compare.

        :param ask: function that is given an Operator and a node, and
            returns what has to be the same
        """
        real, = self.ironic.database.insert_nodes(1, traits=['CUSTOM_A'])
        simulated, = self.store.enrol(traits=['CUSTOM_A'])
        self.assertEqual(ask(self.operator, real),
                         ask(self.simulated, simulated))

    def test_nodes_have_the_same_fields(self):
        def fields(who, node):
            lists = [who.request('GET', path).json() for path in (
                '/v1/nodes', '/v1/nodes/detail', '/v1/nodes?fields=uuid')]
            found = [who.node(node), *(body['nodes'][0] for body in lists)]
            return ([set(body) for body in lists],
                    [set(one) for one in found])

        self.both(fields)

    def test_nodes_have_the_same_values(self):
        own = {'uuid', 'created_at', 'conductor', 'links', 'ports', 'states',
               'portgroups', 'volume'}
        self.both(lambda who, node: {
            field: value for field, value in who.node(node).items()
            if field not in own})

    def test_pages_are_the_same(self):
        def pages(who, node):
            found = []
            for path in ('/v1/nodes', '/v1/nodes/detail', '/v1/allocations'):
                for query in ('limit=1', 'limit=1000',
                              'limit=1&marker=' + NOWHERE):
                    answer = who.request('GET', '%s?%s' % (path, query))
                    body = answer.json()
                    found.append((path, query, answer.status_code,
                                  'next' in body))
            return found

        self.both(pages)

    def test_an_allocation_goes_the_same_way(self):
        own = {'uuid', 'node_uuid', 'candidate_nodes', 'created_at',
               'updated_at', 'links'}

        def life(who, node):
            uuid = str(uuidlib.uuid4())
            body = {'uuid': uuid, 'resource_class': 'metal', 'extra': {},
                    'candidate_nodes': [node], 'traits': ['CUSTOM_A']}
            made = who.request('POST', '/v1/allocations', body)
            found = [made.status_code, made.json()['state'], set(made.json())]
            decided = who.wait_decided(uuid)
            found += [decided['node_uuid'] == node,
                      {field: value for field, value in decided.items()
                       if field not in own}]
            found.append(who.request('POST', '/v1/allocations',
                                     body).status_code)
            taken = who.node(node)
            found += [taken['instance_uuid'] == uuid,
                      taken['allocation_uuid'] == uuid,
                      taken['instance_info'], taken['provision_state']]
            path = '/v1/allocations/' + uuid
            found += [who.request(method, path).status_code
                      for method in ('GET', 'DELETE', 'GET', 'DELETE')]
            freed = who.node(node)
            found += [freed['instance_uuid'], freed['allocation_uuid'],
                      freed['instance_info']]
            return found

        self.both(life)

    def test_what_is_unsuitable_is_an_error(self):
        def fail(who, node):
            found = []
            for values in ({'resource_class': 'other'},
                           {'traits': ['CUSTOM_B']}):
                made = who.allocate(**{'candidate_nodes': [node]} | values)
                found.append((made['state'], made['node_uuid'],
                              bool(made['last_error'])))
                who.release(made['uuid'])
            answer = who.request('POST', '/v1/allocations', {
                'resource_class': 'metal',
                'candidate_nodes': [NOWHERE]})
            return [*found, answer.status_code]

        self.both(fail)

    def test_versions_are_refused_alike(self):
        def ask(who, node):
            answers = [who._session.get(
                who._url + '/v1/nodes', raise_exc=False,
                headers={'X-OpenStack-Ironic-API-Version': version})
                for version in ('1.107', '1.999', '2.1')]
            return [answer.status_code for answer in answers]

        self.both(ask)
