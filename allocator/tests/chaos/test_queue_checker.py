# SPDX-License-Identifier: Apache-2.0
"""The checker of those that wait finds what it is there to find."""

import dataclasses
import datetime

import testtools

from allocator.tests.chaos import queue_checker

NOW = datetime.datetime(2026, 1, 1)


@dataclasses.dataclass(frozen=True)
class Row:
    id: int
    state: str = 'waiting'
    traits: tuple = ()
    priority: int | None = None
    wait_timeout: int | None = 10
    created_at: datetime.datetime = NOW
    updated_at: datetime.datetime = NOW + datetime.timedelta(seconds=11)


def rows(*found):
    return {str(row.id): row for row in found}


class PassedOverTests(testtools.TestCase):

    def find(self, before, after, touched=()):
        return [(waits.id, other.id) for waits, other in
                queue_checker.passed_over(
                    before, after, lambda uuid: uuid not in touched)]

    def test_a_younger_one_was_served(self):
        before = rows(Row(1), Row(2))
        after = rows(Row(1), Row(2, 'active'))
        self.assertEqual([(1, 2)], self.find(before, after))
        self.assertEqual([], self.find(before, after, touched=['1']))
        self.assertEqual([], self.find(before, after, touched=['2']))

    def test_one_that_came_meanwhile_was_served(self):
        self.assertEqual([(1, 2)], self.find(
            rows(Row(1)), rows(Row(1), Row(2, 'active'))))

    def test_a_higher_priority_goes_first(self):
        first = Row(2, 'active', priority=1)
        self.assertEqual([], self.find(rows(Row(1)), rows(Row(1), first)))
        low = Row(1, 'active', priority=-1)
        self.assertEqual([(2, 1)], self.find(
            rows(Row(2)), rows(Row(2), low)))

    def test_who_came_while_it_was_served_was_not_passed_over(self):
        after = Row(2, 'active', updated_at=NOW + datetime.timedelta(
            seconds=9))
        self.assertEqual([], self.find(rows(Row(1)), rows(Row(1), after)))

    def test_another_demand_is_none_of_its_business(self):
        self.assertEqual([], self.find(
            rows(Row(1, traits=('A',))),
            rows(Row(1, traits=('A',)), Row(2, 'active'))))

    def test_who_was_served_before_both_looks_is_not_new(self):
        active = Row(2, 'active')
        self.assertEqual([], self.find(rows(Row(1), active),
                                       rows(Row(1), active)))

    def test_who_came_meanwhile_was_not_passed_over(self):
        self.assertEqual([], self.find(
            rows(Row(2)), rows(Row(1), Row(2, 'active'))))


class OtherRuleTests(testtools.TestCase):

    def test_a_failure_before_the_deadline(self):
        second = datetime.timedelta(seconds=1)
        for seconds, expected in ((9, True), (10, False), (11, False)):
            row = Row(1, 'error', updated_at=NOW + seconds * second)
            self.assertEqual(expected, queue_checker.too_early(row))

    def test_a_free_node_beside_somebody_who_waits(self):
        free = {'plain': set(), 'rich': {'A', 'B'}}
        for traits, expected in (((), {'plain', 'rich'}), (('A',), {'rich'}),
                                 (('C',), set())):
            self.assertEqual(expected, queue_checker.idle(
                free, [Row(1, traits=traits)]))
        self.assertEqual(set(), queue_checker.idle(free, []))
