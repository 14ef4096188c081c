# SPDX-License-Identifier: Apache-2.0
"""The profiles that this process remembers, and which of them suit a request.

A profile never changes, so what is remembered is right for as long as nodes
have it. What may be missing are profiles made since: whoever is about to say
that nothing suits calls refresh() first.
"""

import collections
import dataclasses
import itertools
import threading
import time

import sqlalchemy as sa

from allocator.common import constraints
from allocator.db import models
from allocator.db import profile_index
from allocator.db import traits

_profile = models.Profile.__table__

# Requirements whose suiting profiles are remembered.
REMEMBERED = 128

# Ids in one query.
CHUNK = 1000

# Seconds after which what has been removed is forgotten, too.
RENEWAL = 3600

# Seconds after which an id that was passed over does not come any more: the
# database ends transactions that stand still much earlier.
SETTLED = 600

# Ranges of ids that one query asks for.
GAPS = 100


@dataclasses.dataclass(frozen=True)
class Known:
    """A profile, as it is remembered.

    :ivar id: its id
    :ivar digest: see profiles.digest()
    :ivar trait_set_id: id of its set of traits, None for the empty one
    :ivar traits: frozenset of traits
    :ivar properties: dict of schedulable properties
    """

    id: int
    digest: str
    trait_set_id: int | None
    traits: frozenset
    properties: dict


class KnownProfiles:
    """The profiles of the database, as far as this process has seen them."""

    def __init__(self):
        self._lock = threading.Lock()
        self._profiles: dict[int, Known] = {}
        self._index = profile_index.ProfileIndex()
        # The greatest id that has been seen.
        self._last_id = 0
        self._suiting: collections.OrderedDict = collections.OrderedDict()
        # Ranges of ids that have not been seen, below the greatest seen.
        self._gaps: list[tuple[int, int]] = []
        # When the greatest id was which, oldest first, and which it was when
        # the ids below it were settled.
        self._greatest: list[tuple[float, int]] = []
        self._settled = 0
        self._renewed: float | None = None

    def get(self, id_):
        """Look a profile up.

        :param id_: its id
        :returns: Known, or None if it has not been seen
        """
        return self._profiles.get(id_)

    def count(self):
        """Count the profiles that have been seen."""
        return len(self._profiles)

    def suiting(self, requirement):
        """Find the profiles that suit, the best ones first.

        :param requirement: suitability.Requirement
        :returns: dict of tuples of ids by weight of the preferred traits, in
            falling order, and number of traits, in rising order; None if
            every profile suits, and all are equal but for that number
        """
        if not requirement.asks_of_profile:
            return None
        key = (requirement.traits, requirement.forbidden, requirement.any_of,
               requirement.properties, requirement.preferred)
        with self._lock:
            if key in self._suiting:
                self._suiting.move_to_end(key)
                return self._suiting[key]
            found = self._suiting[key] = self._index.find(requirement)
            if len(self._suiting) > REMEMBERED:
                self._suiting.popitem(last=False)
            return found

    def refresh(self, connection):
        """Read the profiles that have been made since the last time.

        A transaction that began early may commit late, with an id lower than
        those known, so ids that were passed over are asked for again.

        :param connection: a database connection
        :returns: whether there were any
        """
        now = time.monotonic()
        with self._lock:
            before = self._profiles
            whole = self._renewed is None or now > self._renewed + RENEWAL
            news = sa.true() if whole else self._may_be_new()
        there = set(connection.execute(
            sa.select(_profile.c.id).where(news)).scalars())
        unseen = sorted(there.difference(before))
        read = {}
        for start in range(0, len(unseen), CHUNK):
            read.update(_read(connection, unseen[start:start + CHUNK]))
        with self._lock:
            gone = set(before).difference(there) if whole else set()
            if whole:
                self._renewed = now
            if read or gone:
                self._learn(read, gone)
            self._note_gaps(now, bool(read or gone))
        return bool(read)

    def _learn(self, read, gone):
        """Add and forget profiles.

        :param read: dict of Known by id
        :param gone: set of ids
        """
        self._suiting.clear()
        news = [known for id_, known in read.items()
                if id_ not in self._profiles]
        kept = {id_: known for id_, known in self._profiles.items()
                if id_ not in gone}
        # Never changed in place: get() takes no lock.
        self._profiles = kept | read
        self._last_id = max(self._profiles, default=0)
        if gone:
            self._index = profile_index.ProfileIndex()
            news = list(self._profiles.values())
        self._index.add(news)

    def _may_be_new(self):
        """Build the condition on ids that may have been made since.

        With very many profiles even their ids take long to read.
        """
        if len(self._gaps) > GAPS:
            return _profile.c.id >= self._gaps[0][0]
        return sa.or_(_profile.c.id > self._last_id,
                      *(_profile.c.id.between(*gap) for gap in self._gaps))

    def _note_gaps(self, now, has_changed):
        """Note the ids that have been passed over a short time ago."""
        while self._greatest and self._greatest[0][0] < now - SETTLED:
            self._settled = self._greatest.pop(0)[1]
        if has_changed:
            ids = sorted(self._profiles)
            self._gaps = [(low + 1, high - 1) for low, high in
                          itertools.pairwise([0, *ids]) if high > low + 1]
            self._greatest.append((now, ids[-1] if ids else 0))
        self._gaps = [gap for gap in self._gaps if gap[1] > self._settled]


def suits(requirement, profile):
    """Tell whether a profile has what a request asks of one.

    For a profile or two; which of all do, suiting() knows.

    :param requirement: suitability.Requirement
    :param profile: Known
    """
    demands = [
        *constraints.trait_demands(requirement.forbidden, requirement.any_of),
        *constraints.property_demands(requirement.properties)]
    return profile.traits.issuperset(requirement.traits) and all(
        demand.is_met(profile.traits, profile.properties)
        for demand in demands)


def _read(connection, ids):
    rows = connection.execute(
        sa.select(_profile.c.id, _profile.c.digest, _profile.c.trait_set_id,
                  _profile.c.properties)
        .where(_profile.c.id.in_(ids))).all()
    sets = {id_: frozenset(names) for id_, names in traits.of_sets(
        connection, {row.trait_set_id for row in rows}).items()}
    return {row.id: Known(row.id, row.digest, row.trait_set_id,
                          sets.get(row.trait_set_id, frozenset()),
                          row.properties)
            for row in rows}


_known = KnownProfiles()


def get():
    """Get the profiles that this process remembers.

    :returns: KnownProfiles
    """
    return _known


def forget():
    """Remember nothing: for a process that goes on to another database."""
    global _known
    _known = KnownProfiles()
