# SPDX-License-Identifier: Apache-2.0
"""What the guides tell to do can be done as it is written."""

import re

from oslotest import base

from allocator.tests.unit.docs import checkout

PAGES = {str(path.relative_to(checkout.ROOT)): path.read_text()
         for folder in ('doc/source', 'etc/allocator', 'devstack', 'client')
         for path in sorted((checkout.ROOT / folder).rglob('*.rst'))
         if 'build' not in path.parts}

_FILES = re.compile(r'(?<![\w/.])(?:etc/allocator|tools)/[\w./*-]*[\w*]')


class InstallationTests(base.BaseTestCase):

    def test_the_service_is_installed_from_a_checkout(self):
        """Its name on the public index is that of another package."""
        for name, text in PAGES.items():
            self.assertNotRegex(
                text, r'pip install[^\n]* [\'"]?allocator\b(?!client)', name)

    def test_extras_that_are_installed_exist(self):
        setup = (checkout.ROOT / 'setup.cfg').read_text()
        [extras] = re.findall(r'^\[extras\]\n(.*?)^\[', setup,
                              re.MULTILINE | re.DOTALL)
        extras = set(re.findall(r'^(\w+) =$', extras, re.MULTILINE))
        told = set()
        for text in PAGES.values():
            told.update(re.findall(r"pip install[^\n]* '\.\[(\w+)\]'", text))
        self.assertLessEqual({'metrics', 'memcached', 'mysql'}, told)
        self.assertEqual(set(), told - extras)

    def test_the_pages_name_files_of_the_checkout_that_are_there(self):
        """What is copied from etc, and what tools are called."""
        told = set()
        for name, text in PAGES.items():
            for file in _FILES.findall(text):
                told.add(file)
                self.assertTrue(list(checkout.ROOT.glob(file)), (name, file))
        self.assertLessEqual({'etc/allocator/allocator.conf.example',
                              'etc/allocator/systemd/*.service'}, told)

    def test_secrets_are_readable_to_the_service_alone(self):
        """Once, the file of users was readable to everybody."""
        text = PAGES['doc/source/install/install.rst']
        commands = text.replace('\\\n', ' ')
        for file in ('allocator.conf', 'htpasswd'):
            self.assertRegex(
                commands,
                r'install -m 640 -g allocator \S+ +/etc/allocator/%s\n' % file)


class EnvironmentTests(base.BaseTestCase):

    def test_an_upgrade_switches_what_the_units_start(self):
        """Once, they started the old release for ever."""
        units = (checkout.ROOT / 'etc/allocator/systemd').glob('*.service')
        [link] = {re.search('^ExecStart=(.*)/bin/', unit.read_text(),
                            re.MULTILINE).group(1) for unit in units}
        made = r'ln -sfn (\S+) %s\n' % link
        [old] = re.findall(made, PAGES['doc/source/install/install.rst'])
        new, back = re.findall(made, PAGES['doc/source/admin/upgrade.rst'])
        self.assertEqual(old, back)
        self.assertNotEqual(old, new)
