# SPDX-License-Identifier: Apache-2.0
"""What becomes of a transaction that loses to others, time and again."""

import time

import fixtures
from oslo_db import exception as db_exc
from oslotest import base

from allocator.db import session


class Conflicts(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.attempts = 0

    def _set(self, **values):
        for name, value in values.items():
            self.useFixture(fixtures.MonkeyPatch(
                'allocator.db.session.' + name, value))

    def _failing(self, error, times):
        """Make a transaction that fails some times."""
        @session.retried
        def function():
            self.attempts += 1
            if self.attempts <= times:
                raise error
            return 'done'

        return function

    def test_certification_conflicts_in_a_row_fail_no_request(self):
        self._set(LONGEST_PAUSE=0.01)
        self.assertEqual('done', self._failing(db_exc.DBDeadlock(), 40)())

    def test_a_transaction_that_never_wins_ends(self):
        self._set(LONGEST_PAUSE=0.01, CONFLICT_PATIENCE=0.2)
        started = time.monotonic()
        function = self._failing(db_exc.DBDeadlock(), 10 ** 9)
        self.assertRaises(db_exc.DBDeadlock, function)
        self.assertGreater(time.monotonic() - started, 0.2)
        self.assertGreater(self.attempts, 6)

    def test_a_database_that_is_away_is_not_waited_for(self):
        self._set(LONGEST_PAUSE=0.01)
        function = self._failing(db_exc.DBConnectionError(), 10 ** 9)
        self.assertRaises(db_exc.DBConnectionError, function)
        self.assertEqual(6, self.attempts)

    def test_another_error_is_not_repeated(self):
        self.assertRaises(ValueError, self._failing(ValueError(), 1))
        self.assertEqual(1, self.attempts)
