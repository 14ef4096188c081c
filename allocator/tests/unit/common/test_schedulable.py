# SPDX-License-Identifier: Apache-2.0
"""Which properties count, and as what."""

from oslotest import base

from allocator.common import schedulable
from allocator.tests import fixtures


class ValueTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(fixtures.Configuration())

    def values(self, **properties):
        return schedulable.values_of(properties)

    def test_numbers_written_as_strings_are_numbers(self):
        for text in ('262144', ' 262144 ', '262144.0', 262144, 262144.0):
            found = self.values(memory_mb=text)
            self.assertEqual({'memory_mb': 262144}, found)
            self.assertIs(int, type(found['memory_mb']))
        self.assertEqual({'local_gb': 0.5}, self.values(local_gb='0.5'))

    def test_what_is_no_number_stays_text(self):
        for text in ('x86_64', '1e400', 'NaN', 'inf', '0x10', '1_000', '٣'):
            self.assertEqual({'cpu_arch': text}, self.values(cpu_arch=text))

    def test_only_the_configured_ones_count(self):
        self.assertEqual({'cpus': 8}, self.values(cpus=8, vendor='acme'))
        self.configuration.set('schedulable_properties', ['vendor'],
                               group='conductor')
        self.assertEqual({'vendor': 'acme'},
                         self.values(cpus=8, vendor='acme'))

    def test_capabilities_are_properties_of_their_own(self):
        expected = {'capabilities:boot_mode': 'uefi',
                    'capabilities:disks': 4}
        self.assertEqual(expected, self.values(
            capabilities='boot_mode:uefi,disks:4'))
        self.assertEqual(expected, self.values(
            capabilities={'boot_mode': 'uefi', 'disks': '4'}))
        self.assertEqual(
            {'capabilities:profile': 'a:b'},
            self.values(capabilities='profile:a:b,empty:,:nameless,alone'))

    def test_what_describes_no_machine_is_left_out(self):
        for value in (None, [], {}, {'a': 1}, '', ' ', 'x' * 256):
            self.assertEqual({}, self.values(cpu_arch=value))
        self.assertEqual({}, self.values(capabilities=['boot_mode:uefi']))
        self.assertEqual({}, schedulable.values_of(None))

    def test_booleans_are_no_numbers(self):
        self.assertIs(True, self.values(cpus=True)['cpus'])
