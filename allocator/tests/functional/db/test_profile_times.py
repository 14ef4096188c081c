# SPDX-License-Identifier: Apache-2.0
"""A claim takes about as long with 10,000 profiles as with 100.

Both are measured in turns in one process, so that whatever else the machine
does slows both.
"""

import statistics
import time

import sqlalchemy as sa

from allocator.db import claims
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import releases
from allocator.db import session
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

_allocation = models.Allocation.__table__
_node = models.Node.__table__

NODES = 10000
FEW_KINDS = 100

# Nodes of a hundred that have this trait.
SHARES = {'CUSTOM_ONE': 1, 'CUSTOM_TEN': 10}

# Claims of each sort; the median leaves out those that warm up.
CLAIMS = 25
ROUNDS = 3

# How many times what it takes with 100 profiles a claim may take with 10,000.
MOST = 2


class Fleet:
    """A database with nodes, and what this process knows of it.

    :param kinds: how many profiles they have
    """

    def __init__(self, kind, kinds):
        self._opened = schema.Open(kind)
        self._opened.setUp()
        self.engine = self._opened.database.engine
        common = 100 - sum(SHARES.values())
        # The rare ones come last in each index.
        for trait, share in (('CUSTOM_COMMON', common), ('CUSTOM_TEN', 10),
                             ('CUSTOM_ONE', 1)):
            seeds.add_kinds(self.engine, NODES * share // 100,
                            kinds * share // 100, ['CUSTOM_ANY', trait])
        plans.analyze(self.engine)
        session.get_engine()
        self._manager = session._manager
        self._known = known_profiles.get()
        session._manager = None

    def use(self):
        session._manager, known_profiles._known = self._manager, self._known

    def close(self):
        self.use()
        self._opened.cleanUp()

    def take(self, share):
        """Have every node but one of so many taken."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(_node).values(
                maintenance=_node.c.id % share != 0))

    def time(self, **values):
        """Measure how long one claim, or its failure, takes.

        :returns: seconds, and whether a node was found
        """
        self.use()
        [uuid] = seeds.add_allocations(self.engine, 1, **values)
        begun = time.perf_counter()
        batch = claims.claim_pending(8)
        took = time.perf_counter() - begun
        releases.delete_allocation(uuid)
        return took, bool(batch.claims)


@testcase.per_database(*databases.SERVERS)
class TimeTests:

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fleets = []
        for kinds in (FEW_KINDS, NODES):
            fleet = Fleet(cls.kind, kinds)
            cls.addClassCleanup(fleet.close)
            cls.fleets.append(fleet)

    def check(self, serves=True, **values):
        # What else a busy machine does may spoil one round.
        for _round in range(ROUNDS):
            few, many = self.measure(serves, values)
            if many <= MOST * few:
                return
        self.fail('%.1f ms with %d profiles, %.1f ms with %d' % (
            1000 * few, FEW_KINDS, 1000 * many, NODES))

    def measure(self, serves, values):
        """Measure claims of both fleets in turns.

        :returns: the median seconds of each
        """
        times = [[fleet.time(**values) for fleet in self.fleets]
                 for _ in range(CLAIMS)]
        self.assertEqual({serves}, {served for pair in times
                                    for _took, served in pair})
        return [statistics.median(took for took, _served in column)
                for column in zip(*times, strict=True)]

    def take(self, share):
        for fleet in self.fleets:
            fleet.take(share)
            self.addCleanup(fleet.take, 1)

    def test_plain(self):
        self.check()

    def test_a_trait_of_all(self):
        self.check(traits=['CUSTOM_ANY'])

    def test_one_percent_suitable(self):
        self.check(traits=['CUSTOM_ONE'])

    def test_ten_percent_suitable(self):
        """More profiles than one query lists, behind 9,000 free nodes."""
        self.check(traits=['CUSTOM_TEN'])

    def test_all_but_a_hundred_taken(self):
        self.take(100)
        self.check(traits=['CUSTOM_ANY'])

    def test_ten_percent_suitable_and_all_but_a_hundred_taken(self):
        self.take(100)
        self.check(traits=['CUSTOM_TEN'])

    def test_none_suitable(self):
        """The ids of all profiles were read before each failure."""
        self.check(serves=False, traits=['CUSTOM_NO'])
