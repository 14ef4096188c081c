# SPDX-License-Identifier: Apache-2.0
"""Runs the declarative HTTP tests in gabbits/ against the application."""

import os

from gabbi import driver

from allocator.tests.unit.api import gabbi_fixtures

DIRECTORY = os.path.join(os.path.dirname(__file__), 'gabbits')


def load_tests(loader, tests, pattern):
    """Provide the tests to the loader: one suite for each file."""
    return driver.build_tests(
        DIRECTORY, loader, intercept=lambda: gabbi_fixtures.application,
        fixture_module=gabbi_fixtures, test_loader_name=__name__)
