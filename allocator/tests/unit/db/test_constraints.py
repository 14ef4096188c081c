# SPDX-License-Identifier: Apache-2.0
"""Selection under constraints, compared with a plain reading of the rules."""

from oslotest import base

from allocator.tests import fixtures
from allocator.tests import pools


class SelectionTests(pools.SelectionTests, base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())
