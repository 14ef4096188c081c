# SPDX-License-Identifier: Apache-2.0
"""Transactions that stay open, so that others meet their locks."""

import contextlib

import sqlalchemy as sa

from allocator.db import models
from allocator.tests.functional import seeds

_allocation = models.Allocation.__table__


@contextlib.contextmanager
def transaction(engine):
    """Open a transaction that the test ends whenever it likes.

    What it has not ended by itself is rolled back.

    :param engine: sqlalchemy.Engine
    :returns: context manager that gives a sqlalchemy.Connection
    """
    with engine.connect() as connection:
        connection.begin()
        try:
            yield connection
        finally:
            connection.rollback()


@contextlib.contextmanager
def node(engine, uuid, **values):
    """Hold a node's row locked, changed but not yet committed.

    :param uuid: UUID of the node
    :param values: new values of its columns
    :returns: context manager that gives a sqlalchemy.Connection
    """
    with transaction(engine) as connection:
        seeds.set_node(connection, uuid,
                       **(values or {'description': 'locked'}))
        yield connection


@contextlib.contextmanager
def claim_of(engine, uuid):
    """Have the claim of an allocation stop just before it is written.

    A row that is not committed has the instance UUID already, and the claim
    waits to learn what will become of it. Rolling back lets it go on.

    :param uuid: UUID of the allocation
    :returns: context manager that gives a sqlalchemy.Connection
    """
    obstacle = seeds.add_node(engine, resource_class='obstacle',
                              provision_state='enroll')
    with node(engine, obstacle, instance_uuid=uuid) as connection:
        yield connection


def is_locked(engine, uuid):
    """Tell whether some transaction holds an allocation's row."""
    with engine.begin() as connection:
        return connection.execute(
            sa.select(_allocation.c.id).where(_allocation.c.uuid == uuid)
            .with_for_update(skip_locked=True)).first() is None
