# SPDX-License-Identifier: Apache-2.0
"""Test cases that talk to a service of their own."""

from typing import Any

import fixtures
import testtools

import allocatorclient
from allocatorclient.tests.unit import service

# Seconds for one test.
TIMEOUT = 60


class ServiceTests(testtools.TestCase):
    """Tests with a service, and a client of it."""

    newest = '1.2'

    def setUp(self) -> None:
        super().setUp()
        # A command that waits for ever fails, and holds up nobody.
        self.useFixture(fixtures.Timeout(TIMEOUT, gentle=True))
        self.useFixture(fixtures.EnvironmentVariable('no_proxy', '127.0.0.1'))
        self.service = self.useFixture(service.Service(self.newest))
        self.allocator: Any = self.connect().allocator

    def connect(self, **options: Any) -> allocatorclient.Connection:
        """Connect without authentication."""
        connection = allocatorclient.connect(
            load_yaml_config=False, load_envvars=False, auth_type='none',
            auth={'endpoint': self.service.endpoint}, **options)
        self.addCleanup(connection.close)
        return connection
