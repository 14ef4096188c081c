# SPDX-License-Identifier: Apache-2.0
"""The page on trouble tells of everything that a failure counts."""

import re

import fixtures as base_fixtures
from oslotest import base

from allocator.common import constraints
from allocator.db import backends
from allocator.db import census
from allocator.db import suitability
from allocator.tests import fixtures
from allocator.tests.unit.docs import checkout

# What differs from case to case; as a value, it is written in quotes.
PART = 'PART'

# Asks for everything that an allocation can ask for.
EVERYTHING = suitability.Requirement(
    'metal', traits=(PART,), candidates=('some',), forbidden=(PART, 'other'),
    any_of=((PART,), ('other',)), excluded=('some',), properties=tuple(
        (PART, operator, (PART,) if operator.endswith('in') else PART)
        for operator in constraints.OPERATORS))

_SECTION = re.compile(r'each condition ruled out:\n(.+?)\n\n[^*\n]', re.DOTALL)
_COUNT = re.compile(r'\*([^*\s][^*]*)\*')


class CountTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration()).set(
            'ownerless_allocations', 'unowned', group='conductor')
        for name in ('names', 'eligible'):
            self.useFixture(base_fixtures.MockPatchObject(
                backends, name, return_value=(1,)))

    def test_each_count_is_explained_and_no_other(self):
        said = [name for name, _condition in (
            census._of_state() + census._of_traits(EVERYTHING, census.NAMED)
            + census._others(EVERYTHING))]
        said += [demand.obstacle
                 for demand in census._demands(EVERYTHING, True)]
        page = (checkout.DOC / 'admin' / 'troubleshooting.rst').read_text()
        told = [' '.join(name.split()) for name in _COUNT.findall(
            _SECTION.search(page)[1])]
        self.assertEqual(
            {re.sub('"?%s"?' % PART, '…', name) for name in said}
            - {'with forbidden trait other',
               'without any of the traits other'}, set(told))
        self.assertEqual(len(told), len(set(told)))
        self.assertIn(census.UNCOUNTED, ' '.join(page.split()))
