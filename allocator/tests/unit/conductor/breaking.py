# SPDX-License-Identifier: Apache-2.0
"""What the tests of claims that the database refuses share."""

import fixtures
from oslo_db import exception as db_exc
from oslotest import base

from allocator.conductor import alone
from allocator.conductor import avoided
from allocator.conductor import matching
from allocator.conductor import serving
from allocator.db import allocations
from allocator.db import claims
from allocator.tests import fixtures as service_fixtures

PENDING = {'name': None, 'resource_class': 'metal', 'traits': [],
           'extra': {}, 'owner': None, 'state': 'allocating'}


class BreakingTestCase(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(service_fixtures.Configuration())
        self.useFixture(service_fixtures.Database())
        # Tries come at once.
        self.configuration.set('sweep_interval', 0.1, 'conductor')
        going_around = avoided.Avoided()
        self.loop = matching.MatchingLoop(going_around)
        self.serving = serving.ServingLoop(going_around)
        self.log = self.useFixture(fixtures.FakeLogger())

    def create(self, count=1, **values):
        uuids = [allocations.new_uuid() for _ in range(count)]
        for uuid in uuids:
            allocations.create(PENDING | values | {'uuid': uuid})
        return uuids

    def wait(self, count=1, **values):
        """Have allocations wait.

        :returns: list of their UUIDs
        """
        return self.create(count, **{'state': 'waiting', 'wait_timeout': 600,
                                     'priority': None} | values)

    def states(self, uuids):
        return [allocations.get(uuid).state for uuid in uuids]

    def walk_until(self, uuid, state):
        for _ in range(alone.TRIES + 1):
            for entry in self.loop._patience._entries.values():
                entry.due = 0
            self.loop.walk()
            if allocations.get(uuid).state == state:
                return
        self.fail('%s is not %s' % (uuid, state))

    def break_writes(self, is_broken, error=db_exc.DBConnectionError):
        """Have the database refuse what is written, as it pleases.

        :param is_broken: function that is given the claims
        :returns: list of numbers of claims in each attempt, which grows
        """
        real, sizes = claims.write, []

        def write(connection, made):
            sizes.append(len(made))
            if is_broken(made):
                raise error('refused')
            real(connection, made)

        self.patch(claims, 'write', write)
        # Otherwise each batch takes the time of five repetitions.
        for name in ('claim_pending', 'serve'):
            self.patch(claims, name, getattr(claims, name).__wrapped__)
        return sizes
