# SPDX-License-Identifier: Apache-2.0
"""Looks at one backend that somebody waits for.

What a backend has ended is known here at the next look. Whoever knows it
already can have one, and all that want one share it.
"""

import sqlalchemy as sa

from allocator.db import backends
from allocator.db import models
from allocator.db import session
from allocator.db import types

_allocation = models.Allocation.__table__
_backend = models.Backend.__table__
_node = models.Node.__table__


@session.retried
def in_the_way(uuid=None, name=None, node=None):
    """Find the backends that may have ended what something conflicts with.

    :param uuid: UUID that an allocation or an instance bears
    :param name: name of an allocation
    :param node: UUID of a node
    :returns: set of ids of backends that have nodes concerned
    """
    conditions = []
    if not backends.names():
        return set()
    if uuid is not None:
        conditions.append(_node.c.instance_uuid == uuid)
    if name is not None:
        conditions.append(_node.c.id == sa.select(
            _allocation.c.node_id).where(
                _allocation.c.name == name).scalar_subquery())
    if node is not None:
        conditions.append(_node.c.uuid == node)
    found: set[int] = set()
    with session.reader() as connection:
        # One by one, each with its index.
        for condition in conditions:
            found.update(connection.execute(sa.select(
                _node.c.backend_id).where(
                    condition, _node.c.backend_id != models.OWN)).scalars())
    return found


@session.retried
def want(id_):
    """Have a backend looked at once more.

    :param id_: its id
    :returns: the time, by the database's clock, that the look shall begin
        after; None if there will be none
    """
    with session.reader() as connection:
        row = connection.execute(
            sa.select(*_backend.c, types.utcnow().label('now'))
            .where(_backend.c.id == id_)).first()
    if row is None or row.name not in backends.names() or (
            row.failing_since is not None):
        return None
    with session.writer() as connection:
        connection.execute(
            sa.update(_backend).where(
                _backend.c.id == id_,
                sa.or_(_backend.c.look_wanted_at.is_(None),
                       _backend.c.look_wanted_at < row.now))
            .values(look_wanted_at=row.now))
    return row.now


@session.retried
def has_come(id_, since):
    """Tell whether a look that was wanted has come to its end.

    :param id_: id of the backend
    :param since: what want() has returned
    :returns: whether it has; None if it has failed
    """
    with session.reader() as connection:
        row = connection.execute(
            sa.select(_backend.c.looked_at, _backend.c.failing_since)
            .where(_backend.c.id == id_)).first()
    if row is None or row.failing_since is not None:
        return None
    return row.looked_at is not None and row.looked_at >= since
