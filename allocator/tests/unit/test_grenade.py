# SPDX-License-Identifier: Apache-2.0
"""The plugin for grenade: the upgrade from one devstack to another."""

from allocator.tests.unit import devstack


class GrenadeTests(devstack.PluginTests):

    def setUp(self):
        super().setUp()
        # What grenade and devstack bring along does nothing, but for their
        # functions.
        for name in ('grenaderc', 'stackrc', 'lib/tls', 'lib/apache'):
            path = self.tree / name
            path.parent.mkdir(exist_ok=True)
            path.write_text('')
        (self.tree / 'functions').write_text('source %s\n' % devstack.SCRIPT)
        self.saved = self.tree / 'saved'
        self.saved.mkdir()

    def run_upgrade(self, *command, **options):
        return self.run_script(
            *command, TREE=str(self.tree), GRENADE_DIR=str(self.tree),
            BASE_DEVSTACK_DIR=str(self.tree), SAVE_DIR=str(self.saved),
            TARGET_DEVSTACK_DIR=str(self.tree), BASE_DEVSTACK_BRANCH='old',
            TARGET_DEVSTACK_BRANCH='new', ENABLED_SERVICES=devstack.CONTROLLER,
            **options)

    def run_settings(self, **variables):
        return self.run_upgrade(
            '-ec', 'source %s/functions; source %s/upgrade/settings' % (
                self.tree, devstack.PLUGIN), **variables)

    def test_both_devstacks_get_the_plugin(self):
        url = 'https://opendev.org/openstack/allocator'
        services = 'enable_service allocator-api allocator-cond'
        self.assertEqual(
            ['register_project_for_upgrade allocator',
             'register_db_to_save allocator',
             'devstack_localrc base enable_plugin allocator %s old' % url,
             'devstack_localrc base ' + services,
             'devstack_localrc target enable_plugin allocator %s main' % url,
             'devstack_localrc target ' + services],
            self.run_settings(ALLOCATOR_BASE_REF='old'))

    def test_there_is_no_master(self):
        self.assertEqual([], [call for call in self.run_settings()
                              if 'enable_plugin' in call
                              and not call.endswith(' main')])

    def test_shutdown_stops_the_processes_and_nothing_else(self):
        self.run_phases(*devstack.STACK)
        before = self.things()
        calls = self.run_upgrade(devstack.PLUGIN / 'upgrade' / 'shutdown.sh')
        self.assertEqual(
            ['stop_process allocator-api', 'stop_process allocator-cond',
             'ensure_services_stopped allocator-api allocator-cond'],
            calls[1:])
        self.assertEqual({'process-allocator-api', 'process-allocator-cond'},
                         before - self.things())

    def test_upgrade_keeps_data_and_configuration(self):
        self.run_phases(*devstack.STACK)
        before = self.configuration()
        calls = self.run_upgrade(devstack.PLUGIN / 'upgrade' / 'upgrade.sh')
        self.assertEqual(
            ['setup_develop TREE/dest/allocator mysql',
             'install_apache_uwsgi', 'pip_install_gr python-ironicclient',
             'pip_install TREE/dest/allocator/client',
             'upgrade_project allocator old new',
             'allocator-dbsync --config-file TREE/made/etc/allocator.conf '
             'upgrade',
             'run_process allocator-cond TREE/bin/allocator-conductor '
             '--config-file TREE/made/etc/allocator.conf',
             'run_process allocator-api /usr/bin/uwsgi --procname-prefix '
             'allocator-api --ini TREE/made/etc/allocator-api-uwsgi.ini',
             'wait_for_service 60 http://192.0.2.1/baremetal',
             'ensure_services_started allocator-api allocator-cond'],
            calls[1:])
        self.assertEqual(before, self.configuration())
        self.assertTrue(
            (self.saved / 'etc.allocator' / 'allocator.conf').exists())

    def test_upgrade_ends_where_the_schema_fails(self):
        self.run_phases(*devstack.STACK)
        calls = self.run_upgrade(devstack.PLUGIN / 'upgrade' / 'upgrade.sh',
                                 expected=1, DBSYNC_FAILS='yes')
        self.assertEqual([], [call for call in calls
                              if call.startswith('run_process')])
