# SPDX-License-Identifier: Apache-2.0
"""The order of those that wait, whatever each asks for and then changes."""

import hypothesis
from hypothesis import strategies as st
import sqlalchemy as sa

from allocator.common import constraints
from allocator.common import states
from allocator.db import allocations
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests import pools
from allocator.tests.unit.api import allocating
from allocator.tests.unit.conductor import queueing

priorities = st.integers(-2, 2)
requests = pools.requests.flatmap(lambda asked: priorities.map(
    lambda priority: asked | {'priority': priority}))


class ConstraintModelTests(queueing.ServingTestCase):
    """Whoever is served, the rules of the order hold."""

    @hypothesis.settings(max_examples=25, deadline=None)
    @hypothesis.given(pools.machines.filter(bool),
                      st.lists(requests, min_size=1, max_size=8), st.data())
    def test_no_node_idle_and_nobody_overtaken(self, pool, wanted, data):
        self.clear()
        for machine in pool:
            machine.maintenance = False
            [node] = self.free_later(
                1, sorted(machine.traits), properties=machine.properties(),
                owner=machine.owner, lessee=machine.lessee)
            machine.uuid = node.uuid
        self.order = {}
        for asked in wanted:
            asked['excluded'] = {pool[number].uuid
                                 for number in asked['excluded']
                                 if number < len(pool)}
            self.order[self.ask(asked)] = asked
        while pool:
            if data.draw(st.booleans()):
                self.change(data.draw(st.sampled_from(list(self.order))),
                            data.draw(priorities))
            count = data.draw(st.integers(1, len(pool)))
            self.release(*pool[:count])
            self.serve()
            self.check(pool[:count])
            pool = pool[count:]

    def clear(self):
        with session.writer() as connection:
            for model in (models.Node, models.WaiterCandidate, models.Waiter,
                          models.Allocation):
                connection.execute(sa.delete(model))
        known_profiles.forget()

    def ask(self, asked):
        return self.wait(
            60, traits=sorted(asked['traits']), owner=asked['owner'],
            priority=asked['priority'], constraints={
                name: asked[name] for name in constraints.FIELDS
                if name in asked} | {
                'excluded_nodes': sorted(asked['excluded'])})

    def change(self, uuid, priority):
        """Give another priority to one that waits."""
        if allocations.get(uuid).state != states.WAITING:
            return
        answer = self.api.patch('%s/%s' % (allocating.OWN_URL, uuid), [
            {'op': 'add', 'path': '/priority', 'value': priority}])
        self.assertEqual(200, answer.status, answer)
        self.order[uuid]['priority'] = priority

    def check(self, released):
        """Check who has got the nodes that are free since, and who not."""
        rows = {uuid: allocations.get(uuid) for uuid in self.order}
        waiting = [row for row in rows.values()
                   if row.state == states.WAITING]
        for machine in released:
            wanting = [self.place(row) for row in waiting
                       if self.suits(machine, row)]
            instance = fixtures.get_node(machine.uuid).instance_uuid
            if instance is None:
                self.assertEqual([], wanting)
                continue
            self.assertTrue(self.suits(machine, rows[instance]))
            self.assertEqual([], [place for place in wanting
                                  if place < self.place(rows[instance])])

    def place(self, row):
        return -self.order[row.uuid]['priority'], row.id

    def suits(self, machine, row):
        asked = self.order[row.uuid]
        return (machine.uuid not in asked['excluded']
                and pools.suits(machine, asked))
