# SPDX-License-Identifier: Apache-2.0
"""Commands of clients that sentences name are there, with these options."""

from importlib import metadata
import itertools
import re

from oslotest import base

from allocator.tests.unit.docs import checkout

GROUPS = ('openstack.baremetal.v1', 'openstack.allocator.v1')
PLACES = ('doc/source', 'client/doc/source', 'api-ref/source')

_NAMED = re.compile(r'``openstack\s+((?:baremetal|allocator)\s[^`]*)``')
_WORD = re.compile('[a-z]+')
_OPTION = re.compile(r'(?<![\w-])--[a-z][a-z-]*')


def commands():
    """List the commands of the clients that are installed.

    :returns: dict of entry points by the words that call them
    """
    return {point.name.replace('_', ' '): point for group in GROUPS
            for point in metadata.entry_points(group=group)}


def named():
    """List what sentences name, without "openstack"."""
    return {' '.join(text.split()) for place in PLACES
            for suffix in ('rst', 'inc', 'yaml')
            for page in (checkout.ROOT / place).rglob('*.' + suffix)
            for text in _NAMED.findall(page.read_text())}


class NamedCommandTests(base.BaseTestCase):

    def test_what_sentences_name_is_there(self):
        """Once, one told of an option of another command."""
        known = commands()
        found = named()
        self.assertTrue(found)
        for text in found:
            name = ' '.join(itertools.takewhile(_WORD.fullmatch,
                                                text.split()))
            options = set(_OPTION.findall(text)) - {'--help'}
            if not options and any((other + ' ').startswith(name + ' ')
                                   for other in known):
                continue
            self.assertIn(name, list(known), text)
            parser = known[name].load()(None, None).get_parser(name)
            self.assertLessEqual(options, {
                option for action in parser._actions
                for option in action.option_strings}, text)
