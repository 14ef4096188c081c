# SPDX-License-Identifier: Apache-2.0
"""Diagrams that are drawn from the code show what the code has."""

import re

from oslotest import base

from allocator.backends import writer
from allocator.db import backend_writes
from allocator.tests.unit.docs import checkout


class WritesTests(base.BaseTestCase):

    def test_each_way_of_a_write_and_no_other(self):
        text = checkout.extension('writes').draw()
        nodes = set(re.findall(r'(?m)^    (\w+) \[label="\w', text))
        self.assertEqual(
            set(backend_writes.ENDS) | {
                '%s_%s' % (wants, outcome)
                for wants, ends in backend_writes.ENDS.items()
                for outcome in ends}, nodes)

    def test_whatever_is_carried_out_has_an_end(self):
        self.assertEqual(set(writer._CARRY_OUT), set(backend_writes.ENDS))


class PageTests(base.BaseTestCase):

    def test_each_file_that_a_diagram_names_is_there(self):
        for path in sorted(checkout.DOC.rglob('*.dot')):
            for name in re.findall(r'"((?:\w+/)+\w+\.py)', path.read_text()):
                self.assertTrue((checkout.ROOT / 'allocator' / name).exists(),
                                (path, name))
