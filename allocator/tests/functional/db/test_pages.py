# SPDX-License-Identifier: Apache-2.0
"""Pages join to the list that Python would make, by every way in."""

import datetime
import itertools
import random
import uuid

import fixtures
import sqlalchemy as sa

from allocator.db import models
from allocator.db import nodes
from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.db import schema

NUMBER = 60
LIMIT = 17

SORT_KEYS = ('id', 'uuid', 'name', 'owner', 'updated_at', 'instance_uuid',
             'provision_updated_at')

# What a filter asks of a node.
FILTERS = (
    ({}, lambda node: True),
    ({'owner': 'p'}, lambda node: node['owner'] == 'p'),
    ({'maintenance': True}, lambda node: node['maintenance']),
    ({'shard': ['a', 'b']}, lambda node: node['shard'] in ('a', 'b')),
    ({'sharded': False, 'maintenance': False},
     lambda node: node['shard'] is None and not node['maintenance']),
    ({'associated': True}, lambda node: node['instance_uuid'] is not None),
)

_node = models.Node.__table__


def _node_of(dice, number):
    def uuid_():
        return str(uuid.UUID(int=dice.getrandbits(128), version=4))

    day = datetime.datetime(2026, 1, 1 + dice.randrange(5))
    return {
        'id': number + 1, 'uuid': uuid_(), 'provision_state': 'available',
        'name': dice.choice([None, 'n%d' % number]),
        'owner': dice.choice([None, 'p', 'q']),
        'lessee': dice.choice([None, 'p', 'q']),
        'updated_at': dice.choice([None, day]), 'provision_updated_at': None,
        'instance_uuid': dice.choice([None, uuid_()]),
        'shard': dice.choice([None, 'a', 'b', 'c']),
        'maintenance': dice.choice([True, False]),
        'driver_info': {}, 'properties': {},
        'extra': {'text': 'x' * dice.randrange(100)}, 'instance_info': {},
        'network_data': {}, 'interfaces': {}}


@testcase.per_database()
class PageTests:

    def setUp(self):
        super().setUp()
        opened = self.useFixture(schema.Open(self.kind))
        dice = random.Random(1)
        self.nodes = [_node_of(dice, number) for number in range(NUMBER)]
        with opened.database.engine.begin() as connection:
            connection.execute(sa.insert(_node), self.nodes)

    def expected(self, suits, project, key, descending):
        """Make the list of UUIDs in Python."""
        nulls_last = self.kind == databases.POSTGRESQL

        def place(node):
            value = node[key]
            return ((value is None) == nulls_last,
                    '' if value is None else value, node['id'])

        return [node['uuid'] for node in sorted(
            (node for node in self.nodes if suits(node)
             and (project is None
                  or project in (node['owner'], node['lessee']))),
            key=place, reverse=descending)]

    def read(self, filters, **options):
        """Follow the pages from the first to the last."""
        found, more = [], True
        while more:
            page = nodes.get_page(
                filters, ['extra'], limit=LIMIT,
                marker=found[-1] if found else None, **options)
            more = page.more
            if more:
                self.assertNotEqual([], page.rows)
            found += [node['uuid'] for node in page.rows]
        return found

    def check(self):
        for (filters, suits), project, key, descending in itertools.product(
                FILTERS, (None, 'p'), SORT_KEYS, (False, True)):
            self.assertEqual(
                self.expected(suits, project, key, descending),
                self.read(filters, project=project, sort_key=key,
                          descending=descending),
                (filters, project, key, descending))

    def test_few_rows(self):
        self.check()

    def test_many_rows(self):
        self.useFixture(fixtures.MonkeyPatch('allocator.db.ways.FEW', 10))
        self.check()

    def test_large_documents(self):
        """Pages that end early leave no row out, and repeat none."""
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.db.pagination.MAX_BYTES', 300))
        self.check()

    def test_a_row_larger_than_a_page_is_shown(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.db.pagination.MAX_BYTES', 1))
        self.assertEqual(
            self.expected(lambda node: True, None, 'id', False),
            self.read({}, sort_key='id', descending=False))
