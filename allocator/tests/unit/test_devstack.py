# SPDX-License-Identifier: Apache-2.0
"""The devstack plugin, with stand-ins for devstack's functions."""


from allocator.api import versions
from allocator.api.versions import baremetal
from allocator.conf import backend
from allocator.tests.unit import devstack


class ControllerTests(devstack.PluginTests):
    """One node with everything."""

    def test_settings_name_plugin_and_services(self):
        self.assertEqual('define_plugin allocator',
                         self.run_phases('stack install')[0])

    def test_install(self):
        self.assertEqual(
            ['setup_develop TREE/dest/allocator mysql',
             'install_apache_uwsgi', 'pip_install_gr python-ironicclient',
             'pip_install TREE/dest/allocator/client'],
            self.phase('stack install'))

    def test_post_config(self):
        self.assertEqual(
            ['setup_logging TREE/made/etc/allocator.conf',
             'write_uwsgi_config allocator.wsgi.api:application /baremetal'
             '  allocator-api'],
            self.phase('stack post-config'))

    def test_configuration(self):
        self.phase('stack post-config')
        self.assertEqual({
            'DEFAULT.debug': 'True',
            'database.connection':
                'mysql+pymysql://root:secret@192.0.2.1/allocator'
                '?charset=utf8mb4&plugin=x',
            'DEFAULT.transport_url': 'rabbit://192.0.2.1/allocator',
            'api.public_endpoint': 'http://192.0.2.1/baremetal',
            'keystone_authtoken.username': 'allocator',
        }, self.configuration())
        mode = (self.made / 'etc' / 'allocator.conf').stat().st_mode
        self.assertEqual(0o640, mode & 0o777)
        self.assertEqual(
            {'uwsgi.env': 'OS_ALLOCATOR_CONFIG_FILES=%s/etc/allocator.conf'
                          % self.made,
             # Or Apache answers 503 to some of the refused requests.
             'uwsgi.post-buffering': '65536'},
            self.configuration('allocator-api-uwsgi.ini'))

    def test_a_second_run_begins_anew(self):
        self.phase('stack post-config')
        first = self.configuration()
        self.phase('stack post-config')
        text = (self.made / 'etc' / 'allocator.conf').read_text()
        self.assertEqual(first, self.configuration())
        self.assertEqual(1, text.count('transport_url'))

    def test_extra(self):
        # local.conf is merged into the configuration only after post-config.
        self.assertEqual(
            ['rpc_backend_add_vhost allocator', 'recreate_database allocator',
             'allocator-dbsync --config-file TREE/made/etc/allocator.conf '
             'upgrade',
             'create_service_user allocator',
             'get_or_create_service allocator baremetal '
             'Allocation of bare metal nodes',
             'get_or_create_endpoint baremetal RegionOne '
             'http://192.0.2.1/baremetal',
             # Without it no client of the own API found the service.
             'get_or_create_service allocator-own allocator '
             'Allocation of bare metal nodes, own API',
             'get_or_create_endpoint allocator RegionOne '
             'http://192.0.2.1/baremetal/allocator',
             'run_process allocator-cond TREE/bin/allocator-conductor '
             '--config-file TREE/made/etc/allocator.conf',
             'run_process allocator-api /usr/bin/uwsgi --procname-prefix '
             'allocator-api --ini TREE/made/etc/allocator-api-uwsgi.ini',
             'wait_for_service 60 http://192.0.2.1/baremetal'],
            self.phase('stack extra'))

    def test_an_api_that_does_not_start_is_fatal(self):
        self.phase('stack post-config')
        self.phase('stack extra', expected=1, API_IS_DEAD='yes')

    def test_a_phase_without_work(self):
        self.assertEqual([], self.phase('stack pre-install'))

    def test_stack_makes_everything(self):
        self.run_phases(*devstack.STACK)
        self.assertEqual(
            {'process-allocator-api', 'process-allocator-cond',
             'database-allocator', 'vhost-allocator', 'site-allocator-api',
             'etc/allocator.conf', 'etc/allocator-api-uwsgi.ini'},
            self.things())

    def test_unstack_leaves_configuration_only(self):
        self.run_phases(*devstack.STACK)
        self.assertEqual(
            ['stop_process allocator-api', 'stop_process allocator-cond',
             'rabbitmqctl delete_vhost allocator',
             'mysql -uroot -psecret -h192.0.2.1 -e '
             'DROP DATABASE IF EXISTS allocator;'],
            self.phase('unstack'))
        self.assertEqual(
            {'site-allocator-api', 'etc/allocator.conf',
             'etc/allocator-api-uwsgi.ini'}, self.things())

    def test_unstack_tells_what_it_cannot_remove(self):
        self.assertEqual(
            ['warn The virtual host allocator was not removed',
             'warn The database allocator was not removed'],
            [call for call in self.phase('unstack', SERVERS_ARE_DEAD='yes')
             if call.startswith('warn')])

    def test_clean_leaves_nothing(self):
        self.run_phases(*devstack.STACK)
        self.run_phases('unstack', 'clean')
        self.assertEqual([], list(self.made.iterdir()))

    def test_unstack_and_clean_of_nothing(self):
        self.run_phases('unstack', 'clean')
        self.assertEqual([], list(self.made.iterdir()))


class PostgreSQLTests(devstack.PluginTests):

    SERVER = {'services': 'postgresql,rabbit,key',
              'DATABASE_TYPE': 'postgresql'}

    def test_driver_and_url(self):
        self.assertIn('setup_develop TREE/dest/allocator postgresql',
                      self.phase('stack install', **self.SERVER))
        self.phase('stack post-config', **self.SERVER)
        self.assertEqual(
            'postgresql+psycopg://root:secret@192.0.2.1/allocator'
            '?client_encoding=utf8',
            self.configuration()['database.connection'])

    def test_clean_leaves_nothing(self):
        self.run_phases(*devstack.STACK, **self.SERVER)
        self.run_phases('unstack', 'clean', **self.SERVER)
        self.assertEqual([], list(self.made.iterdir()))


class SubnodeTests(devstack.PluginTests):
    """A node of several, with only the conductor."""

    NODE = {'services': '', 'DISABLED_SERVICES': 'allocator-api'}

    def test_it_makes_nothing_that_all_nodes_share(self):
        self.assertEqual(['setup_logging TREE/made/etc/allocator.conf'],
                         self.phase('stack post-config', **self.NODE))
        self.assertEqual([], [
            call for call in self.phase('stack extra', **self.NODE)
            if not call.startswith('run_process')])
        self.assertNotIn('keystone_authtoken.username', self.configuration())
        self.assertIn('DEFAULT.transport_url', self.configuration())

    def test_it_installs_the_driver_but_no_web_server(self):
        self.assertEqual(['setup_develop TREE/dest/allocator mysql'],
                         self.phase('stack install', **self.NODE))

    def test_it_starts_the_conductor(self):
        self.assertEqual(
            ['run_process allocator-cond TREE/bin/allocator-conductor '
             '--config-file TREE/made/etc/allocator.conf'],
            self.phase('stack extra', **self.NODE))

    def test_unstack_removes_nothing_that_all_nodes_share(self):
        self.assertEqual(
            ['stop_process allocator-api', 'stop_process allocator-cond'],
            self.phase('unstack', **self.NODE))

    def test_clean_leaves_nothing(self):
        self.run_phases(*devstack.STACK, **self.NODE)
        self.run_phases('unstack', 'clean', **self.NODE)
        self.assertEqual([], list(self.made.iterdir()))


class EndpointTests(devstack.PluginTests):

    def endpoints(self, **options):
        """List what is entered into the catalog: type and URL of each."""
        calls = [call.split() for call in self.phase('stack extra', **options)]
        return [(call[1], call[3]) for call in calls
                if call[0] == 'get_or_create_endpoint']

    def entries(self, kind, url):
        return [(kind, url), ('allocator', url + '/allocator')]

    def test_beside_a_bare_metal_service_it_has_another_name(self):
        self.assertEqual(
            self.entries('baremetal-allocation',
                         'http://192.0.2.1/baremetal-allocation'),
            self.endpoints(services=devstack.CONTROLLER + ',ir-api'))

    def test_the_order_of_the_plugins_makes_no_difference(self):
        # Both were "baremetal" where that of ironic came second.
        self.assertEqual(
            self.entries('baremetal-allocation',
                         'http://192.0.2.1/baremetal-allocation'),
            self.endpoints(LATER_SERVICES='ir-api ir-cond'))

    def test_it_can_be_chosen(self):
        self.assertEqual(
            self.entries('nodes', 'http://192.0.2.1/nodes'),
            self.endpoints(ALLOCATOR_SERVICE_TYPE='nodes'))

    def test_tls_proxy_makes_it_https(self):
        services = {'services': devstack.CONTROLLER + ',tls-proxy'}
        self.assertEqual(
            self.entries('baremetal', 'https://192.0.2.1/baremetal'),
            self.endpoints(**services))
        self.assertIn('wait_for_service 60 https://192.0.2.1/baremetal',
                      self.phase('stack extra', **services))
        self.phase('stack post-config', **services)
        self.assertEqual('https://192.0.2.1/baremetal',
                         self.configuration()['api.public_endpoint'])

    def test_the_protocol_can_be_chosen(self):
        self.assertEqual(
            self.entries('baremetal', 'https://192.0.2.1/baremetal'),
            self.endpoints(ALLOCATOR_SERVICE_PROTOCOL='https'))


class BackendTests(devstack.PluginTests):
    """In front of the devstack's own Bare Metal service."""

    IRONIC = 'http://192.0.2.1/baremetal'
    OURS = 'http://192.0.2.1/baremetal-allocation'
    OPTIONS = {'services': devstack.CONTROLLER + ',ir-api,ir-cond',
               'ALLOCATOR_BACKENDS': 'ironic', 'IRONIC_URL': IRONIC}

    def test_the_section_says_where_it_is_and_who_asks(self):
        self.phase('stack post-config', **self.OPTIONS)
        found = self.configuration()
        self.assertEqual('ironic', found['DEFAULT.enabled_backends'])
        self.assertEqual({
            'auth_type': 'password', 'username': 'allocator',
            'auth_url': 'http://192.0.2.1/identity', 'password': 'secret',
            'user_domain_name': 'Default', 'system_scope': 'all',
            'cafile': '/opt/stack/data/ca-bundle.pem',
            'region_name': 'RegionOne', 'service_type': 'baremetal-backend',
            'valid_interfaces': 'public'},
            {name.removeprefix('ironic.'): value
             for name, value in found.items() if name.startswith('ironic.')})

    def test_its_options_are_those_that_the_service_has(self):
        self.phase('stack post-config', **self.OPTIONS)
        registered = {opt.dest for opt in backend.list_opts()[
            backend.SAMPLE_GROUP]}
        for name in self.configuration():
            if name.startswith('ironic.'):
                self.assertIn(name.removeprefix('ironic.'), registered)

    def test_it_finds_the_other_before_it_starts(self):
        calls = self.phase('stack extra', **self.OPTIONS)
        first = calls.index('get_or_add_user_system_role member allocator all')
        self.assertEqual(
            ['openstack endpoint list -f value -c URL --service baremetal '
             '--interface public',
             'get_or_create_service allocator-backend baremetal-backend '
             'Bare Metal service behind allocator',
             'get_or_create_endpoint baremetal-backend RegionOne '
             + self.IRONIC],
            calls[first + 1:first + 4])
        self.assertTrue(calls[first + 4].startswith('run_process'))

    def test_clients_find_this_service_once_all_is_there(self):
        self.assertEqual(
            ['openstack endpoint list -f value -c URL --service baremetal '
             '--interface public',
             'openstack endpoint list -f value -c ID --service baremetal',
             'openstack endpoint set --url %s e1' % self.OURS,
             'openstack endpoint set --url %s e2' % self.OURS],
            self.phase('stack test-config', **self.OPTIONS))

    def test_nodes_are_enrolled_at_the_other_in_either_order(self):
        """Once, they became nodes of this service if it was first."""
        for order in ('before', 'after'):
            calls = self.run_phases(*devstack.STACK, IRONIC_PLUGIN=order,
                                    **self.OPTIONS)
            self.assertIn('enroll_nodes ' + self.IRONIC, calls)
            self.assertIn('get_or_create_endpoint baremetal-backend RegionOne '
                          + self.IRONIC, calls)
            self.assertEqual(self.OURS,
                             (self.tree / 'endpoint').read_text().strip())

    def test_once_more_changes_nothing(self):
        phases = ('stack extra', 'stack test-config')
        self.run_phases(*phases, **self.OPTIONS)
        self.assertEqual([], [
            call for call in self.run_phases(*phases, **self.OPTIONS)
            if 'baremetal-backend' in call or 'endpoint set' in call])

    def test_without_a_bare_metal_service_it_is_a_mistake(self):
        self.phase('stack post-config')
        self.phase('stack extra', expected=1, ALLOCATOR_BACKENDS='ironic')

    def test_one_that_the_catalog_does_not_have_is_a_mistake(self):
        self.phase('stack extra', expected=1,
                   **self.OPTIONS | {'IRONIC_URL': ''})

    def test_a_subnode_mirrors_too_and_changes_no_catalog(self):
        node = SubnodeTests.NODE | {'ALLOCATOR_BACKENDS': 'ironic'}
        self.phase('stack post-config', **node)
        self.assertEqual('ironic',
                         self.configuration()['DEFAULT.enabled_backends'])
        self.assertEqual([], [
            call for call in self.phase('stack extra', **node)
            if not call.startswith('run_process')])
        self.assertEqual([], self.phase('stack test-config', **node))

    def test_each_for_itself_unless_it_is_set(self):
        options = {'services': devstack.CONTROLLER + ',ir-api,ir-cond'}
        self.phase('stack post-config', **options)
        self.assertNotIn('DEFAULT.enabled_backends', self.configuration())
        self.assertEqual([], [
            call for call in self.run_phases(*devstack.STACK, **options)
            if call.startswith(('openstack', 'get_or_add'))])


class TempestTests(devstack.PluginTests):

    def options(self, services):
        self.phase('stack test-config', services=services)
        path = self.tree / 'tempest.conf'
        return path.read_text().splitlines() if path.exists() else []

    def test_it_knows_the_service(self):
        self.assertEqual(
            ['service_available.ironic=True',
             'baremetal.catalog_type=baremetal',
             'baremetal.driver=fake-hardware',
             'baremetal.max_microversion=' + versions.string(baremetal.MAX)],
            self.options(devstack.CONTROLLER + ',tempest'))

    def test_beside_a_bare_metal_service_the_tests_are_that_ones(self):
        self.assertEqual([], self.options(
            devstack.CONTROLLER + ',tempest,ir-api'))

    def test_without_tempest_there_is_nothing_to_write(self):
        self.assertEqual([], self.options(devstack.CONTROLLER))


class DisabledTests(devstack.PluginTests):

    def test_without_its_services_the_plugin_does_nothing(self):
        calls = self.run_phases(
            *devstack.STACK, 'unstack', 'clean',
            DISABLED_SERVICES='allocator-api,allocator-cond')
        self.assertEqual([], [call for call in calls
                              if not call.startswith(('#', 'define'))])
