# SPDX-License-Identifier: Apache-2.0
"""Random small pools, and a plain reading of the rules to compare with."""

import contextlib
import dataclasses

import fixtures as base_fixtures
import hypothesis
from hypothesis import strategies as st
from oslo_utils import uuidutils
import sqlalchemy as sa

from allocator.common import constraints
from allocator.db import candidates
from allocator.db import census
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import session
from allocator.db import suitability
from allocator.db import taking
from allocator.tests import fixtures

_allocation = models.Allocation.__table__
_node = models.Node.__table__

TRAITS = ['CUSTOM_' + letter for letter in 'ABCD']
MEMORY = [4, 8, '8', 16, 'much']
MODES = ['uefi', 'bios']

traits = st.sets(st.sampled_from(TRAITS), max_size=3)


@dataclasses.dataclass
class Machine:
    """A node, as the rules see it."""

    traits: set
    memory: object
    mode: object
    owner: object
    lessee: object
    maintenance: bool
    uuid: str = ''

    def properties(self):
        found = {} if self.memory is None else {'memory_mb': self.memory}
        if self.mode is not None:
            found['capabilities'] = 'other:1,boot_mode:' + self.mode
        return found


machines = st.lists(st.builds(
    Machine, traits=traits, memory=st.sampled_from([None, *MEMORY]),
    mode=st.sampled_from([None, *MODES]),
    owner=st.sampled_from([None, None, 'p', 'q']),
    lessee=st.sampled_from([None, None, None, 'p']),
    maintenance=st.sampled_from([False, False, False, True])), max_size=10)

properties = st.fixed_dictionaries({}, optional={
    'memory_mb': st.dictionaries(
        st.sampled_from(['>=', '<=']), st.sampled_from([4, 8, '8', 16]),
        max_size=2) | st.dictionaries(
        st.sampled_from(['=', '!=']), st.sampled_from(MEMORY), max_size=2)
    | st.dictionaries(
        st.sampled_from(['in', 'not in']),
        st.lists(st.sampled_from(MEMORY), min_size=1, max_size=2),
        max_size=2),
    'capabilities:boot_mode': st.dictionaries(
        st.sampled_from(['=', '!=']), st.sampled_from(MODES), max_size=2),
})

requests = st.fixed_dictionaries({
    'traits': st.sets(st.sampled_from(TRAITS), max_size=1),
    'owner': st.sampled_from([None, None, 'p']),
    'forbidden_traits': traits.map(lambda found: sorted(found)[:1]),
    'any_traits': st.lists(traits.filter(bool).map(sorted), max_size=2),
    'preferred_traits': st.dictionaries(
        st.sampled_from(TRAITS), st.integers(1, 5)).map(
        lambda found: [{'trait': trait, 'weight': weight}
                       for trait, weight in found.items()]),
    'properties': properties,
    'excluded': st.sets(st.integers(0, 9), max_size=2),
})


def number(value):
    """Read a number that may be written as a string; None for no number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def same(one, other):
    if number(one) is not None or number(other) is not None:
        return number(one) == number(other)
    return one == other


def holds(found, operator, value):
    """Read one comparison, as the guide tells it."""
    if operator == '>=':
        return number(found) is not None and number(found) >= number(value)
    if operator == '<=':
        return number(found) is not None and number(found) <= number(value)
    if operator == '=':
        return found is not None and same(found, value)
    if operator == '!=':
        return found is None or not same(found, value)
    among = found is not None and any(same(found, one) for one in value)
    return among if operator == 'in' else not among


def suits(machine, request):
    """Read all rules for one machine."""
    if machine.maintenance or not machine.traits >= request['traits']:
        return False
    if machine.traits & set(request['forbidden_traits']):
        return False
    if not all(machine.traits & set(group)
               for group in request['any_traits']):
        return False
    values = {'memory_mb': machine.memory,
              'capabilities:boot_mode': machine.mode}
    if not all(holds(values[name], operator, value)
               for name, operators in request['properties'].items()
               for operator, value in operators.items()):
        return False
    return request['owner'] in (None, machine.owner, machine.lessee)


def rank(machine, request):
    """Say how well a suitable machine suits: the less, the better."""
    weight = sum(item['weight'] for item in request['preferred_traits']
                 if item['trait'] in machine.traits)
    is_owned = request['owner'] is None and bool(
        machine.owner or machine.lessee)
    return is_owned, -weight, len(machine.traits)


class SelectionTests:
    """Tests of who is chosen, on whatever database is open.

    :cvar examples: number of pools
    """

    examples = 150

    def test_as_the_rules_read(self):
        @hypothesis.given(pool=machines, request=requests,
                          sizes=st.tuples(*[st.sampled_from([1, 2, 200])] * 3))
        @hypothesis.settings(
            max_examples=self.examples, deadline=None, database=None,
            print_blob=True,
            suppress_health_check=list(hypothesis.HealthCheck))
        def check(pool, request, sizes):
            self._check(pool, request, sizes)

        check()

    def _check(self, pool, request, sizes):
        """Fill the database and choose.

        :param sizes: limits of allocator.db.candidates, small enough to
            matter
        """
        self._wipe()
        for machine in pool:
            self._add(machine)
        excluded = [pool[number].uuid for number in request['excluded']
                    if number < len(pool)]
        requirement = suitability.requirement_of(self._allocate(
            traits=sorted(request['traits']), owner=request['owner'],
            constraints={name: request[name] for name in constraints.FIELDS
                         if name in request} | {'excluded_nodes': excluded}))
        expected = {machine.uuid: rank(machine, request) for machine in pool
                    if suits(machine, request)
                    and machine.uuid not in excluded}
        known_profiles.forget()
        with contextlib.ExitStack() as patches:
            for name, size in zip(('MANY_PROFILES', 'LOOK', 'FEW_RANKS'),
                                  sizes, strict=True):
                patches.enter_context(base_fixtures.MockPatchObject(
                    candidates, name, size))
            self._compare(requirement, expected)

    def _wipe(self):
        with session.writer() as connection:
            connection.execute(sa.delete(_allocation))
            connection.execute(sa.delete(_node))

    def _add(self, machine):
        machine.uuid = fixtures.add_node(
            sorted(machine.traits), properties=machine.properties(),
            owner=machine.owner, lessee=machine.lessee,
            maintenance=machine.maintenance).uuid

    def _allocate(self, **values):
        """Put an allocation into the table.

        :returns: its row
        """
        plain = {'uuid': uuidutils.generate_uuid(), 'name': None,
                 'resource_class': 'metal', 'state': 'allocating',
                 'traits': [], 'candidate_nodes': [], 'extra': {}}
        with session.writer() as connection:
            id_ = connection.execute(sa.insert(_allocation).values(
                plain | values)).inserted_primary_key[0]
            return connection.execute(sa.select(_allocation).where(
                _allocation.c.id == id_)).one()

    def _compare(self, requirement, expected):
        counted, _sentence = census.take(requirement)
        self.assertEqual(len(expected), counted)
        with session.reader() as connection:
            known_profiles.get().refresh(connection)
            self._check_nodes(
                taking.preview(connection, requirement, None, 20), expected)
            self._check_profiles(requirement)
            self.assertEqual(set(expected), set(connection.execute(
                sa.select(_node.c.uuid).where(
                    *suitability.conditions(requirement))).scalars()))
        with session.writer() as connection:
            self._check_nodes(taking.take(
                connection, requirement, 20, taking.Search()), expected)

    def _check_profiles(self, requirement):
        """Each profile suits by itself if it does among all."""
        known = known_profiles.get()
        suiting = known.suiting(requirement)
        if suiting is not None:
            self.assertEqual(
                {id_ for ids in suiting.values() for id_ in ids},
                {id_ for id_, profile in known._profiles.items()
                 if known_profiles.suits(requirement, profile)})

    def _check_nodes(self, nodes, expected):
        found = [node.uuid for node in nodes]
        self.assertEqual((len(expected), set(expected)),
                         (len(found), set(found)))
        self.assertEqual(sorted(expected.values()),
                         [expected[uuid] for uuid in found])
