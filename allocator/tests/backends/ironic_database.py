# SPDX-License-Identifier: Apache-2.0
"""The database of a Bare Metal service: tables, many nodes, snapshots.

To make the tables takes Ironic's own command ten seconds and more, so the
statements that do it are kept in its virtual environment.
"""

import contextlib
import datetime
import importlib.metadata
import json
import os
import subprocess
import tempfile
import uuid as uuidlib

import fixtures
import sqlalchemy as sa

from allocator.tests.functional import databases

# A Python of Ironic's says which versions its rows have.
_VERSIONS = '''
import json
from ironic.objects import node, trait
print(json.dumps({"nodes": node.Node.VERSION, "traits": trait.Trait.VERSION}))
'''

# Rows that tell who is alive: to restore them would be a lie.
_PRESENT = frozenset({'alembic_version', 'conductors',
                      'conductor_hardware_interfaces'})

# What the columns of an enrolled node hold, made available with fake power.
_NODE = {
    'driver': 'fake-hardware', 'provision_state': 'available',
    'power_state': 'power off', 'resource_class': 'metal', 'maintenance': 0,
    'conductor_group': '', 'console_enabled': 0, 'protected': 0, 'retired': 0,
    'disable_power_off': 0, 'bios_interface': 'no-bios',
    'boot_interface': 'fake', 'console_interface': 'no-console',
    'deploy_interface': 'fake', 'firmware_interface': 'no-firmware',
    'inspect_interface': 'no-inspect', 'management_interface': 'fake',
    'network_interface': 'noop', 'raid_interface': 'no-raid',
    'rescue_interface': 'no-rescue', 'storage_interface': 'noop',
    'power_interface': 'fake', 'vendor_interface': 'no-vendor',
} | dict.fromkeys((
    'instance_info', 'properties', 'driver_info', 'driver_internal_info',
    'clean_step', 'deploy_step', 'raid_config', 'target_raid_config', 'extra',
    'network_data', 'service_step'), {})


class Schema:
    """The tables of one version of Ironic.

    :param venv: path of its virtual environment
    """

    def __init__(self, venv):
        self._venv = venv
        self._path = os.path.join(venv, 'allocator-test-schema.json')

    def _version(self):
        """Read the version of Ironic out of its environment."""
        libraries = os.path.join(self._venv, 'lib')
        found = importlib.metadata.distributions(name='ironic', path=[
            os.path.join(libraries, python, 'site-packages')
            for python in os.listdir(libraries)])
        return next(iter(found)).version

    def read(self):
        """Read what is kept.

        :returns: dict, or None if nothing is kept of this version
        """
        with contextlib.suppress(FileNotFoundError):
            with open(self._path) as file:
                found = json.load(file)
            if found['ironic'] == self._version():
                return found
        return None

    def keep(self, engine):
        """Keep the tables of a database that Ironic has made.

        :returns: dict
        """
        python = os.path.join(self._venv, 'bin', 'python')
        versions = subprocess.run([python, '-W', 'ignore', '-c', _VERSIONS],
                                  check=True, capture_output=True, text=True,
                                  env=os.environ | {'PYTHONPATH': ''})
        with engine.connect() as connection:
            tables = sa.inspect(connection).get_table_names()
            found = {
                'ironic': self._version(),
                'versions': json.loads(versions.stdout.splitlines()[-1]),
                'revision': connection.exec_driver_sql(
                    'SELECT version_num FROM alembic_version').scalar(),
                'statements': [connection.exec_driver_sql(
                    'SHOW CREATE TABLE ' + table).one()[1]
                    for table in tables],
            }
        # Two processes may do this at the same time.
        with tempfile.NamedTemporaryFile('w', dir=self._venv,
                                         delete=False) as file:
            json.dump(found, file)
        os.replace(file.name, self._path)
        return found


class IronicDatabase(fixtures.Fixture):
    """A database of MariaDB with the tables of Ironic.

    :param venv: path of the virtual environment of Ironic
    :param create: function that makes Ironic create its tables, given the
        URL of the database
    :ivar url: its SQLAlchemy URL
    :ivar engine: sqlalchemy.Engine of the test
    """

    def __init__(self, venv, create):
        self._schema = Schema(venv)
        self._create = create

    def _setUp(self):
        self._database = self.useFixture(databases.Database(databases.MYSQL))
        self.name = self._database.name
        self.url = self._database.url
        self.engine = self._database.engine
        kept = self._schema.read()
        if kept is None:
            self._create(self.url)
            kept = self._schema.keep(self.engine)
        else:
            self._make_tables(kept)
        self._versions = kept['versions']

    def _make_tables(self, kept):
        with self.engine.begin() as connection:
            # The tables refer to each other, and are in no order.
            connection.exec_driver_sql('SET foreign_key_checks = 0')
            for statement in kept['statements']:
                connection.exec_driver_sql(statement)
            connection.execute(
                sa.text('INSERT INTO alembic_version VALUES (:revision)'),
                {'revision': kept['revision']})
            connection.exec_driver_sql('SET foreign_key_checks = 1')

    def insert_nodes(self, count, traits=(), prefix=None, touched=False,
                     **columns):
        """Write nodes as if they had been enrolled and made available.

        Nobody else may enrol any meanwhile.

        :param traits: names of the traits of each
        :param prefix: beginning of their names, unless they have none
        :param touched: whether they were changed since they were enrolled
        :param columns: columns that differ from a common node's
        :returns: list of their UUIDs
        """
        uuids = [str(uuidlib.uuid4()) for _ in range(count)]
        common = {name: json.dumps(value) if isinstance(value, dict)
                  else value for name, value in (_NODE | columns).items()}
        now = datetime.datetime.now(datetime.UTC).replace(
            microsecond=0, tzinfo=None)
        common |= {'version': self._versions['nodes'], 'created_at': now,
                   'updated_at': now if touched else None}
        rows = [common | {
            'uuid': uuid, 'name': prefix and '%s-%d' % (prefix, number)}
            for number, uuid in enumerate(uuids)]
        table = sa.Table('nodes', sa.MetaData(), autoload_with=self.engine)
        with self.engine.begin() as connection:
            last = connection.execute(sa.select(
                sa.func.coalesce(sa.func.max(table.c.id), 0))).scalar()
            # Many rows in one statement: the driver sees to that.
            connection.execute(sa.insert(table), rows)
            for trait in traits:
                connection.execute(
                    sa.text('INSERT INTO node_traits (node_id, trait, '
                            'version, created_at) SELECT id, :trait, '
                            ':version, :now FROM nodes WHERE id > :last'),
                    {'trait': trait, 'now': now, 'last': last,
                     'version': self._versions['traits']})
        return uuids

    def change_rows(self, table, where, **columns):
        """Change rows behind Ironic's back.

        :param where: dict of columns that rows must have
        :returns: number of rows
        """
        known = sa.Table(table, sa.MetaData(), autoload_with=self.engine)
        with self.engine.begin() as connection:
            return connection.execute(
                sa.update(known).filter_by(**where).values(columns)).rowcount

    def _tables(self):
        return [table for table in sa.inspect(self.engine).get_table_names()
                if table not in _PRESENT]

    def snapshot(self):
        """Copy everything but who is alive.

        :returns: what restore() takes
        """
        copy = self.useFixture(databases.Database(databases.MYSQL))
        with self.engine.begin() as connection:
            for table in self._tables():
                connection.exec_driver_sql(
                    'CREATE TABLE %s.%s AS SELECT * FROM %s'
                    % (copy.name, table, table))
        return copy.name

    def restore(self, snapshot):
        """Go back to what was copied, in one transaction.

        New nodes and allocations get the ids again that those had which are
        lost, as after the restoration of a backup.

        :param snapshot: what snapshot() gave
        """
        tables = self._tables()
        with self.engine.begin() as connection:
            connection.exec_driver_sql('SET foreign_key_checks = 0')
            for table in tables:
                connection.exec_driver_sql('DELETE FROM ' + table)
                connection.exec_driver_sql(
                    'INSERT INTO %s SELECT * FROM %s.%s'
                    % (table, snapshot, table))
            connection.exec_driver_sql('SET foreign_key_checks = 1')
        with self.engine.begin() as connection:
            for table in ('nodes', 'allocations'):
                # That makes it the least possible one.
                connection.exec_driver_sql(
                    'ALTER TABLE %s AUTO_INCREMENT = 1' % table)
