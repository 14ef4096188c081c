# SPDX-License-Identifier: Apache-2.0
"""What the packages say of themselves."""

import importlib.metadata
import re

import testtools

from allocator.tests.unit.docs import checkout

_REQUIREMENT = re.compile(r'^([\w.-]+).*>=', re.MULTILINE)
_IMPORT = re.compile(r'^\s*(?:import|from) (\w+)', re.MULTILINE)


def _plain(name):
    """Write the name of a distribution in the one of its many ways."""
    return re.sub('[-_.]+', '-', name).lower()


def _imported():
    """List what the service imports.

    :returns: set of names of distributions
    """
    modules: set[str] = set()
    for path in (checkout.ROOT / 'allocator').rglob('*.py'):
        if 'tests' not in path.parts:
            modules.update(_IMPORT.findall(path.read_text()))
    known = importlib.metadata.packages_distributions()
    return {_plain(name) for module in modules
            for name in known.get(module, ())}


class PackagingTests(testtools.TestCase):

    def test_what_is_required_is_imported(self):
        """Two libraries were required that others alone import."""
        required = _REQUIREMENT.findall(
            (checkout.ROOT / 'requirements.txt').read_text())
        self.assertIn('SQLAlchemy', required)
        self.assertEqual(
            set(), set(map(_plain, required)).difference(_imported()))

    def test_the_client_brings_the_licence(self):
        """Its file held nothing but the path of the other one."""
        self.assertEqual(
            (checkout.ROOT / 'LICENSE').read_text(),
            (checkout.ROOT / 'client' / 'LICENSE').read_text())
