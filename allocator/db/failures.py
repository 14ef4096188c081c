# SPDX-License-Identifier: Apache-2.0
"""The failure: an allocation that cannot be processed becomes ``error``."""

import sqlalchemy as sa

from allocator.common import states
from allocator.db import claims
from allocator.db import models
from allocator.db import session
from allocator.db import types
from allocator.db import waiters

_allocation = models.Allocation.__table__
_node = models.Node.__table__

UUID_TAKEN = 'The UUID has become the instance UUID of another node.'


@session.retried
def fail(reasons):
    """Turn allocations to ``error``.

    :param reasons: dict of why an allocation fails, by its id
    :returns: list of Failure, for those that were still pending
    """
    with session.writer() as connection:
        return claims.write_failures(
            connection, claims.lock_pending(connection, reasons), reasons)


@session.retried
def fail_taken(id_):
    """Turn an allocation to ``error`` if its UUID is a node's instance.

    :param id_: id of the allocation
    :returns: list of Failure, empty if that is not what is wrong with it
    """
    with session.writer() as connection:
        rows = claims.lock_pending(connection, [id_])
        taken = rows and connection.execute(sa.select(_node.c.id).where(
            _node.c.instance_uuid == rows[0].uuid)).first()
        return (claims.write_failures(connection, rows, {id_: UUID_TAKEN})
                if taken else [])


@session.retried
def fail_waiting(id_, reason):
    """Turn an allocation to ``error`` that waits, and cannot be served.

    :param id_: id of the allocation
    :param reason: why it fails; None to let it fail only if its UUID is a
        node's instance
    :returns: list of Failure
    """
    with session.writer() as connection:
        rows = connection.execute(
            sa.select(_allocation).where(
                _allocation.c.id == id_,
                _allocation.c.state == states.WAITING)
            .with_for_update(skip_locked=True)).all()
        if rows and connection.execute(sa.select(_node.c.id).where(
                _node.c.instance_uuid == rows[0].uuid)).first():
            reason = UUID_TAKEN
        if not rows or reason is None:
            return []
        waiters.leave(connection, [id_])
        return claims.write_failures(connection, rows, {id_: reason})


@session.retried
def fail_unread(id_, reason):
    """Turn a pending allocation to ``error`` whose row cannot be read.

    :param id_: id of the allocation
    :param reason: why it fails
    :returns: its UUID, None if there is none any more
    """
    with session.writer() as connection:
        connection.execute(
            sa.update(_allocation).where(
                _allocation.c.id == id_,
                _allocation.c.state == states.ALLOCATING)
            .values(state=states.ERROR, updated_at=types.utcnow(),
                    last_error=reason))
        return connection.execute(sa.select(_allocation.c.uuid).where(
            _allocation.c.id == id_)).scalar()
