# SPDX-License-Identifier: Apache-2.0
"""Since when a backend is silent, by each database's way to update."""

from allocator.db import backend_writes
from allocator.db import backends
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema


@testcase.per_database()
class SilenceTests:

    def setUp(self):
        super().setUp()
        self.useFixture(schema.Open(self.kind))
        backends.ensure('east')

    def answer(self, is_answered):
        """Note an answer, or that there was none.

        :returns: row of the backend
        """
        backend_writes.note_answer(backends.get_row('east').id, is_answered)
        return backends.get_row('east')

    def test_it_begins_and_ends_once(self):
        """MySQL reads in an UPDATE what the same UPDATE has written."""
        for _ in range(backends.UNANSWERED - 1):
            row = self.answer(False)
            self.assertIsNone(row.answers_changed_at)
        began = self.answer(False).answers_changed_at
        self.assertIsNotNone(began)
        row = self.answer(False)
        self.assertEqual((backends.UNANSWERED + 1, began),
                         (row.unanswered, row.answers_changed_at))
        row = self.answer(True)
        ended = row.answers_changed_at
        self.assertEqual(0, row.unanswered)
        self.assertGreater(ended, began)
        for is_answered in (True, False, True):
            row = self.answer(is_answered)
            self.assertEqual(ended, row.answers_changed_at)
