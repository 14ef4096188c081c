# SPDX-License-Identifier: Apache-2.0
"""allocator-status upgrade check: each outcome of each check."""

import datetime
import os
import socket
from unittest import mock

import fixtures
from oslo_upgradecheck import common_checks
from oslo_utils import timeutils
import testtools

from allocator.cmd import status
from allocator.common import policy
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import migration
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures as service_fixtures


class CheckTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(service_fixtures.Configuration())
        self.useFixture(service_fixtures.Database())
        self.checks = status.Checks()

    def assert_result(self, code, details, result):
        self.assertEqual(code, result.code, result.details)
        if details is None:
            self.assertIsNone(result.details)
        else:
            self.assertIn(details, result.details)

    def lose_database(self):
        session.dispose()
        CONF.set_override('connection', 'mysql+pymysql://a:b@127.0.0.1:1/c',
                          group='database')

    def test_schema_at_head(self):
        migration.stamp('head')
        self.assert_result(status.SUCCESS, None, self.checks._schema())

    def test_schema_missing(self):
        self.assert_result(status.FAILURE, 'Run "allocator-dbsync upgrade"',
                           self.checks._schema())

    def test_database_away(self):
        self.lose_database()
        for check in (self.checks._schema, self.checks._database,
                      self.checks._pending):
            self.assert_result(status.FAILURE,
                               'The database cannot be asked', check())

    def test_no_database_configured(self):
        CONF.set_override('connection', None, group='database')
        self.assert_result(status.FAILURE, 'connection is not set',
                           self.checks._schema())

    def test_nothing_is_pending_without_a_schema(self):
        models.Base.metadata.drop_all(session.get_engine())
        self.assert_result(status.SUCCESS, None, self.checks._pending())

    def test_nothing_is_pending_for_long(self):
        migration.stamp('head')
        self.add_pending(59)
        self.assert_result(status.SUCCESS, None, self.checks._pending())

    def test_something_is_pending_for_long(self):
        migration.stamp('head')
        first = self.add_pending(62)
        self.add_pending(61)
        self.assert_result(
            status.WARNING, '2 allocations have been in state "allocating" '
            'for more than an hour, first %s.' % first,
            self.checks._pending())

    def add_pending(self, minutes):
        values = {'uuid': allocations.new_uuid(), 'state': 'allocating',
                  'resource_class': 'metal', 'traits': [], 'extra': {},
                  'candidate_nodes': [], 'created_at': (
                      timeutils.utcnow() - datetime.timedelta(
                          minutes=minutes))}
        with session.writer() as connection:
            allocations.insert(connection, values)
        return values['uuid']

    def policy_file(self, name, text):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, name)
        with open(path, 'w') as file:
            file.write(text)
        policy.set_defaults()
        self.configuration.set('policy_file', path, group='oslo_policy')
        return common_checks.check_policy_json(self.checks, CONF)

    def test_policy_that_the_api_would_not_start_with(self):
        """Once, the check called a file fine that ends the API's start."""
        for text in ('"baremetal:allocation:get": [', '- a list'):
            self.policy_file('policy.yaml', text)
            self.assert_result(status.FAILURE, 'the API does not start',
                               self.checks._policies())
            self.assertRaises(SystemExit, policy.require_files)

    def test_policy_that_the_api_can_read(self):
        self.policy_file('policy.yaml', '"baremetal:allocation:get": "!"\n')
        self.assert_result(status.SUCCESS, None, self.checks._policies())

    def test_policy_in_yaml(self):
        self.assert_result(status.SUCCESS, None, self.policy_file(
            'policy.yaml', '"baremetal:allocation:get": "!"\n'))

    def test_policy_in_json(self):
        self.assert_result(status.FAILURE, 'JSON', self.policy_file(
            'policy.json', '{"baremetal:allocation:get": "!"}'))


class VersionTests(testtools.TestCase):
    """Which versions of a database can serve."""

    def judge(self, name, *version, is_mariadb=False):
        dialect = mock.Mock(spec_set=['name', 'server_version_info',
                                      'is_mariadb'])
        dialect.configure_mock(server_version_info=version,
                               is_mariadb=is_mariadb)
        dialect.name = name
        return status._judge(dialect).code

    def test_mariadb(self):
        self.assertEqual(status.SUCCESS,
                         self.judge('mysql', 10, 6, 0, is_mariadb=True))
        self.assertEqual(status.FAILURE,
                         self.judge('mysql', 10, 5, 27, is_mariadb=True))

    def test_mysql(self):
        self.assertEqual(status.SUCCESS, self.judge('mysql', 8, 0, 4))
        self.assertEqual(status.FAILURE, self.judge('mysql', 5, 7, 44))

    def test_postgresql(self):
        self.assertEqual(status.SUCCESS, self.judge('postgresql', 12, 1))
        self.assertEqual(status.FAILURE, self.judge('postgresql', 11, 22))

    def test_sqlite_is_for_one_process(self):
        self.assertEqual(status.WARNING, self.judge('sqlite', 3, 45, 0))


class BusTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(service_fixtures.Configuration())
        self.configuration.set('connection', 'mysql+pymysql://a@127.0.0.1/b',
                               group='database')

    def check(self, url):
        self.configuration.set('transport_url', url)
        return status.Checks()._bus()

    def test_within_the_process(self):
        self.assertEqual(status.SUCCESS, self.check('fake://').code)

    def test_unreachable(self):
        result = self.check('rabbit://a:b@127.0.0.1:1/')
        self.assertEqual(status.FAILURE, result.code)
        self.assertIn('did not take a message', result.details)

    def test_silent(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.cmd.status.BUS_TIMEOUT', 0.2))
        with socket.socket() as silent:
            silent.bind(('127.0.0.1', 0))
            silent.listen()
            result = self.check('rabbit://a:b@127.0.0.1:%d/'
                                % silent.getsockname()[1])
        self.assertEqual(status.FAILURE, result.code)
        self.assertIn('no answer in', result.details)
