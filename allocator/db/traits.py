# SPDX-License-Identifier: Apache-2.0
"""Sets of traits: found or made, read back, removed when nothing has them.

See ``allocator.db.models.TraitSet``.
"""

import datetime
import hashlib

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.db import models
from allocator.db import session
from allocator.db import types

_node = models.Node.__table__
_profile = models.Profile.__table__
_set = models.TraitSet.__table__
_member = models.TraitSetMember.__table__

# Seconds that a set stays without profiles.
UNUSED = 3600

# Sets that one transaction removes. PostgreSQL reads all nodes for each, to
# see that none refers to it.
BATCH = 50


def digest(traits):
    """Name a set of traits by the SHA-256 of its sorted members."""
    return hashlib.sha256(
        '\n'.join(sorted(traits)).encode()).hexdigest()


def intern(traits):
    """Find the set of these traits, or make it.

    It is a transaction of its own. A set that no profile comes to refer to
    does no harm: it goes after an hour.

    :param traits: iterable of traits
    :returns: id of the set, or None when there are no traits
    """
    traits = sorted(set(traits))
    if not traits:
        return None
    key = digest(traits)
    try:
        return _find(key) or _make(key, traits)
    except db_exc.DBDuplicateEntry:
        return _find(key)  # somebody else has just made it


@session.retried
def _find(key):
    with session.reader() as connection:
        row = connection.execute(
            sa.select(_set.c.id, _set.c.updated_at)
            .where(_set.c.digest == key)).first()
    if row is None or row.updated_at is not None and not _keep(row.id):
        return None
    return row.id


def _keep(id_):
    """Begin anew the hour that a set stays without profiles.

    :returns: whether it is still there; the row's lock decides between this
        and its removal
    """
    with session.writer() as connection:
        return connection.execute(
            sa.update(_set).where(_set.c.id == id_)
            .values(updated_at=types.utcnow())).rowcount > 0


@session.retried
def _make(key, traits):
    with session.writer() as connection:
        set_id = connection.execute(sa.insert(_set).values(
            digest=key, size=len(traits), created_at=types.utcnow(),
            updated_at=types.utcnow())).inserted_primary_key[0]
        connection.execute(sa.insert(_member), [
            {'trait_set_id': set_id, 'trait': trait} for trait in traits])
        return set_id


def of_set(connection, set_id):
    """List the traits of a set.

    :param set_id: id of the set, or None for the empty one
    :returns: sorted list of traits
    """
    return of_sets(connection, [set_id]).get(set_id, [])


def of_sets(connection, set_ids):
    """List the traits of several sets with one query.

    :param set_ids: iterable of ids, among which may be None
    :returns: dict of sorted lists of traits by id
    """
    ids = {id_ for id_ in set_ids if id_ is not None}
    found: dict[int, list[str]] = {id_: [] for id_ in ids}
    if ids:
        for id_, trait in connection.execute(
                sa.select(_member.c.trait_set_id, _member.c.trait)
                .where(_member.c.trait_set_id.in_(ids))
                .order_by(_member.c.trait)):
            found[id_].append(trait)
    return found


def remove_unused():
    """Remove the sets that no profile has had for an hour.

    Not while processes of the first release live: these give sets to nodes
    without saying that they want them.

    :returns: how many
    """
    _mark()
    removed, last_id = 0, 0
    while ids := _unused(last_id):
        removed += _remove(ids)
        last_id = ids[-1]
    return removed


def _has_profiles():
    return sa.exists().where(_profile.c.trait_set_id == _set.c.id)


@session.retried
def _mark():
    """Note which sets have come to have no profiles, or some again."""
    with session.writer() as connection:
        connection.execute(
            sa.update(_set).where(_set.c.updated_at.is_(None),
                                  ~_has_profiles())
            .values(updated_at=types.utcnow()))
        connection.execute(
            sa.update(_set).where(_set.c.updated_at.is_not(None),
                                  _has_profiles())
            .values(updated_at=None))


def _are_unused(connection):
    """List the conditions on sets that are to be removed."""
    now = connection.execute(sa.select(types.utcnow())).scalar()
    return [_set.c.updated_at < now - datetime.timedelta(seconds=UNUSED),
            ~_has_profiles()]


@session.retried
def _unused(after_id):
    with session.reader() as connection:
        return connection.execute(
            sa.select(_set.c.id).where(_set.c.id > after_id,
                                       *_are_unused(connection))
            .order_by(_set.c.id).limit(BATCH)).scalars().all()


@session.retried
def _remove(ids):
    """Remove sets, unless they are wanted again, or nodes still have them.

    Whoever interns one has moved updated_at on, under the row's lock.
    """
    try:
        with session.writer() as connection:
            locked = connection.execute(
                sa.select(_set.c.id).where(
                    _set.c.id.in_(ids), *_are_unused(connection))
                .with_for_update()).scalars().all()
            # Those that the first release has given to nodes.
            held = set(connection.execute(
                sa.select(_node.c.trait_set_id).distinct().where(
                    _node.c.trait_set_id.in_(locked))).scalars())
            gone = [id_ for id_ in locked if id_ not in held]
            connection.execute(sa.delete(_member).where(
                _member.c.trait_set_id.in_(gone)))
            return connection.execute(sa.delete(_set).where(
                _set.c.id.in_(gone))).rowcount
    except db_exc.DBReferenceError:
        # A profile or a node got one of them in between. The next time, then.
        return 0
