# SPDX-License-Identifier: Apache-2.0
"""Test classes, one for each database."""

import sys

import testtools
from testtools import content
from testtools import content_type

from allocator.tests.functional import databases
from allocator.tests.functional import fixtures

_NAMES = {databases.SQLITE: 'SQLite', databases.MYSQL: 'MySQL',
          databases.POSTGRESQL: 'PostgreSQL'}


def per_database(*kinds):
    """Make a test class of a mixin for each database under test.

    :param kinds: those that the tests are meant for; all unless given
    """
    def decorate(mixin):
        module = sys.modules[mixin.__module__]
        for kind in databases.under_test():
            if kind in (kinds or databases.ALL):
                name = mixin.__name__ + 'On' + _NAMES[kind]
                setattr(module, name, type(name, (mixin, testtools.TestCase), {
                    '__module__': mixin.__module__, '__qualname__': name,
                    '__doc__': mixin.__doc__, 'kind': kind}))
        return mixin
    return decorate


class ServiceTests:
    """Tests that share one service; each begins with empty tables.

    :cvar conductors: number of conductors
    :cvar options: configuration options by section
    """

    conductors = 2
    options = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = fixtures.Service(cls.kind, conductors=cls.conductors,
                                       options=cls.options)
        cls.service.setUp()
        cls.addClassCleanup(cls.service.cleanUp)
        cls.client = cls.service.client

    def setUp(self):
        super().setUp()
        starts = {process: len(process.read_log())
                  for process in self.service.processes}
        self.addOnException(lambda _exc_info: self._attach_logs(starts))
        self.addCleanup(self.service.wipe)

    def _attach_logs(self, starts):
        for process, start in starts.items():
            text = process.read_log(start)
            self.addDetail(process.name + '.log', content.Content(
                content_type.UTF8_TEXT, lambda text=text: [text]))
