# SPDX-License-Identifier: Apache-2.0
"""By their marks ours are told from those of others at a backend."""

import sqlalchemy as sa

from allocator.backends import marks
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import conductors
from allocator.db import installation
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests import statements
from allocator.tests.unit.backends import mirroring

_conductor = models.Conductor.__table__
_installation = models.Installation.__table__
_write = models.BackendWrite.__table__


class MarkTests(mirroring.MirrorTestCase):

    def attempt(self, mark):
        return marks.attempt_of({'extra': mark})

    def move(self):
        """Be another conductor, with another address of the database."""
        CONF.set_override('connection', CONF.database.connection
                          + '?timeout=30', group='database')

    def be_older(self):
        """Let there have been backends before there was an installation."""
        installation.get()
        with session.writer() as connection:
            connection.execute(sa.update(_installation).values(
                has_older_marks=True))
        installation.forget()

    def start_older(self):
        """Have a conductor of an earlier release be alive."""
        conductors.beat('older')
        with session.writer() as connection:
            connection.execute(sa.update(_conductor).where(
                _conductor.c.hostname == 'older').values(
                    version=conductors.INSTALLATION - 1))

    def test_what_one_conductor_has_sent_another_goes_on_with(self):
        """Beside each member of a Galera cluster there is one."""
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        # Its process was killed before the backend had answered.
        self.store().allocate('metal', uuid=uuid, candidate_nodes=[node],
                              extra=marks.make(write.row.attempt),
                              name=marks.name(uuid, write.row.attempt))
        with session.writer() as connection:
            connection.execute(sa.update(_write).values(
                lease=None, leased_until=None))
        self.move()
        self.write()
        found = allocations.get(uuid)
        self.assertEqual(('active', node), (found.state, found.node_uuid))

    def test_another_installation_with_the_same_address_has_its_own(self):
        """That is how it is with databases on two machines."""
        theirs = marks.make(1)
        with session.writer() as connection:
            connection.execute(sa.delete(_installation))
        installation.forget()
        self.assertIsNone(self.attempt(theirs))
        self.assertEqual(2, self.attempt(marks.make(2)))

    def test_it_is_made_once_whoever_is_faster(self):
        made = []

        def be_faster():
            installation._insert()
            made.append(installation._read().uuid)

        self.useFixture(fixtures.Interloper(be_faster))
        self.assertEqual(made, [installation.get().uuid])
        self.assertEqual(36, len(made[0]))

    def test_made_where_there_are_backends_it_has_older_marks(self):
        """An upgrade that was ended had made but the table."""
        self.assertFalse(installation.get().has_older_marks)
        backends.ensure('east')
        with session.writer() as connection:
            connection.execute(sa.delete(_installation))
        installation.forget()
        self.assertTrue(installation.get().has_older_marks)

    def test_older_marks_are_known_again(self):
        self.be_older()
        self.start_older()
        older = marks.make(3)
        conductors.leave('older', None)
        self.assertNotEqual(older, marks.make(3))
        self.assertEqual(3, self.attempt(older))
        self.assertEqual(3, self.attempt(marks.make(3)))

    def test_an_older_conductor_knows_the_marks_of_newer_ones(self):
        self.be_older()
        self.start_older()
        self.assertEqual(
            {marks.KEY: {'installation': marks._older(), 'attempt': 1}},
            marks.make(1))
        self.assertEqual(1, self.attempt(marks.make(1)))

    def test_that_all_conductors_know_them_is_not_asked_each_time(self):
        self.be_older()
        conductors.beat('newer')
        marks.make(1)
        with statements.Statements() as made:
            for attempt in range(5):
                marks.make(attempt)
        self.assertEqual([], made.texts)

    def test_without_older_marks_none_is_known(self):
        """It would be that of another installation with this address."""
        self.assertIsNone(self.attempt({marks.KEY: {
            'installation': marks._older(), 'attempt': 1}}))

    def test_the_option_comes_before_all_else(self):
        """A copy of the database has what the original has made."""
        self.be_older()
        theirs = marks.make(1)
        CONF.set_override('installation_id', 'staging', 'conductor')
        self.addCleanup(CONF.clear_override, 'installation_id', 'conductor')
        self.assertIsNone(self.attempt(theirs))
        self.assertEqual({'installation': 'staging', 'attempt': 2},
                         marks.make(2)[marks.KEY])
        self.assertEqual(2, self.attempt(marks.make(2)))
