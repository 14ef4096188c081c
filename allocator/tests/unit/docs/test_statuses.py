# SPDX-License-Identifier: Apache-2.0
"""The API reference lists the status codes that the service gives."""

import collections
import os

import fixtures as base_fixtures
import testtools
import webob

from allocator.api import app
from allocator.tests import fixtures
from allocator.tests.unit.docs import api_ref
from allocator.tests.unit.docs import inventory_statuses
from allocator.tests.unit.docs import node_statuses
from allocator.tests.unit.docs import own_statuses
from allocator.tests.unit.docs import statuses

CASES = [*statuses.CASES, *node_statuses.CASES, *inventory_statuses.CASES,
         *own_statuses.CASES]

# They need no token, hence no 401.
PUBLIC = ('GET /', 'GET /v1/', 'GET /allocator', 'GET /allocator/v1/')


class TestStatuses(testtools.TestCase):

    def test_allocations_give_the_documented_statuses(self):
        self._check(statuses.CASES)

    def test_nodes_give_the_documented_statuses(self):
        self._check(node_statuses.CASES)

    def test_the_inventory_gives_the_documented_statuses(self):
        self._check(inventory_statuses.CASES)

    def test_the_own_api_gives_the_documented_statuses(self):
        self._check(own_statuses.CASES)

    def _check(self, cases):
        wrong = []
        with fixtures.Api() as api:
            statuses.prepare(api)
            for case in cases:
                if case.is_harmless():
                    wrong += _differing(case, api)
        for case in cases:
            if not case.is_harmless():
                with fixtures.Api() as api:
                    statuses.prepare(api)
                    wrong += _differing(case, api)
        self.assertEqual([], wrong)

    def test_each_documented_status_has_a_case(self):
        cases = collections.defaultdict(set)
        for case in CASES:
            cases[case.name].add(case.status)
        documented = {method.name: sorted(method.statuses)
                      for method in api_ref.methods()}
        self.assertEqual({name: sorted(cases[name] | (
            set() if name in PUBLIC else {401})) for name in documented},
            documented)

    def test_each_status_is_explained(self):
        known = api_ref.load('status.yaml')
        for method in api_ref.methods():
            for code, reason in method.statuses.items():
                self.assertIn(reason, known[code], method.name)

    def test_the_others_need_credentials(self):
        api = self.useFixture(fixtures.Api())
        users = os.path.join(
            self.useFixture(base_fixtures.TempDir()).path, 'htpasswd')
        with open(users, 'w') as users_file:
            users_file.write('nobody:$2y$05$none\n')
        api.configuration.set('auth_strategy', 'http_basic')
        api.configuration.set('http_basic_auth_user_file', users)
        application = app.setup_app()
        for method in api_ref.methods():
            verb, _, path = method.name.partition(' ')
            status = webob.Request.blank(path, method=verb).get_response(
                application).status_int
            self.assertEqual(method.name not in PUBLIC, status == 401,
                             method.name)


def _differing(case, api):
    """Send a request.

    :returns: list of a sentence, empty when the status is the expected one
    """
    if case.before:
        case.before(api)
    answer = api.request(case.name.partition(' ')[0], case.path,
                         **case.options)
    if answer.status == case.status:
        return []
    return ['%s: %r' % (case, answer)]
