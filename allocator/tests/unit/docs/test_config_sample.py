# SPDX-License-Identifier: Apache-2.0
"""The sample configuration shows what the processes know, and as they do."""

import re

import testtools

from allocator.common import rpc
from allocator.tests.unit.docs import checkout
from allocator.tests.unit.docs import registered

GENERATOR = checkout.ROOT / 'tools/config/allocator-config-generator.conf'

# As the generator does it, but with values instead of text.
LIST_SAMPLE = '''
import json, sys
from importlib import metadata

namespaces = sys.argv[1].split(',')

def entries(group):
    return [entry for name in namespaces
            for entry in metadata.entry_points(group=group, name=name)]

for entry in entries('oslo.config.opts.defaults'):
    entry.load()()
found = {}
for entry in entries('oslo.config.opts'):
    for group, options in entry.load()():
        name = str(getattr(group, 'name', group) or 'DEFAULT')
        for option in options:
            found[name + '.' + option.dest] = repr(option.default)
print(json.dumps(found))
'''

# Chosen by each command for itself.
OWN_DEFAULTS = {'DEFAULT.auth_strategy'}


def list_sample():
    """Read what the generator shows.

    :returns: dict of defaults by "group.name"
    """
    return registered.run_code(LIST_SAMPLE, ','.join(re.findall(
        '^namespace = (.+)$', GENERATOR.read_text(), re.MULTILINE)))


class ConfigSampleTests(testtools.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sample = list_sample()
        cls.registered = registered.defaults()

    def test_options_that_nothing_registers_are_not_offered(self):
        """Once, there was a backdoor_port that opened none."""
        self.assertEqual(set(), set(self.sample).difference(self.registered))

    def test_defaults_are_those_of_the_processes(self):
        """Once, control_exchange, backends and others were the libraries'."""
        self.assertEqual({}, {
            name: (shown, self.registered[name])
            for name, shown in self.sample.items()
            if name in self.registered and shown != self.registered[name]
            and name not in OWN_DEFAULTS})

    def test_defaults_that_the_guide_names_are_in_force(self):
        """Once, they were set in copies of oslo.messaging's options."""
        text = (checkout.DOC / 'admin' / 'tuning.rst').read_text()
        for name, value in rpc.RABBIT_DEFAULTS.items():
            self.assertRegex(text, r'``%s`` to\s+%s\b' % (name, value))
            self.assertEqual(repr(value), self.registered[
                'oslo_messaging_rabbit.' + name])

    def test_own_options_are_offered(self):
        self.assertLessEqual(
            {'DEFAULT.host', 'api.port', 'conductor.workers',
             'database.connection', 'oslo_messaging_rabbit.ssl'},
            set(self.sample))
        self.assertLess(150, len(self.sample))
