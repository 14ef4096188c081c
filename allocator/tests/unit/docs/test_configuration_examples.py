# SPDX-License-Identifier: Apache-2.0
"""Each line of a configuration that a page shows is one that is understood."""

import json
import re

import testtools

from allocator.tests import guides
from allocator.tests.unit.docs import checkout
from allocator.tests.unit.docs import registered

# Files that an operator copies.
FILES = ('etc/allocator/allocator.conf.example',)

# Sections that somebody else reads, and what tries them.
OTHERS = {
    'Service': 'allocator/tests/functional/test_units.py',  # systemd
}

# "[section] option", also with "= value", in the middle of a sentence. More
# options of the section may follow.
_NAMED = re.compile(r'``\[(\w+)\]\s+(\w+)(?:\s*=\s*([^`]*))?``')

# Reads examples by the options that are registered; those of the section
# "backend" are those of each backend.
JUDGE = registered.REGISTER + '''
from oslo_config import cfg

def judge(text):
    """Say what is wrong with an example."""
    path = sys.argv[1] + '.example'
    with open(path, 'w') as file:
        file.write(text)
    conf = cfg.ConfigOpts()
    sections = dict(groups)
    read = {}
    cfg.ConfigParser(path, read).parse()
    for name in read:
        if name in backends.union(*read.get('DEFAULT', {}).get(
                'enabled_backends', [])):
            sections[name] = sections['backend']
    for group, options in sections.items():
        for name, info in options.items():
            # Those that each ConfigOpts has.
            if name not in ('config_file', 'config_dir'):
                conf.register_opt(info['opt'], (
                    None if group == 'DEFAULT' else group))
    # An example is no whole configuration.
    conf._check_required_opts = lambda *_: None
    conf([], default_config_files=[path], default_config_dirs=[])
    for section, values in read.items():
        for name in values:
            info = sections.get(section, {}).get(name)
            if info is None:
                yield '[%s] %s: there is no such option' % (section, name)
                continue
            try:
                group = conf if section == 'DEFAULT' else conf[section]
                group[name]
            except Exception as exc:
                yield '[%s] %s: %s' % (section, name, exc)

backends = set(json.loads(sys.argv[3]))
print(json.dumps([
    [group + '.' + name for group, options in groups.items()
     for name in options],
    [list(judge(text)) for text in json.loads(sys.argv[2])]]))
'''


def examples():
    """Collect the examples.

    :returns: dict of texts by the place that each is at
    """
    found = {}
    for page in guides.pages(''):
        for number, block in enumerate(guides.blocks(page, 'ini')):
            found['%s, %d' % (page, number)] = block.text
    for name in FILES:
        found[name] = (checkout.ROOT / name).read_text()
    return found


def sentences():
    """Collect what sentences tell to set.

    :returns: dict likewise
    """
    return {
        '%s, ``[%s] %s = %s``' % (page, section, name, value):
            '[%s]\n%s = %s\n' % (section, name, value)
        for page in guides.pages('')
        for section, name, value in _NAMED.findall(
            guides.path_of(page).read_text()) if value}


class ExampleTests(testtools.TestCase):

    # Each of them has a mistake, which is found.
    mistakes = {'unknown': '[conductor]\nworker = 3\n',
                'elsewhere': '[api]\nworkers = 3\n',
                'wrong': '[conductor]\nworkers = many\n'}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.examples = {
            place: text for place, text in examples().items()
            if not set(re.findall(r'(?m)^\[(\w+)\]', text)) & set(OTHERS)}
        texts = cls.examples | sentences() | cls.mistakes
        backends = {
            name.strip() for text in texts.values()
            for names in re.findall(r'(?m)^enabled_backends = (.+)$', text)
            for name in names.split(',')}
        cls.known, verdicts = registered.run_registered(
            JUDGE, json.dumps(list(texts.values())),
            json.dumps(sorted(backends)))
        cls.verdicts = {place: faults for place, faults
                        in zip(texts, verdicts, strict=True) if faults}

    def test_each_option_is_known_and_takes_the_value(self):
        self.assertLess(12, len(self.examples))
        self.assertEqual({}, {place: faults for place, faults
                              in self.verdicts.items()
                              if place not in self.mistakes})

    def test_a_mistake_would_be_found(self):
        self.assertLessEqual(set(self.mistakes), set(self.verdicts))
        self.assertEqual(['[conductor] worker: there is no such option'],
                         self.verdicts['unknown'])

    def test_options_that_sentences_name_are_registered(self):
        named = {(page, '%s.%s' % (section, name))
                 for page in guides.pages('')
                 for section, name, _value in _NAMED.findall(
                     guides.path_of(page).read_text())}
        self.assertLess(50, len(named))
        self.assertEqual(set(), {
            (page, name) for page, name in named if name not in self.known})

    def test_what_somebody_else_reads_is_there(self):
        text = ''.join(examples().values())
        for section, test in OTHERS.items():
            self.assertIn('[%s]\n' % section, text)
            self.assertTrue((checkout.ROOT / test).exists(), test)
