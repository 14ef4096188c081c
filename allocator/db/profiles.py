# SPDX-License-Identifier: Apache-2.0
"""The profiles table: found or made, and removed when no node has them.

See ``allocator.db.models.Profile``. Which profiles suit a request is decided
in memory, by ``allocator.db.known_profiles``.
"""

import dataclasses
import datetime
import hashlib
import json

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.common import schedulable
from allocator.db import models
from allocator.db import session
from allocator.db import traits as db_traits
from allocator.db import types

_node = models.Node.__table__
_profile = models.Profile.__table__

# Seconds that a profile stays without nodes.
UNUSED = 3600

# Profiles that one transaction removes.
BATCH = 500


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a node's profile must say.

    :ivar traits: sorted tuple of traits
    :ivar properties: the schedulable ones, as schedulable.values_of() has
        them
    """

    traits: tuple
    properties: dict


def wanted(traits, properties):
    """Say which profile a node needs.

    :param traits: iterable of its traits
    :param properties: its properties, as they are stored; what is no dict
        counts as an empty one
    :returns: Wanted
    """
    return Wanted(tuple(sorted(set(traits))),
                  schedulable.values_of(properties))


def digest(profile):
    """Name a profile by the SHA-256 of what it says.

    :param profile: Wanted
    :returns: 64 hexadecimal digits
    """
    text = json.dumps([profile.traits, profile.properties], sort_keys=True,
                      separators=(',', ':'))
    return hashlib.sha256(text.encode()).hexdigest()


def columns(connection, profile):
    """Find a profile within a transaction that gives it to a node.

    It is locked against its removal, not against others who give it.

    :param connection: a database connection within that transaction
    :param profile: Wanted
    :returns: dict of the node's columns that say its profile, or None if
        there is no such profile yet: intern() makes it
    """
    row = connection.execute(
        sa.select(_profile.c.id, _profile.c.trait_set_id).where(
            _profile.c.digest == digest(profile))
        .with_for_update(read=True, key_share=True)).first()
    if row is None:
        return None
    return {'profile_id': row.id, 'trait_set_id': row.trait_set_id,
            'trait_count': len(profile.traits)}


def intern(profile):
    """Find a profile, or make it.

    It is a transaction of its own. One that no node comes to have does no
    harm: it goes after an hour.

    :param profile: Wanted
    :returns: dict of the node's columns that say its profile
    """
    key = digest(profile)
    try:
        id_, trait_set_id = _find(key) or _make(key, profile)
    except db_exc.DBDuplicateEntry:
        id_, trait_set_id = _find(key)  # somebody else has just made it
    return {'profile_id': id_, 'trait_set_id': trait_set_id,
            'trait_count': len(profile.traits)}


@session.retried
def _find(key):
    with session.reader() as connection:
        row = connection.execute(
            sa.select(_profile.c.id, _profile.c.trait_set_id,
                      _profile.c.unused_since)
            .where(_profile.c.digest == key)).first()
    if row is None:
        return None
    if row.unused_since is not None and not _keep(row.id):
        return None
    return row.id, row.trait_set_id


def _keep(id_):
    """Begin anew the hour that a profile stays without nodes.

    :returns: whether it is still there; the row's lock decides between this
        and its removal
    """
    with session.writer() as connection:
        return connection.execute(
            sa.update(_profile).where(_profile.c.id == id_)
            .values(unused_since=types.utcnow())).rowcount > 0


@session.retried
def _make(key, profile):
    trait_set_id = db_traits.intern(profile.traits)
    with session.writer() as connection:
        id_ = connection.execute(sa.insert(_profile).values(
            digest=key, trait_set_id=trait_set_id,
            properties=profile.properties, created_at=types.utcnow(),
            unused_since=types.utcnow())).inserted_primary_key[0]
    return id_, trait_set_id


def _has_nodes():
    return sa.exists().where(_node.c.profile_id == _profile.c.id)


def remove_unused():
    """Remove the profiles that no node has had for an hour.

    :returns: how many
    """
    _mark()
    removed = 0
    while count := _remove(_unused()):
        removed += count
    return removed


@session.retried
def _mark():
    """Note which profiles have come to have no nodes, or some again."""
    with session.writer() as connection:
        connection.execute(
            sa.update(_profile).where(_profile.c.unused_since.is_(None),
                                      ~_has_nodes())
            .values(unused_since=types.utcnow()))
        connection.execute(
            sa.update(_profile).where(_profile.c.unused_since.is_not(None),
                                      _has_nodes())
            .values(unused_since=None))


def _is_old(now):
    return _profile.c.unused_since < now - datetime.timedelta(seconds=UNUSED)


@session.retried
def _unused():
    with session.reader() as connection:
        now = connection.execute(sa.select(types.utcnow())).scalar()
        return connection.execute(
            sa.select(_profile.c.id).where(_is_old(now), ~_has_nodes())
            .limit(BATCH)).scalars().all()


@session.retried
def _remove(ids):
    """Remove profiles, unless they are wanted again.

    Whoever interns one has moved unused_since on, under the row's lock.
    """
    try:
        with session.writer() as connection:
            now = connection.execute(sa.select(types.utcnow())).scalar()
            return connection.execute(
                sa.delete(_profile).where(
                    _profile.c.id.in_(ids), _is_old(now),
                    ~_has_nodes())).rowcount
    except db_exc.DBReferenceError:
        # A node got one of them in between. The next time, then.
        return 0
