# SPDX-License-Identifier: Apache-2.0
"""Gives nodes the profile that says what they are.

Whoever changes traits or properties does it in the same transaction. What is
left for here: nodes that a process of the first release has made or changed,
and all of them when [conductor] schedulable_properties is another than
before.
"""

import collections
import datetime

from oslo_log import log
import sqlalchemy as sa

from allocator.db import known_profiles
from allocator.db import models
from allocator.db import profiles
from allocator.db import session
from allocator.db import traits
from allocator.db import types

LOG = log.getLogger(__name__)

_node = models.Node.__table__

# Nodes that one query reads.
BATCH = 1000

# Nodes in one transaction, which no claim can take meanwhile.
TOGETHER = 100

# Seconds by which a look reaches back behind the one before: a transaction
# may take so long from its last statement to its COMMIT.
MARGIN = 60

# What comes after the first two is what nodes may be alike in.
_COLUMNS = (_node.c.id, _node.c.uuid, _node.c.trait_set_id,
            _node.c.profile_id,
            # As text: fleets have few different ones, and each is parsed
            # once.
            sa.type_coerce(_node.c.properties, types.LongText).label('text'))


class Profiler:
    """Finds nodes with a wrong profile or none, from where it left off.

    :param since: where to begin, by the database's clock; None looks at all
        nodes first
    """

    def __init__(self, since=None):
        self._since = since
        self._wanted: dict = {}
        # Properties that are no JSON objects.
        self._broken: set[str] = set()

    def run(self):
        """Look at the nodes that have changed since the last time.

        The first time these are all.

        :returns: number of nodes that got another profile
        """
        begun = now()
        count = self._look([_node.c.profile_id.is_(None)])
        changed = []
        if self._since is not None:
            changed = [_node.c.updated_at > self._since]
        count += self._look(changed)
        self._since = begun - datetime.timedelta(seconds=MARGIN)
        return count

    def _look(self, conditions):
        count, last_id = 0, 0
        while rows := _read(conditions, last_id):
            count += self._mend(rows)
            last_id = rows[-1].id
        self._wanted.clear()
        self._broken.clear()
        return count

    def _mend(self, rows):
        with session.reader() as connection:
            known = known_profiles.get()
            if any(known.get(row.profile_id) is None for row in rows
                   if row.profile_id is not None):
                known.refresh(connection)
            sets = traits.of_sets(connection,
                                  {row.trait_set_id for row in rows})
        alike = collections.defaultdict(list)
        for row in rows:
            _wanted, digest = self._find(row, sets)
            if row.text in self._broken:
                LOG.warning('The properties of node %s are no JSON object, so '
                            'it counts as one without any', row.uuid)
            profile = known.get(row.profile_id)
            if profile is None or profile.digest != digest:
                alike[row[2:]].append(row)
        count = 0
        for group in alike.values():
            columns = profiles.intern(self._find(group[0], sets)[0])
            for start in range(0, len(group), TOGETHER):
                count += _give(group[start:start + TOGETHER], columns)
        return count

    def _find(self, row, sets):
        key = (row.trait_set_id, row.text)
        if key not in self._wanted:
            properties = types.read_object(row.text)
            if properties is None:
                self._broken.add(row.text)
            wanted = profiles.wanted(sets.get(row.trait_set_id, ()),
                                     properties)
            self._wanted[key] = wanted, profiles.digest(wanted)
        return self._wanted[key]


@session.retried
def now():
    """Read the database's clock."""
    with session.reader() as connection:
        return connection.execute(sa.select(types.utcnow())).scalar()


@session.retried
def _read(conditions, last_id):
    with session.reader() as connection:
        return connection.execute(
            sa.select(*_COLUMNS).where(_node.c.id > last_id, *conditions)
            .order_by(_node.c.id).limit(BATCH)).all()


@session.retried
def _give(alike, columns):
    """Write the profile of some nodes that differ in their ids alone.

    One that has changed since it was read is left out.

    :param alike: list of their rows
    :param columns: see profiles.intern()
    :returns: number of nodes
    """
    text = sa.type_coerce(_node.c.properties, types.LongText)
    row = alike[0]
    with session.writer() as connection:
        return connection.execute(
            sa.update(_node).where(
                _node.c.id.in_([row.id for row in alike]),
                _node.c.trait_set_id.is_not_distinct_from(row.trait_set_id),
                _node.c.profile_id.is_not_distinct_from(row.profile_id),
                text == row.text)
            .values(profile_id=columns['profile_id'])).rowcount
