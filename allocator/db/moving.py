# SPDX-License-Identifier: Apache-2.0
"""Moving a claim elsewhere, as its backend leaves it without an answer."""

import functools

import sqlalchemy as sa

from allocator.common import states
from allocator.db import backend_writes
from allocator.db import claims
from allocator.db import models
from allocator.db import session
from allocator.db import taking

_allocation = models.Allocation.__table__
_node = models.Node.__table__


def move_elsewhere(write):
    """Give an allocation another node than one that nobody knows of.

    What was asked for there goes on being unsure, and its node taken, until
    the backend has said that nothing of it is left.

    :param write: backend_writes.Write of a claim whose outcome is unknown
    :returns: Batch, or None if there is no other node
    :raises: backend_writes.LeaseLost
    """
    return _move(write, session.Attempts())


@session.retried
def _move(write, attempts):
    """Give an allocation another node.

    :param attempts: session.Attempts, of the Batch that they wrote
    """
    old = write.row
    with session.writer() as connection:
        if attempts.last and _is_written(connection, attempts.last):
            return attempts.last
        row = connection.execute(
            sa.select(_allocation).where(
                _allocation.c.id == old.allocation_id,
                _allocation.c.state == states.CONFIRMING,
                _allocation.c.node_id == old.node_id)
            .with_for_update()).first()
        if row is None:
            raise backend_writes.LeaseLost()
        connection.execute(sa.select(_node.c.id).where(
            _node.c.id == old.node_id).with_for_update())
        backend_writes.compare(connection, write)
        search = taking.Search([old.node_id], [
            open_.backend_id
            for open_ in backend_writes.get_open(connection, [row.uuid])])
        batch = claims.Batch(size=1)
        take = functools.partial(taking.take_particular, connection, row)
        taken = taking.take_sound(connection, take, 1, search, batch.flaws)
        if not taken:
            return None
        connection.execute(
            sa.update(_node).where(_node.c.id == old.node_id).values(
                allocation_id=None, generation=_node.c.generation + 1))
        backend_writes.withdraw(connection, old)
        batch.claims.append(claims.Claim(row, taken[0]))
        claims.write(connection, batch.claims)
        attempts.note(batch)
        return batch


def _is_written(connection, batch):
    """Tell whether an attempt whose COMMIT nobody acknowledged did it."""
    [claim] = batch.claims
    return connection.execute(sa.select(_allocation.c.id).where(
        _allocation.c.id == claim.allocation.id,
        _allocation.c.uuid == claim.allocation.uuid,
        _allocation.c.node_id == claim.node.id)).first() is not None
