# SPDX-License-Identifier: Apache-2.0
"""Commands are described, and named, as they take their arguments."""

import argparse
import itertools
import re

from oslotest import base

from allocator.cmd import dbsync
from allocator.cmd import manage
from allocator.cmd import status
from allocator.tests import guides
from allocator.tests.unit.docs import checkout

COMMANDS = {'allocator-dbsync': dbsync, 'allocator-manage': manage,
            'allocator-status': status}

# What stands for a value in a synopsis.
VALUES = {'COUNT': '3', 'DAYS': '30', 'MESSAGE': 'why', 'NAME': 'east',
          'REVISION': 'head', 'SECONDS': '5', 'UUID': 'some',
          'table|json': 'json'}

# Who tells an operator what to call.
TOLD = ('README.rst', 'CONTRIBUTING.rst', 'client/README.rst',
        'etc/allocator/README.rst', 'etc/prometheus/alerts.yaml',
        'etc/prometheus/README.rst')

_SYNOPSIS = re.compile(r'(?m)^``(allocator-\w+) ([^`\n]+)``$')
_NAMED = re.compile(r'\b(allocator-(?:dbsync|manage|status))'
                    r'((?:\s+(?:--config-file \S+|[a-z-]\S*))+)')
# Every command takes it, before the others.
_CONFIG_FILE = re.compile(r'--config-file \S+')
# In a sentence, in YAML, or in a line of its own.
_QUOTED = re.compile(r'(?m)``([^`]+)``|"([^"\n]+)"'
                     r'|^ +(?:\$ )?(/?[\w/.]*allocator-\w+ [^`"\n]*)$')
_OPTION = re.compile(r'(?<![\w-])--?[a-z][a-z-]*')


class Refused(Exception):
    """The command line is wrong."""


class _Parser(argparse.ArgumentParser):

    def error(self, message):
        raise Refused(message)


def parser_of(command):
    """Make the parser of a command, without the options of all commands."""
    parser = _Parser(command)
    COMMANDS[command]._add_commands(parser.add_subparsers(
        dest='name', required=True))
    return parser


def branches(parser):
    """Get the parsers of what comes next, by its name."""
    return {name: choice for action in parser._actions
            if isinstance(action, argparse._SubParsersAction)
            for name, choice in action.choices.items()}


def leaves(parser, *names):
    """List all that can be called.

    :returns: dict of parsers by their names, separated by spaces
    """
    found = {}
    for name, choice in branches(parser).items():
        found |= leaves(choice, *names, name)
    return found or {' '.join(names): parser}


def options_of(parser):
    """List the options of a parser but those that ask for help.

    :returns: list of lists of equivalent ones
    """
    return [action.option_strings for action in parser._actions
            if action.option_strings and action.dest != 'help']


def described():
    """Read the synopses.

    :returns: list of (command, arguments)
    """
    return [found for page in guides.pages('cli') for found
            in _SYNOPSIS.findall(guides.path_of(page).read_text())]


def variants(arguments):
    """Write the command lines of a synopsis: with each optional part, or none.

    :returns: list of lists of words
    """
    parts = [part for part in re.split(r'(\[(?:[^][]|\[[^]]*\])*\])',
                                       arguments) if part.strip()]
    found = []
    for taken in itertools.product(*(
            ([part[1:-1], ''] if part.startswith('[') else [part])
            for part in parts)):
        text = ' '.join(taken)
        if '[' in text:
            found += variants(text)
        else:
            found.append([VALUES.get(word, word) for word in text.split()])
    return found


def _leaf(command, arguments):
    """Find what a synopsis is of.

    :returns: its names, and its parser
    """
    [found] = [(name, parser) for name, parser
               in leaves(parser_of(command)).items()
               if (arguments + ' ').startswith(name + ' ')]
    return found


class SynopsisTests(base.BaseTestCase):

    def test_all_that_can_be_called_is_described_once(self):
        for command in COMMANDS:
            told = [_leaf(name, arguments)[0] for name, arguments
                    in described() if name == command]
            self.assertEqual(sorted(leaves(parser_of(command))),
                             sorted(told))

    def test_each_option_is_described(self):
        for command, arguments in described():
            name, parser = _leaf(command, arguments)
            told = set(_OPTION.findall(arguments))
            for equivalent in options_of(parser):
                # "--json" is told in the text below.
                if equivalent != ['--json']:
                    self.assertTrue(told.intersection(equivalent),
                                    (command, name, equivalent))

    def test_what_is_described_is_taken(self):
        count = 0
        for command, arguments in described():
            for words in variants(arguments):
                parser_of(command).parse_args(words)
                count += 1
        self.assertLess(25, count)

    def test_nonsense_would_not_be_taken(self):
        for words in (['purge', '--all'], ['purge', '--limit', 'many'],
                      ['backend'], ['write', 'retry']):
            self.assertRaises(
                Refused, parser_of('allocator-manage').parse_args, words)


class NameTests(base.BaseTestCase):

    def names(self):
        """List what sentences and examples name.

        :returns: list of (place, command, words)
        """
        texts = {page: guides.path_of(page).read_text()
                 for page in guides.pages('')}
        texts |= {name: (checkout.ROOT / name).read_text() for name in TOLD}
        for place, text in texts.items():
            for quoted in _QUOTED.findall(text):
                for command, words in _NAMED.findall(''.join(quoted)):
                    yield place, command, _CONFIG_FILE.sub('', words).split()

    def test_each_is_one_that_there_is(self):
        count = 0
        for place, command, words in self.names():
            parser = parser_of(command)
            for word in words:
                if not branches(parser):
                    break
                self.assertIn(word, branches(parser), (place, command, words))
                parser = branches(parser)[word]
                count += 1
            known = set(itertools.chain(*options_of(parser)))
            if not branches(parser):
                for option in _OPTION.findall(' '.join(words)):
                    self.assertIn(option, known, (place, command, words))
        self.assertLess(50, count)
