# SPDX-License-Identifier: Apache-2.0
"""The options of backends, as files have them."""

import os

import fixtures
from oslo_config import cfg
import testtools

from allocator.backends import client
from allocator.backends import exception
from allocator.conf import backend
from allocator.conf import CONF
from allocator.conf import opts
from allocator.tests import fixtures as service_fixtures
from allocator.tests.backends import configured


class OptionTests(testtools.TestCase):

    def parse(self, text):
        """Read a configuration file of its own."""
        path = os.path.join(self.useFixture(fixtures.TempDir()).path,
                            'allocator.conf')
        with open(path, 'w') as file:
            file.write(text)
        conf = cfg.ConfigOpts()
        backend.register_opts(conf)
        conf(['--config-file', path], project='allocator')
        return conf

    def test_there_is_none_by_default(self):
        self.assertEqual([], backend.backends(self.parse('')))

    def test_defaults(self):
        conf = self.parse('[DEFAULT]\nenabled_backends = east\n')
        self.assertEqual(['east'], backend.backends(conf))
        east = conf.east
        self.assertEqual(
            (None, [], [], [], [], True, 5.0, 600.0, 8, 90.0, 120.0),
            (east.public_url, east.shard, east.conductor_group, east.owner,
             east.resource_class, east.allocate, east.poll_interval,
             east.sweep_interval, east.max_requests, east.request_timeout,
             east.stale_after))
        self.assertEqual('baremetal', east.service_type)
        self.assertEqual(['internal', 'public'], east.valid_interfaces)

    def test_each_backend_has_options_of_its_own(self):
        conf = self.parse('''
[DEFAULT]
enabled_backends = east, west
[east]
auth_type = none
endpoint_override = http://192.0.2.1:6385
shard = a, b
[west]
auth_type = http_basic
allocate = false
max_requests = 2
''')
        self.assertEqual(['east', 'west'], backend.backends(conf))
        self.assertEqual(['a', 'b'], conf.east.shard)
        self.assertEqual('http://192.0.2.1:6385', conf.east.endpoint_override)
        self.assertEqual([], conf.west.shard)
        self.assertEqual((True, False),
                         (conf.east.allocate, conf.west.allocate))
        self.assertEqual(2, conf.west.max_requests)

    def test_asking_again_changes_nothing(self):
        conf = self.parse('[DEFAULT]\nenabled_backends = east\n')
        self.assertEqual(backend.backends(conf), backend.backends(conf))

    def test_names_that_cannot_be_taken(self):
        for names in ('database', 'API', 'oslo_policy', 'a b', 'x' * 64,
                      'east, east', 'East, east', '-east', 'DEFAULT'):
            conf = self.parse('[DEFAULT]\nenabled_backends = %s\n' % names)
            exc = self.assertRaises(cfg.ConfigFileValueError,
                                    backend.backends, conf)
            self.assertIn('enabled_backends', str(exc), names)

    def test_every_group_of_this_service_is_reserved(self):
        for group, _opts in opts.list_opts():
            if group != backend.SAMPLE_GROUP:
                self.assertIn(group.lower(), backend._RESERVED)

    def test_numbers_have_a_least_value(self):
        for option in ('poll_interval = 0', 'sweep_interval = 0',
                       'max_requests = 0', 'request_timeout = 0',
                       'stale_after = 0'):
            conf = self.parse('[DEFAULT]\nenabled_backends = east\n'
                              '[east]\n%s\n' % option)
            backend.backends(conf)
            self.assertRaises(cfg.ConfigFileValueError, getattr, conf.east,
                              option.split()[0])

    def test_the_sample_has_an_option_once(self):
        sample = dict(opts.list_opts())[backend.SAMPLE_GROUP]
        names = [opt.dest for opt in sample]
        self.assertEqual(len(set(names)), len(names))
        for name in ('auth_type', 'auth_url', 'username', 'system_scope',
                     'region_name', 'service_type', 'endpoint_override',
                     'cafile', 'public_url', 'stale_after'):
            self.assertIn(name, names)
        for name in ('timeout', 'version', 'min_version', 'max_version'):
            self.assertNotIn(name, names)


class MisconfiguredTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(service_fixtures.Configuration())

    def test_authentication_must_be_chosen(self):
        backend.register(CONF, 'east')
        exc = self.assertRaises(exception.Misconfigured, client.Client,
                                'east')
        self.assertIn('auth_type', str(exc))

    def test_an_unknown_authentication_is_said(self):
        backend.register(CONF, 'east')
        CONF.set_override('auth_type', 'no-such', group='east')
        self.addCleanup(CONF.clear_override, 'auth_type', group='east')
        exc = self.assertRaises(exception.Misconfigured, client.Client,
                                'east')
        self.assertIn('no-such', str(exc))

    def test_wrong_interfaces_are_said(self):
        self.useFixture(configured.Backend(
            'east', 'http://192.0.2.1:6385', valid_interfaces=['inside']))
        exc = self.assertRaises(exception.Misconfigured, client.Client,
                                'east')
        self.assertIn('inside', str(exc))

    def test_without_any_endpoint_nothing_is_sent(self):
        self.useFixture(configured.Backend('east', None))
        exc = self.assertRaises(exception.NotSent,
                                client.Client('east').get_node, 'n1')
        self.assertIn('endpoint_override', str(exc))
