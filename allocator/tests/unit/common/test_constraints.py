# SPDX-License-Identifier: Apache-2.0
"""What constraints mean, value by value."""

from oslotest import base

from allocator.common import constraints


def unmet(properties, **asked):
    """List the obstacles of a node with some properties."""
    found = constraints.canonical({'properties': asked})['properties']
    return [demand.obstacle for demand in constraints.property_demands(found)
            if not demand.is_met(frozenset(), properties)]


class PropertyTests(base.BaseTestCase):

    def check(self, good, bad, **asked):
        """Check values of the property x; None stands for none."""
        for value in (*good, *bad):
            properties = {} if value is None else {'x': value}
            self.assertEqual(value in bad, bool(unmet(properties, x=asked)),
                             (value, asked))

    def test_equal(self):
        self.check([8], [None, 7, 'eight'], **{'=': 8})
        self.check([8], [7], **{'=': '8.0'})
        self.check(['uefi'], [None, 'bios', 'UEFI', 1], **{'=': 'uefi'})

    def test_not_equal_holds_for_who_has_none(self):
        self.check([None, 7, 'eight'], [8], **{'!=': 8})

    def test_at_least_and_at_most_take_numbers_alone(self):
        self.check([8, 8.5, 9], [None, 7, '9 or so'], **{'>=': 8})
        self.check([8, 7.5, 0], [None, 9, '7 or so'], **{'<=': 8})

    def test_in_and_not_in(self):
        self.check([8, 'a'], [None, 9, 'b'], **{'in': ['8', 'a']})
        self.check([None, 9, 'b'], [8, 'a'], **{'not in': ['8', 'a']})

    def test_several_must_all_hold(self):
        self.check([4, 5], [3, 6, 7], **{'>=': 4, '<=': 6, '!=': 6})

    def test_booleans_are_words(self):
        """To Python true is 1."""
        for value in (True, 'true', 'True'):
            self.assertEqual([], unmet({'x': True}, x={'=': value}))
            self.assertEqual([], unmet({'x': 'TRUE'}, x={'=': value}))
            self.assertNotEqual([], unmet({'x': 1}, x={'=': value}))
        self.assertNotEqual([], unmet({'x': True}, x={'=': 1}))
        self.assertNotEqual([], unmet({'x': True}, x={'>=': 0}))


class WordTests(base.BaseTestCase):

    def test_what_a_node_is(self):
        for operators, value, words in (
                ({'>=': 262144}, 1, 'with x below 262144'),
                ({'>=': 8}, 'a', 'without a number as x'),
                ({'<=': 8}, 9, 'with x above 8'),
                ({'=': 'uefi'}, 'bios', 'with x other than "uefi"'),
                ({'!=': 'bios'}, 'bios', 'with unwanted x "bios"'),
                ({'in': ['a', 2]}, 'b', 'with x none of 2, "a"'),
                ({'not in': ['b', 'a']}, 'b', 'with x one of "a", "b"')):
            self.assertEqual([words], unmet({'x': value}, x=operators))
        self.assertEqual(['without x'], unmet({}, x={'=': 1, 'in': [1, 2]}))

    def test_it_is_short_and_in_ascii(self):
        """Sentences go into an index, whose bytes are limited."""
        long = '\U0001f980' * 255
        [words] = unmet({'x': 1}, x={'=': long})
        self.assertTrue(words.isascii())
        self.assertLess(len(words), 80)
        name = 'capabilities:' + long
        found = constraints.property_demands([(name, '=', 1)])
        for demand in found:
            self.assertTrue(demand.obstacle.isascii())
            self.assertLess(len(demand.obstacle), 80)


    def test_names_that_look_alike_when_shortened_are_all_asked_for(self):
        names = ['capabilities:' + 'x' * 40 + end for end in 'ab']
        asked = [(name, '=', 1) for name in names]
        for is_whole in (False, True):
            found = constraints.property_demands(asked, is_whole)
            for name in names:
                self.assertTrue(any(
                    not demand.is_met(frozenset(), {name: 1})
                    for demand in found), (name, is_whole))
        self.assertEqual(4, len({demand.obstacle for demand in found}))


class CanonicalTests(base.BaseTestCase):

    def test_nothing_is_empty_tuples(self):
        self.assertEqual({()}, set(constraints.canonical(None).values()))

    def test_what_means_the_same_is_equal(self):
        one, other = map(constraints.canonical, (
            {'forbidden_traits': ['B', 'A'], 'any_traits': [['D', 'C'], ['E']],
             'preferred_traits': [{'trait': 'F', 'weight': 2},
                                  {'trait': 'G', 'weight': 1}],
             'excluded_nodes': ['y', 'x'],
             'properties': {'cpus': {'in': [8, '4', 'a'], '!=': 5},
                            'arch': {'=': True}}},
            {'forbidden_traits': ['A', 'B'], 'any_traits': [['E'], ['C', 'D']],
             'preferred_traits': [{'weight': 1, 'trait': 'G'},
                                  {'weight': 2, 'trait': 'F'}],
             'excluded_nodes': ['x', 'y'],
             'properties': {'arch': {'=': 'True'},
                            'cpus': {'!=': 5.0, 'in': ['a', 4, 8, '8']}}}))
        self.assertEqual(one, other)
        self.assertEqual(hash(tuple(one.values())),
                         hash(tuple(other.values())))

    def test_true_and_one_differ(self):
        one, other = (constraints.canonical({
            'properties': {'x': {'=': value}}}) for value in (True, 1))
        self.assertNotEqual(one, other)
