# SPDX-License-Identifier: Apache-2.0
"""The pages on the commands: what they show, and what the commands print."""

import datetime
import os
import re

from oslo_utils import timeutils
import sqlalchemy as sa

from allocator.db import migration
from allocator.db import models
from allocator.tests import guides
from allocator.tests.backends import simulator
from allocator.tests.functional import databases
from allocator.tests.functional import operating
from allocator.tests.functional import processes
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting
from allocator.tests.functional.db import first_release
from allocator.tests.functional.db import schema

HOUR = 3600

_UUID = r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'


def ago(seconds):
    """Tell the time of some seconds before, as the tables have it."""
    return timeutils.utcnow() - datetime.timedelta(seconds=seconds)


def shown(page, command):
    """Read a command with a prompt before it, and what follows.

    :returns: the command, and the lines that it prints there
    """
    text = operating.other(page, '$ ' + command)
    first, *lines = text.splitlines()
    return first.removeprefix('$ '), lines


@testcase.per_database(databases.SQLITE)
class ManageTests(testcase.ServiceTests):
    """cli/manage.rst, with a backend."""

    @classmethod
    def setUpClass(cls):
        cls.backend = simulator.Simulator('east')
        cls.backend.start()
        cls.addClassCleanup(cls.backend.stop)
        cls.options = {'DEFAULT': {'enabled_backends': 'east'},
                       'east': {'auth_type': 'none', 'poll_interval': 1,
                                'endpoint_override':
                                    cls.backend.services['east'].url}}
        super().setUpClass()
        cls.store = cls.backend.services['east'].store

    def setUp(self):
        super().setUp()
        self.machine = self.useFixture(operating.Machine())
        self.machine.add_command('allocator-manage')
        self.machine.configure(self.service.config_file)

    def test_the_units_are_copied(self):
        page = operating.Walk('cli/manage', self.machine)
        page.next('allocator-purge.*')
        self.assertEqual(
            ['allocator-purge.service', 'allocator-purge.timer'],
            sorted(os.listdir(self.machine.root / 'etc/systemd/system')))
        page.end()

    def test_purge_says_what_the_page_shows(self):
        command, lines = shown('cli/manage', 'allocator-manage purge')
        [days] = re.findall(r'--older-than (\d+)', command)
        [count] = re.findall(r'^(\d+) ', lines[-1])
        seeds.add_allocations(self.service.engine, int(count), state='error',
                              updated_at=ago(24 * HOUR * (int(days) + 1)),
                              last_error='No node')
        self.assertEqual(lines, self.machine.run(command).splitlines())

    def free(self):
        """Read how many nodes of the backend are known and free."""
        found = self.client.get('/allocator/v1/backends/east').json()
        return found['free'], found['open_writes']

    def test_backends_are_listed_and_handed_back_as_the_page_shows(self):
        self.store.enrol(4, resource_class='baremetal')
        waiting.until(lambda: self.free() == (4, 0), 30, 'nodes are known')
        command, lines = shown('cli/manage', 'allocator-manage backend list')
        [printed] = self.machine.run(command).splitlines()
        for line in lines:
            self.assertEqual(re.sub('=[^ ]+', '=', line),
                             re.sub('=[^ ]+', '=', printed))
        for name in ('db1', 'db2'):
            self.client.settled(
                self.client.allocate(resource_class='baremetal',
                                     name=name)['uuid'])
        waiting.until(lambda: self.free() == (2, 0), 30, 'nodes are taken')
        # Somebody else has the name there.
        self.store.allocate(name='db1', resource_class='baremetal')
        command, lines = shown('cli/manage',
                               'allocator-manage backend hand-back')
        printed = self.machine.run(command, 1)
        self.assertLessEqual(
            {self.shape(line) for line in lines},
            {self.shape(line) for line in printed.splitlines()}, printed)

    @staticmethod
    def shape(line):
        """Leave out what differs: whose it is, and how many."""
        line = re.sub(r'^(%s|[0-9a-f]{8}-…)' % _UUID, 'UUID', line)
        return re.sub(r'^\d+ (?=alloc)|(?<=, )\d+ ', 'N ', line)


@testcase.per_database(databases.SQLITE)
class StatusTests:
    """cli/status.rst, and cli/index.rst."""

    def setUp(self):
        super().setUp()
        self.machine = self.useFixture(operating.Machine())
        for name in ('allocator-dbsync', 'allocator-status'):
            self.machine.add_command(name)
        self.database = self.useFixture(databases.Database(self.kind))

    def configure(self, **options):
        self.machine.write_configuration(self.database, **options)

    def insert(self, model, *rows):
        """Insert rows.

        :returns: id of one that is alone
        """
        with self.database.engine.begin() as connection:
            made = connection.execute(
                sa.insert(model.__table__),
                rows if len(rows) > 1 else rows[0])
            return None if len(rows) > 1 else made.inserted_primary_key[0]

    def add_backend(self, looked, writes, oldest, **values):
        """Add a backend by what the page says of it."""
        id_ = self.insert(models.Backend, {'looked_at': ago(looked)} | values)
        self.insert(models.BackendWrite, *(
            {'backend_id': id_, 'uuid': '%d-%d' % (id_, number),
             'node_id': number, 'node_uuid': 'some', 'attempt': 1,
             'wants': 'claim', 'request': {}, 'due_at': ago(0),
             'created_at': ago(oldest)} for number in range(writes)))

    def add_all(self):
        """Have the tables say what the page shows."""
        engine = self.database.engine
        seeds.add_nodes(engine, 31)
        for name, held, broken in (('baremetal', 775, 6), ('gpu', 15, 1)):
            for count, values in ((held, {'provision_state': 'active'}),
                                  (broken, {'maintenance': True})):
                seeds.add_nodes(engine, count, ['CUSTOM_NVME'],
                                resource_class=name, **values)
        with engine.begin() as connection:
            connection.execute(sa.text(
                "UPDATE nodes SET instance_uuid = uuid "
                "WHERE provision_state = 'active'"))
        seeds.add_allocations(engine, 3)
        seeds.add_allocations(engine, 2, state='confirming')
        seeds.add_waiters(engine, 2, [['CUSTOM_NVME']],
                          created_at=ago(2 * HOUR))
        seeds.add_waiters(engine, 39, [[]], resource_class='gpu',
                          created_at=ago(48 * HOUR))
        self.add_backend(1, 2, 0, name='east', fresh_since=ago(96 * HOUR))
        self.add_backend(180, 9, 180, name='west', unanswered=3,
                         answers_changed_at=ago(180),
                         last_error='Connection refused')
        times = {'conductor-1': ago(4), 'conductor-2': ago(9),
                 'conductor-3': ago(2 * HOUR)}
        self.insert(models.Conductor, *(
            {'hostname': name, 'updated_at': time, 'version': 6,
             'version_at': time} for name, time in times.items()))

    @staticmethod
    def lines(screen):
        """Leave out what differs: release, revision, and seconds."""
        screen = re.sub(r'Release \S+, schema \w+', 'Release', screen)
        screen = re.sub(r'\b\d+ s\b', 'N s', screen)
        return [re.sub('  +', '  ', line) for line in screen.splitlines()]

    def test_show_shows_what_the_page_does(self):
        self.configure(enabled_backends='east,west')
        self.machine.run('allocator-dbsync upgrade')
        self.useFixture(schema.Open(self.kind, tables=False,
                                    database=self.database))
        self.add_all()
        self.assertEqual(
            self.lines(operating.other('cli/status', 'Release 2.')),
            self.lines(self.machine.run('allocator-status show')))

    def test_each_command_of_dbsync_does_what_the_page_says(self):
        self.configure()
        run = self.machine.run
        run('allocator-dbsync create_schema')
        self.assertEqual(migration.head() + '\n',
                         run('allocator-dbsync version'))
        # "In an empty database."
        run('allocator-dbsync create_schema', 1)
        run('allocator-dbsync stamp ' + first_release.REVISION)
        with self.database.engine.begin() as connection:
            self.assertEqual(first_release.REVISION, connection.execute(
                sa.text('SELECT version_num FROM alembic_version')).scalar())
            connection.execute(sa.text(
                "UPDATE alembic_version SET version_num = '0123456789ab'"))
        said = re.sub(r"'\w+'", "'…'", run('allocator-dbsync upgrade', 1))
        [quoted] = re.findall('``(Can.t locate[^`]+)``', guides.path_of(
            'cli/index').read_text())
        self.assertIn(quoted, said)

    def test_options_of_every_command(self):
        text = guides.path_of('cli/index').read_text()
        table = text.partition('list-table::')[2].partition('.. toctree')[0]
        options = re.findall(r'``(--[a-z-]+)', table.partition(
            '``allocator-status`` has')[0])
        self.assertLess(6, len(options))
        for command in re.findall(r'(?m)^(allocator\S*)\n=+$', text):
            printed = processes.run(command, '--help').stdout
            for option in options:
                # "allocator-status has no --version."
                has = (command, option) != ('allocator-status', '--version')
                self.assertEqual(has, option in re.findall(
                    r'--[a-z-]+', printed), (command, option))
