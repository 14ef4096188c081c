# SPDX-License-Identifier: Apache-2.0
"""What is not a client's is refused in the words for what does not exist."""

from oslo_utils import uuidutils
from oslotest import base

from allocator.tests import fixtures
from allocator.tests.unit.policy import world

STRANGER = {'project': 'stranger'}


class TestWords(base.BaseTestCase):
    """Each request names something foreign, then something absent."""

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(fixtures.Api())
        self.api.act_as('member', 'reader', **STRANGER)
        world.make()

    def _assert_alike(self, foreign, method, path, body=None):
        """Compare the answers for a foreign and an absent thing.

        :param foreign: name or UUID of the foreign thing
        :param path: with IDENT in its place, as the body has
        """
        absent = (uuidutils.generate_uuid() if uuidutils.is_uuid_like(foreign)
                  else 'absent')
        answers = []
        for ident in (foreign, absent):
            answer = self.api.request(method, path.replace('IDENT', ident),
                                      _replaced(body, ident))
            answers.append((answer.status,
                            answer.fault.replace(ident, 'IDENT')))
        self.assertEqual(answers[1], answers[0])
        self.assertIn('IDENT', answers[0][1])

    def _assert_alike_by_name_and_uuid(self, name, *request):
        self._assert_alike(name, *request)
        self._assert_alike(world.uuid_of(name), *request)

    def test_allocation(self):
        for method, body in (
                ('GET', None), ('DELETE', None),
                ('PATCH', [{'op': 'remove', 'path': '/name'}])):
            self._assert_alike_by_name_and_uuid(
                'of-owner', method, '/v1/allocations/IDENT', body)

    def test_the_own_api(self):
        for method, body in (
                ('GET', None), ('DELETE', None),
                ('PATCH', [{'op': 'remove', 'path': '/name'}])):
            self._assert_alike_by_name_and_uuid(
                'of-owner', method, '/allocator/v1/allocations/IDENT', body)
        self._assert_alike_by_name_and_uuid(
            'owned', 'GET', '/allocator/v1/nodes/IDENT')
        self._assert_alike_by_name_and_uuid(
            'owned-active', 'POST', '/allocator/v1/allocations',
            {'node': 'IDENT'})
        self._assert_alike(world.uuid_of('owned'), 'GET',
                           '/allocator/v1/nodes?marker=IDENT')

    def test_allocation_of_a_node(self):
        for method in ('GET', 'DELETE'):
            self._assert_alike_by_name_and_uuid(
                'owned-busy', method, '/v1/nodes/IDENT/allocation')

    def test_allocation_without_owner(self):
        self._assert_alike_by_name_and_uuid(
            'of-none', 'GET', '/v1/allocations/IDENT')

    def test_marker(self):
        self._assert_alike(world.uuid_of('of-owner'), 'GET',
                           '/v1/allocations?marker=IDENT')
        self._assert_alike(world.uuid_of('owned'), 'GET',
                           '/v1/nodes?marker=IDENT')

    def test_candidate_nodes(self):
        self._assert_alike_by_name_and_uuid(
            'owned', 'POST', '/v1/allocations',
            {'resource_class': 'metal', 'candidate_nodes': ['IDENT']})

    def test_backfill(self):
        for name in ('owned-active', 'unowned-active', 'owned-busy'):
            self._assert_alike_by_name_and_uuid(
                name, 'POST', '/v1/allocations', {'node': 'IDENT'})

    def test_node(self):
        for method, below, body in (
                ('GET', '', None), ('DELETE', '', None),
                ('PATCH', '', [{'op': 'remove', 'path': '/name'}]),
                ('GET', '/states', None), ('GET', '/traits', None),
                ('PUT', '/states/provision', {'target': 'manage'}),
                ('PUT', '/traits/CUSTOM_A', None)):
            self._assert_alike_by_name_and_uuid(
                'owned', method, '/v1/nodes/IDENT' + below, body)


def _replaced(body, ident):
    if isinstance(body, dict):
        return {name: _replaced(value, ident) for name, value in body.items()}
    if isinstance(body, list):
        return [_replaced(value, ident) for value in body]
    return ident if body == 'IDENT' else body
