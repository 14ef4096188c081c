# SPDX-License-Identifier: Apache-2.0
"""What the commands take becomes what the API takes."""

import argparse

import testtools

from allocatorclient.osc import arguments


class Refusing(argparse.ArgumentParser):

    def error(self, message):
        raise ValueError(message)


class ArgumentTests(testtools.TestCase):

    def parse(self, *words):
        parser = Refusing(exit_on_error=False)
        arguments.add_request(parser)
        arguments.add_waiting(parser)
        return arguments.given(parser.parse_args(words), *arguments.REQUEST,
                               *arguments.WAITING)

    def test_what_is_not_said_is_not_sent(self):
        self.assertEqual({}, self.parse())

    def test_every_flag(self):
        self.assertEqual({
            'name': 'a', 'resource_class': 'x', 'owner': 'p',
            'candidate_nodes': ['n1', 'n2'], 'excluded_nodes': ['n3'],
            'traits': ['A', 'B'], 'forbidden_traits': ['C'],
            'any_traits': [['D', 'E'], ['F']],
            'preferred_traits': [{'trait': 'G', 'weight': 50}],
            'properties': {'cpus': {'>=': 8, '<=': 32}, 'arch': {'=': 'x'}},
            'wait_timeout': 7200, 'priority': -10,
        }, self.parse(
            '--name', 'a', '--resource-class', 'x', '--owner', 'p',
            '--candidate-node', 'n1', '--candidate-node', 'n2',
            '--exclude-node', 'n3', '--trait', 'A', '--trait', 'B',
            '--forbid-trait', 'C', '--any-trait', 'D, E', '--any-trait', 'F',
            '--prefer-trait', 'G=50', '--property', 'cpus>=8', '--property',
            'cpus <= 32', '--property', 'arch=x', '--wait-timeout', '2h',
            '--priority', '-10'))

    def test_nonsense_is_refused_with_what_to_write(self):
        for words, hint in ((('--any-trait', 'A,,B'), 'TRAIT,TRAIT'),
                            (('--prefer-trait', 'A'), 'TRAIT=WEIGHT'),
                            (('--prefer-trait', 'A=-1'), 'TRAIT=WEIGHT'),
                            (('--property', 'cpus'), 'NAME OPERATOR VALUE'),
                            (('--wait-timeout', '1y'), '1h30m'),
                            (('--property', 'a=1', '--property', 'a=2'),
                             'compared twice')):
            error = self.assertRaises((ValueError, argparse.ArgumentError),
                                      self.parse, *words)
            self.assertIn(hint, str(error))


class NumberTests(testtools.TestCase):

    def test_limits_begin_with_1(self):
        self.assertEqual(1000, arguments.positive('1000'))
        for text in ('0', '-1', '1.0', '', 'x', '٣'):
            self.assertRaises(argparse.ArgumentTypeError,
                              arguments.positive, text)


class ComparisonTests(testtools.TestCase):

    def test_each_operator(self):
        for text, expected in (
                ('memory_mb>=262144', ('memory_mb', '>=', 262144)),
                ('cpus <= 32', ('cpus', '<=', 32)),
                ('load>=0.5', ('load', '>=', 0.5)),
                ('arch=x86_64', ('arch', '=', 'x86_64')),
                ('arch != arm', ('arch', '!=', 'arm')),
                ('arch in x86_64, arm', ('arch', 'in', ['x86_64', 'arm'])),
                ('cpus  not  in 8,16', ('cpus', 'not in', [8, 16])),
                ('capabilities:boot_mode=uefi',
                 ('capabilities:boot_mode', '=', 'uefi')),
                ('pinned=a=b', ('pinned', '=', 'a=b'))):
            self.assertEqual(expected, arguments.comparison(text), text)

    def test_what_only_looks_like_a_number_stays_text(self):
        for value in ('007', '1e5', 'nan', 'inf', '1_000', '1.50', 'True'):
            self.assertEqual(value, arguments.comparison('a=' + value)[2])

    def test_what_compares_nothing_is_refused(self):
        for text in ('', 'cpus', 'cpus>', '>=5', 'cpus>=', 'cpus 8'):
            self.assertRaises(argparse.ArgumentTypeError,
                              arguments.comparison, text)


class PairTests(testtools.TestCase):

    def test_json_is_what_it_says_and_all_else_is_text(self):
        for text, expected in (('a=1', 1), ('a=b', 'b'), ('a=', ''),
                               ('a={"b": [1]}', {'b': [1]}), ('a="1"', '1'),
                               ('a=b=c', 'b=c'), ('a=null', None)):
            self.assertEqual(('a', expected), arguments.pair(text))

    def test_what_is_no_pair_is_refused(self):
        for text in ('', 'a', '=1'):
            self.assertRaises(argparse.ArgumentTypeError, arguments.pair,
                              text)
