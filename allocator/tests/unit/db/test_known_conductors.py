# SPDX-License-Identifier: Apache-2.0
"""What is remembered of the conductors, and for how long."""

import fixtures as fixtures_
from oslotest import base
import sqlalchemy as sa

from allocator.common import exception
from allocator.db import conductors
from allocator.db import known_conductors
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests import statements
from allocator.tests.functional import waiting


class KnownConductorsTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())

    def remember(self, seconds):
        self.useFixture(fixtures_.MockPatchObject(
            known_conductors, 'REMEMBERED', seconds))

    def stop(self):
        conductors.leave('test', None)

    def set_version(self, version):
        with session.writer() as connection:
            connection.execute(sa.update(models.Conductor).values(
                version=version))

    def is_refused(self):
        try:
            known_conductors.require()
        except exception.NoConductor:
            return True
        return False

    def test_it_is_asked_once_in_a_while(self):
        self.remember(600)
        with statements.Statements() as made:
            for _ in range(5):
                known_conductors.require(conductors.VERSION)
        self.assertEqual(1, len(made.texts))

    def test_that_the_last_has_gone_is_noticed_soon(self):
        self.assertEqual(1, known_conductors.REMEMBERED)
        known_conductors.require()
        self.stop()
        waiting.until(self.is_refused, 10, 'it is noticed')

    def test_one_that_comes_counts_at_once(self):
        self.remember(600)
        self.stop()
        self.assertRaises(exception.NoConductor, known_conductors.require)
        conductors.beat('test')
        known_conductors.require()

    def test_a_newer_one_counts_at_once(self):
        self.remember(600)
        self.set_version(conductors.WAITING)
        known_conductors.require(conductors.WAITING)
        self.assertRaises(exception.ConductorsTooOld,
                          known_conductors.require, conductors.LANGUAGE)
        self.set_version(conductors.LANGUAGE)
        known_conductors.require(conductors.LANGUAGE)

    def test_an_answer_that_fails_is_not_remembered(self):
        self.remember(600)
        with fixtures_.MockPatchObject(conductors, 'oldest_version',
                                       side_effect=ValueError()):
            self.assertRaises(ValueError, known_conductors.require)
        known_conductors.require()
