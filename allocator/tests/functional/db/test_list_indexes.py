# SPDX-License-Identifier: Apache-2.0
"""The migration that adds the indexes of lists, with data."""

import random

import sqlalchemy as sa

from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.db import test_migrations

BEFORE = '6c1f0c2a7b58'

ALLOCATION = {'uuid': '5f1c2d7e-4a36-4e0a-9a53-3f6f0f9a4c11', 'name': 'a',
              'state': 'error', 'traits': '[]', 'candidate_nodes': '[]',
              'extra': '{"a": 1}'}
NODE = {'uuid': 'b2a8f6d0-1c5e-4f5b-8d0a-6f1f6d3c7e21', 'name': 'n',
        'owner': 'p', 'lessee': 'q', 'provision_state': 'available',
        'driver_info': '{}', 'properties': '{}', 'extra': '{}',
        'instance_info': '{}', 'network_data': '{}', 'interfaces': '{}'}


@testcase.per_database()
class ListIndexTests(test_migrations.Commands):

    def setUp(self):
        super().setUp()
        self.sync('upgrade', '--revision', BEFORE)
        self.tables_ = sa.MetaData()
        self.tables_.reflect(self.engine)

    def insert(self, name, values):
        with self.engine.begin() as connection:
            connection.execute(sa.insert(self.tables_.tables[name]), [values])

    def rows(self, name):
        table = self.tables_.tables[name]
        with self.engine.connect() as connection:
            return connection.execute(sa.select(table)).all()

    def test_rows_stay_as_they_are(self):
        # Characters of four bytes, as many as the columns hold and the
        # sentences of the service may have, that do not compress.
        dice = random.Random(1)
        letters = [chr(0x20000 + dice.randrange(40000)) for _ in range(335)]
        owner, kind = ''.join(letters[:255]), ''.join(letters[255:])
        sentence = ('No suitable node: there is no node of resource class %s '
                    'that project %s owns or leases.' % (kind, owner))
        self.insert('allocations', ALLOCATION | {
            'owner': owner, 'resource_class': kind,
            'last_error': sentence.ljust(512, '.')})
        self.insert('nodes', NODE)
        before = self.rows('allocations') + self.rows('nodes')
        self.sync('upgrade')
        self.assertEqual(before, self.rows('allocations')
                         + self.rows('nodes'))
        self.assertEqual([], self.differences())
        # And what is written afterwards fits as well.
        self.insert('allocations', ALLOCATION | {
            'uuid': NODE['uuid'], 'name': 'b', 'owner': owner,
            'last_error': sentence.ljust(512, '-')})

    def test_an_upgrade_that_was_ended_halfway_goes_on(self):
        with self.engine.begin() as connection:
            connection.execute(sa.text(
                'CREATE INDEX nodes_owner_idx ON nodes (owner, id)'))
        self.sync('upgrade')
        self.assertEqual([], self.differences())


@testcase.per_database(databases.POSTGRESQL)
class IndexLimitTests(test_migrations.Commands):

    def test_what_no_index_holds_is_refused(self):
        """The limit that the test above keeps within is real."""
        self.sync('upgrade')
        dice = random.Random(1)
        long = ''.join(chr(0x20000 + dice.randrange(40000))
                       for _ in range(767))
        table = sa.Table('allocations', sa.MetaData(),
                         autoload_with=self.engine)
        with self.engine.begin() as connection:
            self.assertRaises(
                sa.exc.OperationalError, connection.execute,
                sa.insert(table).values(
                    **ALLOCATION | {'owner': long[:255],
                                    'last_error': long[255:]}))
