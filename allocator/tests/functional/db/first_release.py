# SPDX-License-Identifier: Apache-2.0
"""A database as the first release left it: its schema, and rows of it."""

import datetime
import hashlib
import json

import sqlalchemy as sa

#: The revision of its schema.
REVISION = '38b1225d42ee'

TRAITS = {'plain': [], 'small': ['CUSTOM_A'],
          'large': ['CUSTOM_A', 'CUSTOM_B', 'HW_CPU_X86_VMX']}
PROPERTIES = {
    'plain': {},
    'small': {'cpus': '8', 'memory_mb': '16384', 'local_gb': '100',
              'cpu_arch': 'x86_64', 'vendor': 'Ærø \U0001f600'},
    'large': {'cpus': 8, 'memory_mb': 16384, 'local_gb': 100,
              'cpu_arch': 'x86_64',
              'capabilities': 'boot_mode:uefi,cores:64'},
}

# UUIDs: one of a node and one of an allocation for each digit.
NODE = '11111111-0000-4000-8000-00000000000%d'
ALLOCATION = '22222222-0000-4000-8000-00000000000%d'
CHASSIS = '33333333-0000-4000-8000-000000000001'
FOREIGN_INSTANCE = '44444444-0000-4000-8000-000000000001'

LONG_AGO = datetime.datetime(2025, 12, 31, 23, 59, 59, 123456)

_NODES = [
    # Free ones.
    {'name': 'plain'},
    {'name': 'small', 'kind': 'small'},
    {'name': 'large', 'kind': 'large', 'owner': 'p1', 'lessee': 'p2',
     'extra': {'deep': [None, True, 1.5, {'x': 'é'}]}},
    # Those that something keeps from being free.
    {'name': 'taken', 'kind': 'large', 'allocation': 1,
     'instance_info': {'traits': ['CUSTOM_B']}},
    {'name': 'foreign', 'instance_uuid': FOREIGN_INSTANCE},
    {'name': 'broken', 'kind': 'small', 'maintenance': True,
     'maintenance_reason': 'fan'},
    {'provision_state': 'manageable'},
    {'provision_state': 'enroll', 'power_state': None,
     'resource_class': None},
]

_ALLOCATIONS = [
    {'state': 'active', 'name': 'mine', 'traits': ['CUSTOM_B'],
     'owner': 'p1'},
    {'state': 'error', 'traits': ['CUSTOM_Z'], 'last_error': 'No node.'},
    {'state': 'allocating', 'name': 'plain-one'},
    {'state': 'allocating', 'traits': ['CUSTOM_B'], 'owner': 'p2',
     'extra': {'x': '\U0001f600'}},
    {'state': 'allocating', 'traits': ['CUSTOM_A'],
     'candidate_nodes': [NODE % 1, NODE % 2]},
]


def _text(document):
    return json.dumps(document, separators=(',', ':'))


class Rows:
    """Fills the tables, and reads them back with the columns of then.

    :param engine: sqlalchemy.Engine of a database with the first schema
    """

    def __init__(self, engine):
        self._engine = engine
        self._metadata = sa.MetaData()
        self._metadata.reflect(engine)

    def fill(self):
        """Write rows to every table."""
        with self._engine.begin() as connection:
            self._connection = connection
            self._insert('conductors', hostname='old', updated_at=LONG_AGO)
            chassis_id = self._insert('chassis', uuid=CHASSIS,
                                      description='rack', extra='{}')
            ids = [self._insert_allocation(number, **values)
                   for number, values in enumerate(_ALLOCATIONS, 1)]
            sets = {kind: self._insert_set(names)
                    for kind, names in TRAITS.items()}
            for number, values in enumerate(_NODES, 1):
                self._insert_node(number, sets, ids, chassis_id, **values)

    def read(self):
        """Read everything.

        :returns: dict of lists of dicts by table, without what later
            schemas have added
        """
        with self._engine.connect() as connection:
            return {name: [dict(row._mapping) for row in connection.execute(
                        sa.select(table).order_by(*table.primary_key))]
                    for name, table in self._metadata.tables.items()
                    if name != 'alembic_version'}

    def _insert(self, table, **values):
        values.setdefault('created_at', LONG_AGO)
        return self._connection.execute(
            sa.insert(self._metadata.tables[table]).values(
                values)).inserted_primary_key[0]

    def _insert_allocation(self, number, traits=(), candidate_nodes=(),
                           extra=None, **values):
        return self._insert(
            'allocations', uuid=ALLOCATION % number,
            resource_class='baremetal', traits=_text(list(traits)),
            candidate_nodes=_text(list(candidate_nodes)),
            extra=_text(extra or {}), **values)

    def _insert_set(self, names):
        if not names:
            return None
        id_ = self._insert(
            'trait_sets', size=len(names), digest=hashlib.sha256(
                '\n'.join(sorted(names)).encode()).hexdigest())
        for name in names:
            self._insert('trait_set_members', trait_set_id=id_, trait=name)
        return id_

    def _insert_node(self, number, sets, ids, chassis_id, kind='plain',
                     allocation=None, extra=None, instance_info=None,
                     **values):
        plain = {'resource_class': 'baremetal', 'power_state': 'power off',
                 'provision_state': 'available'}
        if allocation:
            plain |= {'instance_uuid': ALLOCATION % allocation,
                      'allocation_id': ids[allocation - 1]}
        id_ = self._insert(
            'nodes', uuid=NODE % number, chassis_id=chassis_id,
            driver='fake-hardware', trait_set_id=sets[kind],
            trait_count=len(TRAITS[kind]), extra=_text(extra or {}),
            properties=_text(PROPERTIES[kind]),
            instance_info=_text(instance_info or {}), driver_info='{}',
            network_data='{}', interfaces=_text({'deploy': 'direct'}),
            updated_at=LONG_AGO, **plain | values)
        if allocation:
            table = self._metadata.tables['allocations']
            self._connection.execute(
                sa.update(table).where(table.c.id == ids[allocation - 1])
                .values(node_id=id_))
