# SPDX-License-Identifier: Apache-2.0
"""/healthcheck tells load balancers whether this process can do its work."""

import json
import os

import fixtures as fixture
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

    def _ask(self, method='GET', accept='application/json',
             path='/healthcheck'):
        request = webob.Request.blank(path, method=method, accept=accept)
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

    def test_reads_stay_in_the_balancer_while_all_conductors_are_away(self):
        conductors.leave('test', conductors.beat('test'))
        self.assertEqual(503, self._ask().status_int)
        answer = self._ask(path='/healthcheck/reads')
        self.assertEqual(200, answer.status_int)
        self.assertEqual(['The database answers'],
                         json.loads(answer.body)['reasons'])
        self.assertEqual(204, self._ask(
            'HEAD', path='/healthcheck/reads').status_int)

    def test_reads_without_database_are_503(self):
        self._break_database()
        answer = self._ask(path='/healthcheck/reads')
        self.assertEqual(503, answer.status_int)
        self.assertEqual(['The database is away'],
                         json.loads(answer.body)['reasons'])

    def test_reads_leave_with_a_process_in_maintenance(self):
        path = os.path.join(self.useFixture(fixture.TempDir()).path, 'away')
        self.configuration.set(
            'backends', ['allocator_conductors', 'disable_by_file'],
            'healthcheck')
        self.application = app.setup_app()
        # The backend registers its option when it is first used.
        self.configuration.set('disable_by_file_path', path, 'healthcheck')
        self.application = app.setup_app()
        paths = ('/healthcheck', '/healthcheck/reads')
        self.assertEqual([200, 200], [
            self._ask(path=path).status_int for path in paths])
        with open(path, 'w'):
            self.assertEqual([503, 503], [
                self._ask(path=path).status_int for path in paths])

    def test_both_look_at_what_is_configured(self):
        """The one for reads must not change what the other looks at."""
        for _ in range(2):
            self.application = app.setup_app()
            self.assertEqual(
                ['The database answers', 'A conductor is alive'],
                json.loads(self._ask().body)['reasons'])

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
