# SPDX-License-Identifier: Apache-2.0
"""The pages for operators: each command, and what the pages show."""

import datetime
import json
import os
import re
import shutil
import unittest

import requests
import sqlalchemy as sa

from allocator.db import models
from allocator.tests import guides
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import operating
from allocator.tests.functional import seeds
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting
from allocator.tests.functional.db import first_release
from allocator.tests.functional.db import schema

_UUID = r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'


@testcase.per_database(databases.SQLITE)
class CompletenessTests:

    def test_each_command_is_carried_out_or_left_out_with_a_reason(self):
        for page in guides.pages(*operating.FOLDERS):
            if page in operating.ELSEWHERE:
                continue
            if page not in operating.WALKED:
                self.assertEqual([], operating.steps(page), page)
            for block in guides.blocks(page):
                # Each "ini" is judged by
                # unit/docs/test_configuration_examples.py.
                if block.kind not in (guides.LITERAL, 'ini'):
                    self.assertTrue(operating.is_other(block), block)

    def test_what_is_walked_is_walked_where_it_is_said(self):
        for page, file in operating.WALKED.items():
            self.assertIn("Walk('%s'" % page, operating.read(file))

    def test_what_is_looked_at_elsewhere_is(self):
        for file in operating.ELSEWHERE.values():
            self.assertTrue(operating.read(file))
        texts = [block.text for page in guides.pages(*operating.FOLDERS)
                 for block in guides.blocks(page)]
        for beginning in (*operating.OTHERS, *operating.NOT_COMPARED):
            self.assertTrue(any(text.startswith(beginning)
                                for text in texts), beginning)
        for beginning, file in operating.OTHERS.items():
            self.assertIn(beginning.removeprefix('$ '),
                          operating.read(file))

    def test_what_is_left_out_is_in_a_page(self):
        commands = [command for page in guides.pages(*operating.FOLDERS)
                    for block in guides.blocks(page, guides.LITERAL)
                    for command in guides.commands(block.text)]
        for words in operating.LEFT_OUT:
            self.assertTrue(any((command + ' ').startswith(words + ' ')
                                for command in commands), words)

    def test_connections_of_the_example_are_as_many_as_it_says(self):
        text = guides.path_of('admin/tuning').read_text()
        formula = operating.other('admin/tuning', 'machines x api_workers')
        values = dict(re.findall(r'(?m)^   (\w+) = (\d+)$', text))
        values |= {'machines': '1', 'conductor workers': values['workers']}
        for name in sorted(values, key=len, reverse=True):
            formula = re.sub(r'\b%s\b' % name, values[name], formula)
        numbers = [[int(number) for number in part.split('x')]
                   for part in formula.split('+')]
        [said] = re.findall(r'needs (\d+) connections', text)
        self.assertEqual(int(said), sum(
            a * b * c for a, b, c in numbers))


@testcase.per_database(databases.SQLITE)
class MonitoringTests(testcase.ServiceTests):
    """admin/monitoring.rst, admin/scaling.rst and others."""

    def logged(self, text):
        waiting.until(lambda: text in self.shape(self.service.logs()), 30,
                      'the log has: ' + text)

    @staticmethod
    def shape(text):
        """Leave out what differs: which, and how long."""
        text = re.sub(_UUID, '<uuid>', text)
        return re.sub(r'after [\d.]+ s', 'after N s', text)

    def test_the_log_tells_as_the_page_shows(self):
        self.service.add_node(resource_class='metal')
        for _ in range(2):
            self.client.settled(self.client.allocate(
                resource_class='metal')['uuid'])
        text = (operating.other('admin/monitoring',
                                'Allocation <uuid> is active')
                + operating.other('admin/monitoring', '... [None req-'))
        for line in text.splitlines():
            self.logged(self.shape(line.removeprefix('... ')))

    def test_a_process_reports(self):
        machine = self.useFixture(operating.Machine())
        pid = self.service.api.children()[0]
        page = operating.Walk('admin/monitoring', machine,
                              {'<pid>': str(pid)})
        page.next('kill -USR2')
        page.end()
        self.logged('Guru Meditation')

    def test_the_health_is_told_as_the_page_shows(self):
        told = json.loads(operating.other('admin/scaling',
                                          '{"detailed": false'))
        answer = requests.get(
            self.service.endpoint + '/healthcheck', timeout=30,
            headers={'Accept': 'application/json'})
        self.assertEqual(told, answer.json())

    def test_the_files_for_another_server_are_copied(self):
        machine = self.useFixture(operating.Machine())
        for name in ('etc/allocator/tls', 'etc/apache2/sites-available'):
            (machine.root / name).mkdir(parents=True)
        key = machine.root / 'etc/allocator/tls/key.pem'
        key.write_text('secret')
        page = operating.Walk('install/http-server', machine)
        page.next('allocator-api-uwsgi.ini')
        site = machine.root / 'etc/apache2/sites-available/allocator.conf'
        for name in ('proxy', 'wsgi'):
            page.next('apache-allocator-%s.conf' % name)
            self.assertEqual(operating.read(
                'etc/allocator/apache-allocator-%s.conf' % name),
                site.read_text())
        page.next('chmod 640')
        self.assertEqual(0o640, key.stat().st_mode & 0o777)
        page.end()

    def test_systemd_makes_the_directory_of_the_metrics(self):
        if not shutil.which('systemd-tmpfiles'):
            raise unittest.SkipTest('There is no systemd-tmpfiles')
        machine = self.useFixture(operating.Machine())
        owner = '%d %d' % (os.getuid(), os.getgid())
        page = operating.Walk('admin/metrics', machine,
                              {'allocator allocator': owner})
        line = operating.other('admin/metrics', 'd /run/allocator-metrics')
        (machine.root / 'etc/tmpfiles.d/allocator.conf').write_text(
            page.here(line))
        page.next('systemd-tmpfiles --create')
        made = machine.root / 'run/allocator-metrics'
        self.assertEqual(0o755, made.stat().st_mode & 0o777)
        page.end()


@testcase.per_database()
class StatementTests:
    """The SQL of admin/monitoring.rst."""

    def test_each_statement_tells_what_it_says(self):
        opened = self.useFixture(schema.Open(self.kind))
        engine = opened.database.engine
        seeds.add_nodes(engine, 2)
        seeds.add_nodes(engine, 1, resource_class='gpu', maintenance=True)
        # Once, the nodes of backends were not counted.
        seeds.add_nodes(engine, 1, resource_class='mirrored', backend_id=1)
        seeds.add_allocations(engine, 3)
        seeds.add_waiters(engine, 1, [[]])
        with engine.begin() as connection:
            connection.execute(sa.insert(models.Conductor.__table__).values(
                hostname='one', updated_at=datetime.datetime(2026, 1, 2)))
        text = operating.other('admin/monitoring', '-- pending allocations')
        pending, free, alive = re.sub('(?m)^--.*', '', text).split(';')[:3]
        with engine.connect() as connection:
            [(count, oldest)] = connection.execute(sa.text(pending))
            self.assertEqual(3, count)
            self.assertIsNotNone(oldest)
            self.assertEqual({('baremetal', 2), ('mirrored', 1)}, {
                tuple(row) for row in connection.execute(sa.text(free))})
            [(host, _time)] = connection.execute(sa.text(alive))
            self.assertEqual('one', host)


# The programs that dump, and those that read it, by database.
_CLIENTS = {databases.MYSQL: ('mysqldump', 'mysql'),
            databases.POSTGRESQL: ('pg_dump', 'psql')}

# What a server says to who may not; of PostgreSQL, also of no such role.
_NO_RIGHT = {databases.MYSQL: (1044, 1227, 1410),
             databases.POSTGRESQL: ('42501', '42704')}


@testcase.per_database(*databases.SERVERS)
class DatabaseTests:
    """admin/databases.rst, and the databases of install/install.rst."""

    def setUp(self):
        super().setUp()
        self.machine = self.useFixture(operating.Machine())

    def log_in(self, url):
        """Have the programs log in, which in the page their files do."""
        self.machine.variables |= {
            'PGHOST': url.host, 'PGPORT': str(url.port or 5432),
            'PGUSER': url.username, 'PGPASSWORD': url.password}
        (self.machine.home / '.my.cnf').write_text(
            '[client]\nhost=%s\nport=%d\nuser=%s\npassword=%s\n' % (
                url.host, url.port or 3306, url.username, url.password))

    def test_the_database_and_its_user_are_made(self):
        """The tests' own user may make databases, and no users.

        So the server understands such a statement, and refuses it for that
        alone, or carries it out for who may.
        """
        text = operating.other('install/install', {
            databases.MYSQL: 'CREATE DATABASE allocator',
            databases.POSTGRESQL: 'CREATE ROLE allocator'}[self.kind])
        own = self.useFixture(databases.Database(self.kind))
        self.name = own.name + '_more'
        engine = sa.create_engine(own.url, isolation_level='AUTOCOMMIT')
        self.addCleanup(engine.dispose)
        self.addCleanup(self.send, engine, 'DROP %s IF EXISTS %s' % (
            ('USER', "'%s'@'%%'" % self.name)
            if self.kind == databases.MYSQL else ('ROLE', self.name)))
        self.addCleanup(self.send, engine, 'DROP DATABASE IF EXISTS '
                        + self.name)
        statements = re.sub(r'\ballocator\b', self.name, text).split(';\n')
        self.assertIn(len(statements), (3, 4))
        for statement in filter(None, statements):
            made = self.send(engine, statement)
            if statement.startswith('CREATE DATABASE'):
                if not made:
                    # Of the role that could not be made.
                    made = self.send(engine, statement.replace(
                        'OWNER ' + self.name,
                        'OWNER ' + sa.make_url(own.url).username))
                self.assertTrue(made, statement)
        sa.create_engine(
            sa.make_url(own.url).set(database=self.name),
            poolclass=sa.pool.NullPool).connect().close()

    def send(self, engine, statement):
        """Send a statement that only a mistake in it may have fail.

        :returns: whether it is done: the user may do it
        """
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement.replace('%', '%%'))
        except sa.exc.DBAPIError as exc:
            reason = (exc.orig.args[0] if self.kind == databases.MYSQL
                      else exc.orig.sqlstate)
            self.assertIn(reason, _NO_RIGHT[self.kind],
                          '%s: %s' % (statement, exc))
            return False
        return True

    def test_a_dump_has_all_that_there_is(self):
        for name in _CLIENTS[self.kind]:
            if not shutil.which(name):
                raise unittest.SkipTest('There is no ' + name)
        opened = self.useFixture(schema.Open(self.kind))
        [node] = seeds.add_nodes(opened.database.engine, 1)
        self.log_in(sa.make_url(opened.database.url))
        page = operating.Walk('admin/databases', self.machine)
        dump, read = _CLIENTS[self.kind]
        [command] = [command for command
                     in guides.commands(page.take('mysqldump', 'pg_dump'))
                     if command.startswith(dump)]
        page.end()
        self.machine.run(re.sub(r'\ballocator(?= )', opened.database.name,
                                command))
        other = self.useFixture(databases.Database(self.kind))
        self.machine.run('%s %s < allocator.sql' % (read, other.name))
        self.assertEqual([node], list(seeds.nodes(other.engine)))


@testcase.per_database(databases.MYSQL)
class UpgradeTests:
    """admin/upgrade.rst, from the schema of the first release on."""

    def test_an_upgrade_and_the_way_back(self):
        database = self.useFixture(databases.Database(self.kind))
        machine = self.useFixture(operating.Machine())
        machine.write_configuration(
            database, transport_url=databases.broker_url(),
            control_exchange=database.name)
        self.addCleanup(self.remove_exchange, database.name)
        for release in ('allocator-1.0', 'allocator-2.0'):
            machine.install(release, 'allocator-dbsync', 'allocator-status')
        link = machine.root / 'opt/allocator'
        link.symlink_to('allocator-1.0')
        machine.run('%s/bin/allocator-dbsync upgrade --revision %s' % (
            link, first_release.REVISION))
        page = operating.Walk('admin/upgrade', machine)
        self.assertIn(first_release.REVISION, page.next(
            'upgrade check', statuses=[2]))
        page.next('allocator-dbsync upgrade')
        page.next('upgrade check')
        page.next('ln -sfn allocator-2.0')
        self.assertEqual('allocator-2.0', os.readlink(link))
        page.next('ln -sfn allocator-1.0')
        self.assertEqual('allocator-1.0', os.readlink(link))
        page.end()

    @staticmethod
    def remove_exchange(name):
        """Remove what the check of the message bus has made."""
        with fixtures.broker() as connection:
            connection.default_channel.exchange_delete(name)
