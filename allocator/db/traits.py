# SPDX-License-Identifier: Apache-2.0
"""Sets of traits: found or made, read back."""

import hashlib

from oslo_db import exception as db_exc
import sqlalchemy as sa

from allocator.db import models
from allocator.db import session

_set = models.TraitSet.__table__
_member = models.TraitSetMember.__table__


def digest(traits):
    """Name a set of traits by the SHA-256 of its sorted members."""
    return hashlib.sha256(
        '\n'.join(sorted(traits)).encode()).hexdigest()


def intern(traits):
    """Find the set of these traits, or make it.

    It is a transaction of its own. A set that no node comes to refer to
    does no harm.

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
        return connection.execute(
            sa.select(_set.c.id).where(_set.c.digest == key)).scalar()


@session.retried
def _make(key, traits):
    with session.writer() as connection:
        set_id = connection.execute(sa.insert(_set).values(
            digest=key, size=len(traits))).inserted_primary_key[0]
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
