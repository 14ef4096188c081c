# SPDX-License-Identifier: Apache-2.0
"""No list of nodes reads a table of 100,000 nodes as a whole."""

import datetime
import random
import uuid

import sqlalchemy as sa

from allocator.db import models
from allocator.db import nodes
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

ROWS = 100000
LIMIT = 100

# Rows that a page may read, and one whose filter no index serves.
FEW = 30 * LIMIT
SOME = ROWS // 2

# What has an index; the others are what nobody sorts thousands of nodes by.
SORT_KEYS = ('id', 'uuid', 'name', 'power_state', 'provision_state',
             'maintenance', 'resource_class', 'owner', 'lessee', 'driver',
             'shard', 'instance_name', 'created_at', 'updated_at')

FILTERS = ({'provision_state': 'error'}, {'maintenance': True},
           {'shard': ['s3']}, {'shard': ['s3', 's4']}, {'driver': 'rare'},
           {'owner': 'p1'}, {'owner': 'p3', 'maintenance': False},
           {'resource_class': 'c1', 'provision_state': 'active'},
           {'associated': True})

# Projects that have five nodes, hundreds, and a third of all.
TENANTS = ('few', 'p50', 'p1')

FIELDS = ('uuid', 'name', 'provision_state', 'extra')

_node = models.Node.__table__


def _node_of(dice, number):
    """Make a node; those in maintenance are the newest ones."""
    created = datetime.datetime(2026, 1, 1) + datetime.timedelta(
        minutes=number)
    owner = 'p%d' % min(int(dice.paretovariate(0.7)), 999)
    if number % 10 == 9:
        owner = None
    return {
        'uuid': str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        'name': 'n%d-%d' % (dice.randrange(1000), number)
        if dice.random() < 0.5 else None,
        'owner': 'few' if number % (ROWS // 5) == 77 else owner,
        'lessee': 'p%d' % min(int(dice.paretovariate(0.7)), 999)
        if number % 7 == 0 else None,
        'resource_class': 'c%d' % min(int(dice.paretovariate(0.8)), 50),
        'provision_state': 'error' if number % 1000 == 5
        else 'active' if number % 2 else 'available',
        'power_state': 'power on' if number % 3 else None,
        'maintenance': number > ROWS * 0.95,
        'instance_uuid': str(uuid.UUID(int=number))
        if number % 50 == 0 else None,
        'instance_name': 'i%d' % number if number % 50 == 0 else None,
        'shard': 's%d' % (number % 90) if number % 3 else None,
        'driver': 'rare' if number % 997 == 0 else 'common',
        'driver_info': {}, 'properties': {}, 'extra': {}, 'instance_info': {},
        'network_data': {}, 'interfaces': {}, 'created_at': created,
        'updated_at': created + datetime.timedelta(
            minutes=dice.randrange(ROWS)) if dice.random() < 0.7 else None}


@testcase.per_database(*databases.SERVERS)
class NodeListPlanTests:

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        opened = schema.Open(cls.kind)
        opened.setUp()
        cls.addClassCleanup(opened.cleanUp)
        dice = random.Random(1)
        with opened.database.engine.begin() as connection:
            for start in range(0, ROWS, 1000):
                connection.execute(sa.insert(_node), [
                    _node_of(dice, number)
                    for number in range(start, start + 1000)])
        plans.analyze(opened.database.engine)

    def page(self, most, filters=None, **options):
        """Read a page; no statement may read more than so many nodes."""
        with schema.statements() as seen:
            page = nodes.get_page(filters or {}, FIELDS, limit=LIMIT,
                                  **options)
        for statement, parameters in seen:
            for table, access, rows in plans.explain(
                    session.get_engine(), statement, parameters):
                if table == 'nodes':
                    what = '%s of %d rows: %s %s' % (access, rows, statement,
                                                     parameters)
                    self.assertNotIn(access, plans.WHOLE, what)
                    self.assertLessEqual(rows, most, what)
        return page

    def check(self, most, keys=SORT_KEYS, **options):
        """Read the first pages by each key, in both directions."""
        for key in keys:
            for descending in (False, True):
                order = {'sort_key': key, 'descending': descending}
                page = self.page(most, **order, **options)
                if page.more:
                    self.page(most, marker=page.rows[-1]['uuid'], **order,
                              **options)

    def test_all(self):
        """Sorted by the time of the last change, it read them all."""
        self.check(FEW)

    def test_filters(self):
        for filters in FILTERS:
            self.check(SOME, ('id', 'name', 'updated_at'), filters=filters)

    def test_a_tenants_list_does_not_walk_the_table(self):
        """MariaDB went through all nodes for five of them."""
        self.check(FEW, project='few')
        self.check(FEW, project='p50')

    def test_a_large_tenants_list(self):
        self.check(FEW, ('id',), project='p1')
        self.check(SOME, project='p1')

    def test_a_tenants_list_with_a_filter(self):
        for project in TENANTS:
            for filters in FILTERS:
                self.check(SOME, ('id', 'updated_at'), project=project,
                           filters=filters)
