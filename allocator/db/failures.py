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

# States of an allocation that has no node, and may yet get one.
_UNSERVED = (states.ALLOCATING, states.WAITING)

UUID_TAKEN = 'The UUID has become the instance UUID of another node.'


@session.retried
def fail(id_, reason):
    """Turn an allocation to ``error`` that is pending or waits.

    :param id_: its id
    :param reason: why it fails
    :returns: list of Failure, empty if it is neither any more
    """
    with session.writer() as connection:
        return _fail(connection, _lock(connection, id_), reason)


@session.retried
def fail_taken(id_):
    """Turn an allocation to ``error`` if its UUID is a node's instance.

    :param id_: id of the allocation, which is pending or waits
    :returns: list of Failure, empty if that is not what is wrong with it
    """
    with session.writer() as connection:
        rows = _lock(connection, id_)
        taken = rows and connection.execute(sa.select(_node.c.id).where(
            _node.c.instance_uuid == rows[0].uuid)).first()
        return _fail(connection, rows, UUID_TAKEN) if taken else []


def _lock(connection, id_):
    return connection.execute(
        sa.select(_allocation).where(
            _allocation.c.id == id_, _allocation.c.state.in_(_UNSERVED))
        .with_for_update(skip_locked=True)).all()


def _fail(connection, rows, reason):
    waiting = [row.id for row in rows if waiters.has_waited(row)]
    if waiting:
        waiters.leave(connection, waiting)
    return claims.write_failures(connection, rows,
                                 {row.id: reason for row in rows})


@session.retried
def fail_unread(id_, reason):
    """Turn an allocation to ``error`` whose row cannot be read.

    It is pending, or waits.

    :param id_: id of the allocation
    :param reason: why it fails
    :returns: its UUID, None if there is none any more
    """
    with session.writer() as connection:
        has_failed = connection.execute(
            sa.update(_allocation).where(
                _allocation.c.id == id_, _allocation.c.state.in_(_UNSERVED))
            .values(state=states.ERROR, updated_at=types.utcnow(),
                    last_error=reason)).rowcount
        if has_failed:
            waiters.leave(connection, [id_])
        return connection.execute(sa.select(_allocation.c.uuid).where(
            _allocation.c.id == id_)).scalar()
