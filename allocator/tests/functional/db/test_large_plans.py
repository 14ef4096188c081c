# SPDX-License-Identifier: Apache-2.0
"""No statement reads a table of 100,000 nodes or allocations as a whole."""

import datetime
import random
import uuid

import sqlalchemy as sa

from allocator.conductor import matching
from allocator.db import allocations
from allocator.db import claims
from allocator.db import models
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

ROWS = 100000
BATCH = 8

SORT_KEYS = ('id', 'uuid', 'name', 'state', 'last_error', 'resource_class',
             'owner', 'created_at', 'updated_at')

# What leaves much or little of the table, and what goes with its age.
FILTERS = ({}, {'state': 'active'}, {'state': 'error'}, {'owner': 'p1'},
           {'owner': 'p300'}, {'resource_class': 'c1'},
           {'resource_class': 'c40'}, {'state': 'error', 'owner': 'p1'})

LIMIT = 100

# Rows that a page may read, and one whose filter no index serves. PostgreSQL
# passes over an owner's rows that have a value, or none, by their ids.
FEW = 40 * LIMIT
SOME = ROWS // 2

# What clients show of an allocation.
FIELDS = ('uuid', 'name', 'node_uuid', 'state', 'extra', 'created_at')

_allocation = models.Allocation.__table__


def _past(dice, number):
    """Make an allocation; the errors are the newest ones."""
    created = datetime.datetime(2026, 1, 1) + datetime.timedelta(
        minutes=number)
    failed = number >= ROWS * 0.92
    return {
        'uuid': str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        'name': 'n%d' % number if number % 2 else None,
        'state': 'error' if failed else 'active',
        'last_error': 'reason %d' % (number % 50) if failed else None,
        'resource_class': 'c%d' % min(int(dice.paretovariate(0.8)), 50),
        'owner': 'p%d' % min(int(dice.paretovariate(0.7)), 999)
        if number % 10 else None,
        'traits': [], 'candidate_nodes': [], 'extra': {},
        'created_at': created, 'updated_at': created}


@testcase.per_database(*databases.SERVERS)
class LargePlanTests:

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        opened = schema.Open(cls.kind)
        opened.setUp()
        cls.addClassCleanup(opened.cleanUp)
        cls.engine = opened.database.engine
        for traits, values in (
                ([], {}), (['CUSTOM_A'], {}), (['CUSTOM_A', 'CUSTOM_B'], {}),
                (['CUSTOM_A'], {'owner': 'p'})):
            seeds.add_nodes(cls.engine, ROWS // 4, traits, **values)
        dice = random.Random(1)
        with cls.engine.begin() as connection:
            for start in range(0, ROWS, 1000):
                connection.execute(sa.insert(_allocation), [
                    _past(dice, number)
                    for number in range(start, start + 1000)])
        plans.analyze(cls.engine)

    def assert_read(self, seen, limit):
        """Check that no statement reads a whole table, or too many rows."""
        for statement, parameters in seen:
            for table, access, rows in plans.explain(
                    session.get_engine(), statement, parameters):
                if table in ('nodes', 'allocations'):
                    what = '%s of %d rows: %s %s' % (access, rows, statement,
                                                     parameters)
                    self.assertNotIn(access, plans.WHOLE, what)
                    self.assertLessEqual(rows, limit, what)

    def page(self, filters, most, marker=None, **order):
        with schema.statements() as seen:
            page = allocations.get_page(filters, FIELDS, limit=LIMIT,
                                        marker=marker, **order)
        self.assert_read(seen, most)
        return page.rows

    def check_pages(self, chosen, few, **order):
        """Read the first, the second and a middle page of lists.

        :param chosen: dicts of filters
        :param few: whether an index serves the filters, too
        """
        for filters in chosen:
            most = FEW if few or not filters else SOME
            rows = self.page(filters, most, **order)
            self.page(filters, most, marker=rows[-1].uuid, **order)
            middle = self.marker(filters, **order)
            self.page(filters, most, marker=middle, **order)

    def marker(self, filters, sort_key, descending):
        """Find an allocation in the middle of a list."""
        key = _allocation.c[sort_key]
        query = sa.select(_allocation.c.uuid).where(*(
            _allocation.c[name] == value for name, value in filters.items()))
        with self.engine.connect() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(
                query.subquery())).scalar()
            return connection.execute(query.order_by(
                key.desc() if descending else key, _allocation.c.id)
                .offset(count // 2).limit(1)).scalar()

    def test_rising_pages(self):
        for key in SORT_KEYS:
            self.check_pages(FILTERS, False, sort_key=key, descending=False)

    def test_falling_pages(self):
        for key in SORT_KEYS:
            self.check_pages(FILTERS, False, sort_key=key, descending=True)

    def test_an_owners_list_sorted_by_another_column(self):
        """It read the table in the order of the sort key."""
        # A reason for an error and an owner make an index with the id too
        # long.
        for key in set(SORT_KEYS).difference({'last_error'}):
            for descending in (False, True):
                self.check_pages(
                    [{'owner': owner} for owner in ('p1', 'p3', 'p300')],
                    True, sort_key=key, descending=descending)

    def test_claims(self):
        for values in ({}, {'traits': ['CUSTOM_A']}, {'owner': 'p'},
                       {'traits': ['CUSTOM_A', 'CUSTOM_B']}):
            seeds.add_allocations(self.engine, BATCH, **values)
            with schema.statements() as seen:
                batch = claims.claim_pending(BATCH)
            self.assertEqual(BATCH, len(batch.claims))
            self.assert_read(seen, FEW)

    def test_an_empty_queue(self):
        with schema.statements() as seen:
            matching.MatchingLoop().walk()
        self.assert_read(seen, FEW)
