# SPDX-License-Identifier: Apache-2.0
"""/healthcheck tells load balancers whether this process can do its work."""

import json

from oslotest import base
import webob

from allocator.api import app
from allocator.db import conductors
from allocator.db import session
from allocator.tests import fixtures


class Healthcheck(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())
        self.application = app.setup_app()

    def _ask(self, method='GET', accept='application/json'):
        request = webob.Request.blank('/healthcheck', method=method,
                                      accept=accept)
        return request.get_response(self.application)

    def _break_database(self):
        session.dispose()
        self.configuration.set(
            'connection', 'sqlite:////no/such/folder/file', 'database')

    def test_all_is_well(self):
        answer = self._ask()
        self.assertEqual(200, answer.status_int)
        self.assertEqual(
            {'detailed': False, 'reasons': ['The database answers',
                                            'A conductor is alive']},
            json.loads(answer.body))

    def test_no_conductor_is_503(self):
        conductors.leave('test', conductors.beat('test'))
        answer = self._ask()
        self.assertEqual(503, answer.status_int)
        self.assertIn('No conductor is alive',
                      json.loads(answer.body)['reasons'])

    def test_no_database_is_503_and_names_no_address(self):
        self._break_database()
        answer = self._ask()
        self.assertEqual(503, answer.status_int)
        self.assertEqual(
            {'detailed': False, 'reasons': ['The database is away',
                                            'No conductor can be asked for']},
            json.loads(answer.body))

    def test_head_has_the_status_alone(self):
        # 204 is what oslo.middleware gives for a HEAD that is well.
        self.assertEqual((204, b''), (self._ask('HEAD').status_int,
                                      self._ask('HEAD').body))
        self._break_database()
        self.assertEqual((503, b''), (self._ask('HEAD').status_int,
                                      self._ask('HEAD').body))

    def test_plain_text_for_whoever_asks_for_nothing(self):
        answer = self._ask(accept='*/*')
        self.assertEqual('text/plain', answer.content_type)
        self.assertIn(b'A conductor is alive', answer.body)

    def test_operator_may_leave_the_list_empty(self):
        self._break_database()
        self.configuration.set('backends', [], 'healthcheck')
        self.application = app.setup_app()
        self.assertEqual(200, self._ask().status_int)
