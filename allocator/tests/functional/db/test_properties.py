# SPDX-License-Identifier: Apache-2.0
"""Claims and releases in any order and interleaving, chosen by hypothesis.

A claim may be held before its COMMIT, with all its locks, while other
sessions claim, delete, backfill and change nodes; then it is committed or
rolled back, as when its process is killed.
"""

import contextlib
import threading

import hypothesis
from hypothesis import stateful
from hypothesis import strategies as st
import sqlalchemy as sa

from allocator.common import exception
from allocator.conductor import matching
from allocator.db import backfills
from allocator.db import claims
from allocator.db import models
from allocator.db import node_changes
from allocator.db import releases
from allocator.db import session
from allocator.db import suitability
from allocator.tests.functional import databases
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting
from allocator.tests.functional.db import schema

# Seconds that a held transaction may need to get to its COMMIT.
PATIENCE = 20

TRAITS = st.sampled_from([(), ('CUSTOM_A',), ('CUSTOM_A', 'CUSTOM_B')])

_allocation = models.Allocation.__table__
_node = models.Node.__table__

_here = threading.local()
_writer = session.writer


class _Killed(Exception):
    """Ends a transaction as if its process had been killed."""


@contextlib.contextmanager
def _held_writer(**options):
    """Open a transaction that waits before its COMMIT, if told to."""
    with _writer(**options) as connection:
        yield connection
        held = getattr(_here, 'held', None)
        if held:
            held.wait()


class Held:
    """A claim in a session of its own that waits before its COMMIT."""

    def __init__(self, limit):
        self._limit = limit
        self._reached = threading.Event()
        self._go = threading.Event()
        self._survives = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._reached.wait(PATIENCE):
            raise AssertionError('A claim waits for another session')

    def _run(self):
        _here.held = self
        with contextlib.suppress(_Killed):
            claims.claim_pending(self._limit)

    def wait(self):
        self._reached.set()
        self._go.wait()
        if not self._survives:
            raise _Killed()

    def end(self, survives):
        """Commit or roll back."""
        self._survives = survives
        self._go.set()
        self._thread.join(PATIENCE)


class Machine(stateful.RuleBasedStateMachine):
    """What may happen, and what must hold after each step."""

    engine = None

    def __init__(self):
        super().__init__()
        seeds.wipe(self.engine)
        self._held = []
        self._waiting = []
        self._loop = matching.MatchingLoop()

    # --- What happens ------------------------------------------------------

    @stateful.rule(count=st.integers(1, 3), traits=TRAITS)
    def add_nodes(self, count, traits):
        seeds.add_nodes(self.engine, count, traits)

    @stateful.rule(count=st.integers(1, 4), traits=TRAITS)
    def request(self, count, traits):
        seeds.add_allocations(self.engine, count, traits=list(traits))

    @stateful.precondition(lambda self: len(self._held) < 3)
    @stateful.rule(limit=st.integers(1, 3))
    def hold_a_claim(self, limit):
        self._held.append(Held(limit))

    @stateful.precondition(lambda self: self._held)
    @stateful.rule(which=st.integers(0, 2), survives=st.booleans())
    def end_a_claim(self, which, survives):
        self._held.pop(which % len(self._held)).end(survives)

    @stateful.rule()
    def walk(self):
        self._loop.walk()

    @stateful.rule(choice=st.integers(0, 99))
    def delete(self, choice):
        found = self._read(_allocation)
        if found:
            self._start(releases.delete_allocation,
                        found[choice % len(found)].uuid)

    @stateful.rule(choice=st.integers(0, 99), verb=st.sampled_from(
        ['active', 'deleted', 'manage', 'provide']))
    def provision(self, choice, verb):
        found = self._read(_node)
        if found:
            self._start(node_changes.set_provision_state,
                        found[choice % len(found)].uuid, verb)

    @stateful.rule(choice=st.integers(0, 99))
    def backfill(self, choice):
        found = self._read(_node)
        if found:
            self._start(backfills.backfill, found[choice % len(found)].uuid, {
                'uuid': None, 'name': None, 'resource_class': None,
                'traits': [], 'extra': {}, 'owner': None,
                'candidate_nodes': []})

    def _start(self, function, *args):
        """Do something that may have to wait for a claim that is held."""
        def run():
            with contextlib.suppress(exception.AllocatorException):
                function(*args)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        # What waits for no lock is done before the next step.
        thread.join(0.3 if self._held else PATIENCE)
        self._waiting.append(thread)

    # --- What must hold ----------------------------------------------------

    def _read(self, table):
        with self.engine.connect() as connection:
            return connection.execute(
                sa.select(table).order_by(table.c.id)).all()

    @stateful.invariant()
    def both_sides_agree(self):
        with self.engine.connect().execution_options(
                isolation_level='REPEATABLE READ') as connection:
            allocations = connection.execute(sa.select(_allocation)).all()
            nodes = connection.execute(sa.select(_node)).all()
        active = {(row.id, row.uuid, row.node_id) for row in allocations
                  if row.state == 'active'}
        carried = {(row.allocation_id, row.instance_uuid, row.id)
                   for row in nodes if row.instance_uuid is not None
                   or row.allocation_id is not None}
        assert active == carried, (active, carried)
        assert not [row for row in allocations
                    if row.state != 'active' and row.node_id is not None]

    def teardown(self):
        """Let all come to its end: everybody gets an answer."""
        try:
            for held in self._held:
                held.end(survives=False)
            for thread in self._waiting:
                thread.join(PATIENCE)
                assert not thread.is_alive(), 'a deadlock'
            before = {row.id for row in self._pending()}
            waiting.until(self._settled, PATIENCE, 'nothing is pending')
            self.both_sides_agree()
            self._check_failures(before)
        finally:
            session.dispose()

    def _pending(self):
        return [row for row in self._read(_allocation)
                if row.state == 'allocating']

    def _settled(self):
        self._loop.walk()
        return not self._pending()

    def _check_failures(self, before):
        """Check that nothing failed while a suitable node was free.

        Only of those that failed just now: nothing was freed since.
        """
        for row in self._read(_allocation):
            if row.state == 'error' and row.id in before:
                with self.engine.connect() as connection:
                    free = connection.execute(sa.select(_node.c.id).where(
                        *suitability.conditions(
                            suitability.requirement_of(row)))).all()
                assert not free, (row, free)


@testcase.per_database(*databases.SERVERS)
class PropertyTests:

    def test_any_order_and_interleaving(self):
        self.patch(session, 'writer', _held_writer)
        engine = self.useFixture(schema.Open(self.kind)).database.engine

        class Here(Machine):
            pass

        Here.engine = engine
        stateful.run_state_machine_as_test(Here, settings=hypothesis.settings(
            max_examples=25, stateful_step_count=20, deadline=None,
            database=None, print_blob=True,
            suppress_health_check=list(hypothesis.HealthCheck)))
