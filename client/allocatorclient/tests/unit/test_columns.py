# SPDX-License-Identifier: Apache-2.0
"""What people and programs see of a value."""

import testtools

from allocatorclient.osc import columns
from allocatorclient.v1 import allocation
from allocatorclient.v1 import backend


class ColumnTests(testtools.TestCase):

    def look(self, name, value):
        found = allocation.Allocation.existing(**{name: value})
        return columns.values(found, [name])[0]

    def test_people_see_words_and_programs_what_the_api_has(self):
        for name, value, text in (
                ('wait_timeout', 5400, '1h30m'), ('wait_timeout', 0, '0s'),
                ('traits', ['A', 'B'], 'A, B'),
                ('any_traits', [['A', 'B'], ['C']], 'A or B, C'),
                ('preferred_traits', [{'trait': 'A', 'weight': 5}], 'A=5'),
                ('properties', {'cpus': {'>=': 8}, 'arch': {'in': ['x', 1]}},
                 'cpus >= 8, arch in x|1'),
                ('extra', {'a': 1}, "a='1'")):
            column = self.look(name, value)
            self.assertEqual((text, value), (column.human_readable(),
                                             column.machine_readable()))

    def test_what_is_not_known_is_empty(self):
        for name in ('wait_timeout', 'traits', 'any_traits', 'properties',
                     'preferred_traits'):
            self.assertFalse(self.look(name, None).human_readable())

    def test_fields_have_the_names_of_the_api(self):
        found = allocation.Allocation.existing(uuid='u', node_uuid='n')
        self.assertEqual(('u', 'n', None), columns.values(
            found, ['uuid', 'node_uuid', 'name']))
        self.assertEqual(('east',), columns.values(
            backend.Backend.existing(name='east'), ['name']))

    def test_titles(self):
        self.assertEqual(('UUID', 'Node UUID', 'Open Writes'), columns.titles(
            ['uuid', 'node_uuid', 'open_writes']))
