# SPDX-License-Identifier: Apache-2.0
"""What is shown of an allocation that is waited for."""

import datetime
import io

import testtools

from allocatorclient.osc import progress
from allocatorclient.v1 import allocation


class Terminal(io.StringIO):

    def isatty(self):
        return True


def make(**values):
    return allocation.Allocation.existing(**{
        'uuid': 'u1', 'state': 'allocating'} | values)


class DescriptionTests(testtools.TestCase):

    def test_each_state(self):
        for values, text in (
                ({}, 'allocating'),
                ({'waiting': True}, 'waiting'),
                ({'waiting': True, 'queue_position': 3, 'reason': 'None.'},
                 'waiting, number 3 in line: None.'),
                ({'state': 'active', 'node_uuid': 'n'}, 'active, node n'),
                ({'state': 'active', 'node_uuid': 'n', 'backend': 'east'},
                 'active, node n of east'),
                ({'state': 'error', 'last_error': 'No.'}, 'error: No.')):
            self.assertEqual(text, progress.describe(make(**values)))

    def test_the_time_that_is_left(self):
        now = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
        for deadline, text in (
                ('2026-01-31T13:30:00.5+00:00', '1h30m left, '),
                ('2026-01-31T11:00:00+00:00', '0s left, '), (None, '')):
            self.assertEqual(text, progress.left(
                make(waiting=True, deadline=deadline), now))


class ProgressTests(testtools.TestCase):

    def test_without_a_terminal_a_change_is_a_line(self):
        stream = io.StringIO()
        shown = progress.Progress(stream)
        for values in ({}, {}, {'waiting': True}, {'waiting': True},
                       {'state': 'active', 'node_uuid': 'n'}):
            shown.show(make(name='a', **values))
        shown.close()
        self.assertEqual('a: allocating\na: waiting\na: active, node n\n',
                         stream.getvalue())

    def test_on_a_terminal_one_line_changes_and_ends_once(self):
        stream = Terminal()
        shown = progress.Progress(stream)
        shown.show(make())
        shown.show(make(waiting=True, reason='x' * 1000))
        shown.close()
        shown.close()
        text = stream.getvalue()
        self.assertEqual(2, text.count('\r\x1b[K'))
        self.assertEqual(1, text.count('\n'))
        self.assertTrue(text.endswith('...\n'))
        self.assertLess(len(text), 500)
