# SPDX-License-Identifier: Apache-2.0
"""allocator-status show: what it finds, and how it prints it."""

import datetime
import json

import fixtures as base_fixtures
from oslo_config import cfg
from oslo_utils import uuidutils
import sqlalchemy as sa
import testtools

from allocator.cmd import status_show
from allocator.cmd import status_table
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import conductors
from allocator.db import demands
from allocator.db import migration
from allocator.db import models
from allocator.db import pending
from allocator.db import session
from allocator.db import types
from allocator.tests import fixtures
from allocator.tests.functional.db import first_release
from allocator.tests.unit.backends import mirroring

_allocation = models.Allocation.__table__
_conductor = models.Conductor.__table__


def _change(table, condition, **values):
    with session.writer() as connection:
        connection.execute(sa.update(table).where(condition).values(**values))


def _ago(seconds):
    with session.reader() as connection:
        return connection.execute(sa.select(types.utcnow())).scalar() - (
            datetime.timedelta(seconds=seconds))


class _Shown:
    """Runs the command and takes what it prints."""

    def run_command(self, line, pause=None, status=0):
        """Run a command.

        :param line: what stands behind allocator-status
        :param pause: function to wait with between two looks
        :param status: status that it is to end with
        :returns: what it printed
        """
        conf = cfg.ConfigOpts()
        conf.register_cli_opt(cfg.SubCommandOpt(
            'command', handler=status_show.add_show))
        conf(line.split(), default_config_files=[], default_config_dirs=[])
        with base_fixtures.StringStream('stdout') as printed:
            with base_fixtures.MonkeyPatch('sys.stdout', printed.stream):
                ended = status_show.show(
                    conf.command.format, conf.command.watch,
                    **({'pause': pause} if pause else {}))
            self.assertEqual(status, ended)
            printed.stream.flush()
            return printed.getDetails()['stdout'].as_text()


class ShowTests(_Shown, testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Configuration())
        self.useFixture(fixtures.Database())
        migration.stamp('head')

    def allocate(self, **values):
        columns = {'uuid': uuidutils.generate_uuid(), 'name': None,
                   'resource_class': 'metal', 'traits': [], 'extra': {},
                   'owner': None, 'state': 'allocating'} | values
        candidates = columns.pop('candidates', ())
        return allocations.create(columns, candidates)['uuid']

    def wait(self, **values):
        return self.allocate(state='waiting', wait_timeout=3600, priority=None,
                             **values)

    def lose_database(self):
        session.dispose()
        CONF.set_override('connection', 'mysql+pymysql://a:b@127.0.0.1:1/c',
                          group='database')

    def test_versions(self):
        found = status_show.look()['versions']
        self.assertEqual((migration.head(), migration.head()),
                         (found['schema'], found['schema_wanted']))
        self.assertIn('Release %s, schema %s\n' % (
            found['release'], found['schema']), self.run_command('show'))

    def test_a_schema_that_is_not_the_newest_is_pointed_out(self):
        migration.stamp('38b1225d42ee')
        self.assertIn('schema 38b1225d42ee (this release needs %s'
                      % migration.head(), self.run_command('show'))

    def make_old_schema(self):
        """Have the schema of the first release, with a conductor of it."""
        with session.get_engine().begin() as connection:
            models.Base.metadata.drop_all(connection)
            connection.exec_driver_sql('DELETE FROM alembic_version')
        migration.upgrade(first_release.REVISION)
        with session.writer() as connection:
            now = connection.execute(sa.select(types.utcnow())).scalar()
            connection.execute(sa.insert(_conductor).values(
                hostname='old', created_at=now, updated_at=now))

    def test_a_schema_of_old_lets_versions_and_conductors_be_seen(self):
        """Once, the error of the database was all that there was."""
        self.make_old_schema()
        found = status_show.look()
        self.assertEqual(
            (first_release.REVISION, [('old', True)]),
            (found['versions']['schema'],
             [(row['host'], row['alive']) for row in found['conductors']]))
        self.assertIn('needs %s. Run "allocator-dbsync upgrade"'
                      % migration.head(), found['error'])
        self.assertNotIn('pool', found)
        text = self.run_command('show', status=1)
        self.assertIn('Conductors: 1 of 1 alive\n', text)
        self.assertRegex(text, r'\n  old +yes +\d+ s ago +-\n')
        self.assertIn(found['error'], text)
        self.assertEqual(['versions', 'conductors', 'error'], list(
            json.loads(self.run_command('show -f json', status=1))))

    def test_conductors_alive_and_silent_new_and_old(self):
        conductors.beat('gone')
        conductors.beat('older')
        last = _ago(7200)
        _change(_conductor, _conductor.c.hostname == 'gone',
                updated_at=last, version_at=last)
        _change(_conductor, _conductor.c.hostname == 'older', version=3)
        found = {row.pop('host'): row
                 for row in status_show.look()['conductors']}
        self.assertEqual(
            {'test': (True, conductors.VERSION), 'older': (True, 3),
             'gone': (False, conductors.VERSION)},
            {host: (row['alive'], row['version'])
             for host, row in found.items()})
        self.assertAlmostEqual(
            7200, found['gone']['heartbeat_age_seconds'], delta=60)
        text = self.run_command('show')
        self.assertIn('Conductors: 2 of 3 alive\n', text)
        self.assertRegex(text, r'\n  gone +NO +2 h ago')
        self.assertRegex(text, r'\n  older +yes .* 3 \(this release: %d\)'
                         % conductors.VERSION)

    def test_what_is_due_by_class_and_since_when(self):
        first = self.allocate()
        self.allocate()
        self.allocate(resource_class='other')
        self.allocate(state='active')
        _change(_allocation, _allocation.c.uuid == first, created_at=_ago(90))
        found = status_show.look()['due']
        self.assertAlmostEqual(90, found.pop('oldest_seconds'), delta=30)
        self.assertEqual({'count': 3, 'by_class': [
            {'resource_class': 'metal', 'count': 2},
            {'resource_class': 'other', 'count': 1}]}, found)
        self.assertIn('Allocations: 3 due, 0 to be confirmed by a backend, '
                      '0 waiting; due for up to ', self.run_command('show'))

    def test_nothing_due_is_due_for_no_time(self):
        self.allocate(state='error')
        self.assertEqual(0, pending.oldest_seconds())

    def test_the_wait_of_others_is_no_backlog(self):
        self.wait()
        self.assertEqual(0, pending.oldest_seconds())
        self.assertEqual({}, pending.count_by_class())

    def test_who_waits_by_class_and_by_reason(self):
        fixtures.add_node(maintenance=True)
        for _ in range(2):
            self.wait(traits=['CUSTOM_A'])
        self.wait()
        self.wait(resource_class='other')
        found = status_show.look()['waiting']
        self.assertEqual((4, [('metal', 3), ('other', 1)]), (
            found['count'], [(row['resource_class'], row['count'])
                             for row in found['by_class']]))
        first, *rest = found['by_reason']
        self.assertEqual(('metal', 2), (first['resource_class'],
                                        first['count']))
        self.assertIn('1 without trait CUSTOM_A', first['reason'])
        self.assertEqual({
            'No suitable node: of 1 in resource class metal, 1 in '
            'maintenance.',
            'No suitable node: there is no node of resource class other.'},
            {row['reason'] for row in rest})
        self.assertRegex(self.run_command('show'),
                         r'\n  metal  2      No suitable node: of 1 in')

    def test_candidates_have_no_common_reason(self):
        node = fixtures.add_node(maintenance=True)
        self.wait(candidates=[node.uuid])
        self.assertEqual([demands.NAMED], [
            found.reason for found in demands.commonest(5)])

    def test_no_more_reasons_than_asked_for(self):
        for number in range(4):
            self.wait(resource_class='class-%d' % number)
        self.assertEqual(3, len(demands.commonest(3)))

    def test_the_pool_free_held_and_out_of_order(self):
        for columns in ({}, {}, {'maintenance': True},
                        {'provision_state': 'enroll'},
                        {'power_state': None},
                        # Held is held, whatever else is the matter.
                        {'instance_uuid': uuidutils.generate_uuid(),
                         'maintenance': True},
                        {'instance_uuid': uuidutils.generate_uuid(),
                         'provision_state': 'active'},
                        {'resource_class': 'other'},
                        {'resource_class': None}):
            fixtures.add_node(**columns)
        self.assertEqual([
            {'resource_class': None, 'nodes': 1, 'free': 1, 'held': 0,
             'out_of_order': 0},
            {'resource_class': 'metal', 'nodes': 7, 'free': 2, 'held': 2,
             'out_of_order': 3},
            {'resource_class': 'other', 'nodes': 1, 'free': 1, 'held': 0,
             'out_of_order': 0}], status_show.look()['pool'])
        text = self.run_command('show')
        self.assertIn('Pool: 9 nodes\n', text)
        self.assertRegex(text, r'\n  metal  7      2     2     3\n')

    def test_json_is_one_document(self):
        fixtures.add_node()
        self.assertEqual(
            ['versions', 'conductors', 'due', 'confirming', 'waiting',
             'pool', 'backends'],
            list(json.loads(self.run_command('show -f json'))))

    def test_watching_prints_a_line_of_json_for_each_look(self):
        """Until it is interrupted, which is no failure."""
        paused = []

        def pause(seconds):
            paused.append(seconds)
            fixtures.add_node()
            if len(paused) == 3:
                raise KeyboardInterrupt()

        lines = self.run_command('show -f json --watch 0.5',
                                 pause).splitlines()
        self.assertEqual([0.5] * 3, paused)
        self.assertEqual([0, 1, 2], [
            sum(found['nodes'] for found in json.loads(line)['pool'])
            for line in lines])

    def test_watching_goes_on_while_the_database_is_away(self):
        self.useFixture(base_fixtures.MonkeyPatch(
            'allocator.db.session.RECONNECTS', 0))
        shown = []

        def pause(_seconds):
            shown.append(None)
            if len(shown) == 2:
                raise KeyboardInterrupt()
            self.lose_database()

        before, after = self.run_command('show -f json --watch',
                                         pause).splitlines()
        self.assertIn('pool', json.loads(before))
        self.assertIn('cannot be asked', json.loads(after)['error'])

    def test_a_database_that_is_away_ends_it_with_a_sentence(self):
        self.useFixture(base_fixtures.MonkeyPatch(
            'allocator.db.session.RECONNECTS', 0))
        self.lose_database()
        stopped = self.assertRaises(SystemExit, self.run_command, 'show')
        self.assertIn('The database cannot be asked', stopped.code)

    def test_no_schema_is_said(self):
        migration.stamp('base')
        stopped = self.assertRaises(SystemExit, self.run_command, 'show')
        self.assertIn('allocator-dbsync upgrade', stopped.code)

    def test_no_database_is_said(self):
        CONF.set_override('connection', None, group='database')
        stopped = self.assertRaises(SystemExit, self.run_command, 'show')
        self.assertIn('connection is not set', stopped.code)

    def test_an_interval_that_is_none_is_refused(self):
        for text in ('0', '-1', 'soon', 'inf', 'nan'):
            with base_fixtures.StringStream('stderr') as printed, \
                    base_fixtures.MonkeyPatch('sys.stderr', printed.stream):
                self.assertRaises(SystemExit, self.run_command,
                                  'show --watch=' + text)


class BackendTests(_Shown, mirroring.MirrorTestCase):

    names = ('east', 'west')

    def setUp(self):
        super().setUp()
        migration.stamp('head')

    def found(self):
        return {row['name']: row for row in status_show.look()['backends']}

    def test_status_lag_and_open_writes(self):
        self.store().enrol()
        self.look('east')
        self.allocate()
        self.loop.walk()
        east, west = self.found()['east'], self.found()['west']
        self.assertEqual(('up', 1), (east['status'], east['open_writes']))
        self.assertIsNotNone(east['lag_seconds'])
        self.assertIsNotNone(east['oldest_write_seconds'])
        self.assertEqual(('stale', 0, None, None), (
            west['status'], west['open_writes'], west['lag_seconds'],
            west['oldest_write_seconds']))
        self.assertEqual(1, status_show.look()['confirming'])
        text = self.run_command('show')
        self.assertRegex(text, r'\n  east  up  .* 1  ')
        self.assertRegex(text, r'\n  west  stale .* -  ')

    def test_one_that_is_not_configured_any_more_is_shown(self):
        self.look('east')
        CONF.set_override('enabled_backends', ['west'])
        self.assertEqual('removed', self.found()['east']['status'])


class DurationTests(testtools.TestCase):

    def test_the_greatest_unit_that_is_there_twice(self):
        self.assertEqual(
            ['-', '0 s', '119 s', '2 m', '119 m', '2 h', '47 h', '2 d'],
            [status_table.duration(seconds) for seconds in (
                None, 0.4, 119.9, 120, 7199, 7200, 172799, 172800)])
