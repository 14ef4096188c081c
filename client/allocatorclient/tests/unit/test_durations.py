# SPDX-License-Identifier: Apache-2.0
"""Spans of time, from text and to text."""

import testtools

from allocatorclient import durations


class DurationTests(testtools.TestCase):

    def test_numbers_are_seconds_and_units_add_up(self):
        for text, seconds in (('90', 90), ('0', 0), ('45s', 45), ('2h', 7200),
                              ('3d', 259200), ('1h30m', 5400), ('2w', 1209600),
                              ('1d 2h 3m 4s', 93784), (' 10m ', 600)):
            self.assertEqual(seconds, durations.seconds(text), text)

    def test_anything_else_is_refused(self):
        for text in ('', ' ', 'h', '1.5h', '-1', '1h30', '30m1h', '2H',
                     '1e3', '٣', 'soon', '1y'):
            self.assertRaises(ValueError, durations.seconds, text)

    def test_what_is_written_can_be_read(self):
        for seconds, text in ((0, '0s'), (59, '59s'), (60, '1m'),
                              (5400, '1h30m'), (259200, '3d'),
                              (93784, '1d2h3m4s'), (2592000, '30d')):
            self.assertEqual(text, durations.readable(seconds))
            self.assertEqual(seconds, durations.seconds(text))

    def test_parts_of_a_second_are_left_out(self):
        self.assertEqual('1s', durations.readable(1.9))
