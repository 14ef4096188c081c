# SPDX-License-Identifier: Apache-2.0
"""With constraints it takes about as long to get a node as without.

That is from the request until the allocation is seen to be active, but for
what the network and the message bus take. Each kind is measured in turns with
a plain one, on the same nodes, of which one in a hundred is suitable.
``ALLOCATOR_TEST_CLAIM_NODES`` says how many there are.
"""

import itertools
import os
import statistics
import time

import sqlalchemy as sa
from testtools import content

from allocator.api import app
from allocator.conductor import manager
from allocator.conductor import matching
from allocator.conductor import rpcapi
from allocator.db import conductors
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional.db import plans
from allocator.tests.functional.db import schema

_node = models.Node.__table__

URL = '/allocator/v1/allocations'

NODES = int(os.environ.get('ALLOCATOR_TEST_CLAIM_NODES') or 10000)

# Nodes of a hundred that have this trait. The rare ones come last in each
# index.
SHARES = {'CUSTOM_COMMON': 98, 'CUSTOM_OTHER': 1, 'CUSTOM_ONE': 1}

# Allocations of each sort; the median leaves out those that warm up.
COUNT = 25
ROUNDS = 3

# How many times what a plain one takes all constraints together may take.
TOGETHER = 1.7

PREFERRED = [{'trait': trait, 'weight': weight} for trait, weight in (
    ('CUSTOM_ONE', 40), ('CUSTOM_OTHER', 7), ('CUSTOM_ANY', 1))]


class Api(fixtures.Api):
    """The API on a database of a certain kind, and a matching loop."""

    def __init__(self, kind):
        super().__init__()
        self._kind = kind

    def _setUp(self):
        self.engine = self.useFixture(
            schema.Open(self._kind)).database.engine
        conductors.beat('test')
        self.loop = matching.MatchingLoop()
        rpcapi.set_local(manager.ConductorManager(self.loop))
        self.application = app.setup_app()


class Times:
    """Measures allocations on one fleet.

    :cvar kinds: number of profiles
    :cvar most: how many times what a plain one takes others may take
    """

    kinds: int
    most: float

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api = Api(cls.kind)
        cls.api.setUp()
        cls.addClassCleanup(cls.api.cleanUp)
        cls.engine = cls.api.engine
        for trait, share in SHARES.items():
            seeds.add_kinds(cls.engine, NODES * share // 100,
                            cls.kinds * share // 100, ['CUSTOM_ANY', trait])
        plans.analyze(cls.engine)
        with cls.engine.connect() as connection:
            cls.excluded = connection.execute(
                sa.select(_node.c.uuid).order_by(_node.c.id)
                .limit(100)).scalars().all()
        # The last profiles are those with CUSTOM_ONE.
        cls.cpus = cls.kinds - cls.kinds // 100
        with session.reader() as connection:
            known_profiles.get().refresh(connection)

    def time(self, constraints):
        """Measure how long one allocation takes.

        :param constraints: function that makes them, or None
        :returns: seconds
        """
        body = {'resource_class': 'baremetal'}
        if constraints:
            body |= constraints()
        begun = time.perf_counter()
        answer = self.api.post(URL, body)
        self.api.match()
        found = self.api.get('%s/%s' % (URL, answer.body['uuid'])).body
        took = time.perf_counter() - begun
        self.assertEqual('active', found['state'], found)
        self.api.delete('%s/%s' % (URL, found['uuid']))
        return took

    def check(self, constraints, most=None):
        most = most or self.most
        ratios = []
        # What else a busy machine does may spoil one round.
        for number in range(ROUNDS):
            plain, asked = (statistics.median(column) for column in zip(*(
                (self.time(None), self.time(constraints))
                for _ in range(COUNT)), strict=True))
            ratios.append(asked / plain)
            self.addDetail('round %d' % number, content.text_content(
                '%.2f ms, %.2f ms plain' % (1000 * asked, 1000 * plain)))
            if ratios[-1] <= most:
                return
        self.fail('%s times a plain one' % ratios)

    def test_forbidden_traits(self):
        self.check(lambda: {
            'forbidden_traits': ['CUSTOM_COMMON', 'CUSTOM_OTHER']})

    def test_any_traits(self):
        self.check(lambda: {'any_traits': [
            ['CUSTOM_ONE', 'CUSTOM_NONE'], ['CUSTOM_ANY']]})

    def test_properties(self):
        self.check(lambda: {'properties': {'cpus': {'>=': self.cpus}}})

    def test_preferred_traits(self):
        self.check(lambda: {'preferred_traits': PREFERRED})

    def test_excluded_nodes(self):
        self.check(lambda: {'excluded_nodes': self.excluded[:10]})

    def test_as_many_excluded_nodes_as_there_may_be(self):
        """A hundred UUIDs are read, looked up, stored and given back."""
        self.check(lambda: {'excluded_nodes': self.excluded}, 2)

    def test_all_together(self):
        """What each costs adds up; the page on performance tells how much."""
        self.check(lambda: {
            'forbidden_traits': ['CUSTOM_COMMON'],
            'any_traits': [['CUSTOM_ONE', 'CUSTOM_NONE']],
            'preferred_traits': PREFERRED,
            'excluded_nodes': self.excluded[:10],
            'properties': {'cpus': {'>=': self.cpus, '!=': -1}}},
            max(self.most, TOGETHER))

    def test_each_time_other_values(self):
        """What was decided once is not remembered for it."""
        numbers = itertools.count(1)
        self.check(lambda: {'properties': {
            'cpus': {'>=': self.cpus, '!=': -next(numbers)}}})


@testcase.per_database(*databases.SERVERS)
class FewProfiles(Times):
    kinds = 200
    most = 1.3


@testcase.per_database(*databases.SERVERS)
class OwnProfiles(Times):
    kinds = NODES
    most = 2
