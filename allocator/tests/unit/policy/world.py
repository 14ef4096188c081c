# SPDX-License-Identifier: Apache-2.0
"""What there is for the personas to see, take and free."""

import collections

from oslo_utils import uuidutils
import sqlalchemy as sa

from allocator.common import states
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures

_EMPTIED = (models.Allocation, models.Node, models.Chassis)


_uuids = collections.defaultdict(uuidutils.generate_uuid)


def uuid_of(name):
    """Get the UUID of the node, allocation or chassis of a name."""
    return _uuids[name]


def make():
    """Put nodes and allocations into the database, in place of what is there.

    Three projects: the owner has nodes, the lessee leases some of them, the
    stranger has nothing.
    """
    nodes = list(_nodes())
    with session.writer() as connection:
        connection.execute(sa.update(models.Node).values(allocation_id=None))
        for model in _EMPTIED:
            connection.execute(sa.delete(model))
        connection.execute(sa.insert(models.Chassis).values(
            uuid=uuid_of('chassis'), extra={}))
        connection.execute(sa.insert(models.Node), nodes)
        for name, owner, node in _ALLOCATIONS:
            _allocate(connection, name, owner, node)


# Name and owner of each allocation, and its node.
_ALLOCATIONS = [('of-owner', 'owner', 'owned-busy'),
                ('of-lessee', 'lessee', 'leased-busy'),
                ('of-none', None, 'unowned-busy')]


def _nodes():
    for suffix, state in (('', states.AVAILABLE), ('-active', states.ACTIVE),
                          ('-busy', states.AVAILABLE)):
        for name, owner, lessee in (('owned', 'owner', None),
                                    ('leased', 'owner', 'lessee'),
                                    ('unowned', None, None)):
            yield fixtures.node_values(
                ['CUSTOM_HELD'], uuid=uuid_of(name + suffix),
                name=name + suffix, owner=owner, lessee=lessee,
                provision_state=state, driver='fake-hardware')


def _allocate(connection, name, owner, node):
    id_ = connection.execute(sa.insert(models.Allocation).values(
        uuid=uuid_of(name), name=name, owner=owner, state=states.ALLOCATED,
        node_id=sa.select(models.Node.id).where(
            models.Node.name == node).scalar_subquery(),
        resource_class='metal', traits=[], candidate_nodes=[], extra={},
    )).inserted_primary_key[0]
    connection.execute(sa.update(models.Node).where(
        models.Node.name == node).values(
            allocation_id=id_, instance_uuid=uuid_of(name)))
