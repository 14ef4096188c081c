# SPDX-License-Identifier: Apache-2.0
"""The devstack plugin, with stand-ins for devstack's functions."""

import os
import pathlib
import subprocess

import fixtures
import testtools

SCRIPT = (pathlib.Path(__file__).parents[3]
          / 'devstack' / 'test' / 'stand-ins.sh')

STACK = ('stack pre-install', 'stack install', 'stack post-config',
         'stack extra', 'stack test-config')

CONTROLLER = 'mysql,rabbit,key'


class PluginTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.tree = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.made = self.tree / 'made'

    def run_phases(self, *phases, services=CONTROLLER, expected=0,
                   **variables):
        """Run phases of the plugin.

        :param services: ENABLED_SERVICES before the plugin adds its own
        :param expected: the exit status
        :param variables: of devstack
        :returns: list of the calls, as lines
        """
        calls = self.tree / 'calls'
        calls.write_text('')
        ran = subprocess.run(
            ['bash', SCRIPT, self.tree, *phases],
            env={'PATH': os.environ['PATH'], 'ENABLED_SERVICES': services,
                 **variables},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL)
        self.assertEqual(expected, ran.returncode, ran.stdout)
        return [line.replace(str(self.tree), 'TREE')
                for line in calls.read_text().splitlines()]

    def phase(self, phase, **options):
        """Run one phase.

        :returns: its calls, without those of the settings and summaries
        """
        calls = self.run_phases(phase, **options)
        calls = calls[calls.index('# ' + phase) + 1:]
        return [call for call in calls if not call.startswith('echo_')]

    def things(self):
        """List what is on the machine."""
        return {str(path.relative_to(self.made))
                for path in self.made.rglob('*') if path.is_file()}

    def configuration(self, name='allocator.conf'):
        lines = (self.made / 'etc' / name).read_text().splitlines()
        return dict(line.split('=', 1) for line in lines)


class ControllerTests(PluginTests):
    """One node with everything."""

    def test_settings_name_plugin_and_services(self):
        self.assertEqual('define_plugin allocator',
                         self.run_phases('stack install')[0])

    def test_install(self):
        self.assertEqual(
            ['setup_develop TREE/dest/allocator mysql',
             'install_apache_uwsgi', 'pip_install_gr python-ironicclient'],
            self.phase('stack install'))

    def test_post_config(self):
        self.assertEqual(
            ['setup_logging TREE/made/etc/allocator.conf',
             'write_uwsgi_config allocator.wsgi.api:application /baremetal'
             '  allocator-api',
             'rpc_backend_add_vhost allocator', 'recreate_database allocator',
             'allocator-dbsync --config-file TREE/made/etc/allocator.conf '
             'upgrade',
             'create_service_user allocator',
             'get_or_create_service allocator baremetal '
             'Allocation of bare metal nodes',
             'get_or_create_endpoint baremetal RegionOne '
             'http://192.0.2.1/baremetal'],
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
                          % self.made},
            self.configuration('allocator-api-uwsgi.ini'))

    def test_a_second_run_begins_anew(self):
        self.phase('stack post-config')
        first = self.configuration()
        self.phase('stack post-config')
        text = (self.made / 'etc' / 'allocator.conf').read_text()
        self.assertEqual(first, self.configuration())
        self.assertEqual(1, text.count('transport_url'))

    def test_extra(self):
        self.assertEqual(
            ['run_process allocator-cond TREE/bin/allocator-conductor '
             '--config-file TREE/made/etc/allocator.conf',
             'run_process allocator-api /usr/bin/uwsgi --procname-prefix '
             'allocator-api --ini TREE/made/etc/allocator-api-uwsgi.ini',
             'wait_for_service 60 http://192.0.2.1/baremetal'],
            self.phase('stack extra'))

    def test_an_api_that_does_not_start_is_fatal(self):
        self.phase('stack post-config')
        self.phase('stack extra', expected=1, API_IS_DEAD='yes')

    def test_phases_without_work(self):
        for phase in ('stack pre-install', 'stack test-config'):
            self.assertEqual([], self.phase(phase))

    def test_stack_makes_everything(self):
        self.run_phases(*STACK)
        self.assertEqual(
            {'process-allocator-api', 'process-allocator-cond',
             'database-allocator', 'vhost-allocator', 'site-allocator-api',
             'etc/allocator.conf', 'etc/allocator-api-uwsgi.ini'},
            self.things())

    def test_unstack_leaves_configuration_only(self):
        self.run_phases(*STACK)
        self.assertEqual(
            ['stop_process allocator-api', 'stop_process allocator-cond',
             'rabbitmqctl delete_vhost allocator',
             'mysql DROP DATABASE IF EXISTS allocator;'],
            self.phase('unstack'))
        self.assertEqual(
            {'site-allocator-api', 'etc/allocator.conf',
             'etc/allocator-api-uwsgi.ini'}, self.things())

    def test_clean_leaves_nothing(self):
        self.run_phases(*STACK)
        self.run_phases('unstack', 'clean')
        self.assertEqual([], list(self.made.iterdir()))

    def test_unstack_and_clean_of_nothing(self):
        self.run_phases('unstack', 'clean')
        self.assertEqual([], list(self.made.iterdir()))


class PostgreSQLTests(PluginTests):

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
        self.run_phases(*STACK, **self.SERVER)
        self.run_phases('unstack', 'clean', **self.SERVER)
        self.assertEqual([], list(self.made.iterdir()))


class SubnodeTests(PluginTests):
    """A node of several, with only the conductor."""

    NODE = {'services': '', 'DISABLED_SERVICES': 'allocator-api'}

    def test_it_makes_nothing_that_all_nodes_share(self):
        self.assertEqual(['setup_logging TREE/made/etc/allocator.conf'],
                         self.phase('stack post-config', **self.NODE))
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
        self.run_phases(*STACK, **self.NODE)
        self.run_phases('unstack', 'clean', **self.NODE)
        self.assertEqual([], list(self.made.iterdir()))


class ServiceTypeTests(PluginTests):

    def endpoint(self, **options):
        return [call for call in self.phase('stack post-config', **options)
                if call.startswith('get_or_create_endpoint')]

    def test_beside_a_bare_metal_service_it_has_another_name(self):
        self.assertEqual(
            ['get_or_create_endpoint baremetal-allocation RegionOne '
             'http://192.0.2.1/baremetal-allocation'],
            self.endpoint(services=CONTROLLER + ',ir-api'))

    def test_it_can_be_chosen(self):
        self.assertEqual(
            ['get_or_create_endpoint nodes RegionOne http://192.0.2.1/nodes'],
            self.endpoint(ALLOCATOR_SERVICE_TYPE='nodes'))


class DisabledTests(PluginTests):

    def test_without_its_services_the_plugin_does_nothing(self):
        calls = self.run_phases(
            *STACK, 'unstack', 'clean',
            DISABLED_SERVICES='allocator-api,allocator-cond')
        self.assertEqual([], [call for call in calls
                              if not call.startswith(('#', 'define'))])
