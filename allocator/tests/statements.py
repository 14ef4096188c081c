# SPDX-License-Identifier: Apache-2.0
"""Counts what a piece of code asks the database."""

import fixtures
import sqlalchemy as sa

from allocator.db import session


class Statements(fixtures.Fixture):
    """Notes every SQL statement as long as it is in use.

    Needs a Database.

    :ivar texts: list of the statements, without those of the connection
    """

    def _setUp(self):
        self.texts = []
        engine = session.get_engine()
        sa.event.listen(engine, 'before_cursor_execute', self._note)
        self.addCleanup(sa.event.remove, engine, 'before_cursor_execute',
                        self._note)

    def _note(self, _connection, _cursor, statement, *_rest):
        if statement.startswith(('SELECT', 'INSERT', 'UPDATE', 'DELETE')):
            self.texts.append(statement)
