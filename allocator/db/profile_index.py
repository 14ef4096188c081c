# SPDX-License-Identifier: Apache-2.0
"""An index of profiles in memory: which ones suit, without trying each.

Where every machine is a kind of its own there are as many profiles as nodes,
and to try a new request on all of them would take longer than its claim. Sets
of ids by trait and by value are joined instead.
"""

import bisect
import collections

from allocator.common import constraints

# New profiles that are put in their places one by one; of more, all numbers
# are sorted anew.
FEW = 100

_NONE: frozenset = frozenset()


class _Numbers:
    """Ids of profiles by a property that is a number, in its order."""

    def __init__(self):
        self._numbers: list[float] = []
        self._ids: list[int] = []

    def add(self, pairs):
        """Add profiles.

        :param pairs: list of (number, id)
        """
        if len(pairs) > FEW:
            pairs = sorted([*zip(self._numbers, self._ids, strict=True),
                            *pairs])
            self._numbers, self._ids = map(list, zip(*pairs, strict=True))
            return
        for number, id_ in pairs:
            place = bisect.bisect_left(self._numbers, number)
            self._numbers.insert(place, number)
            self._ids.insert(place, id_)

    def at_least(self, number):
        return set(self._ids[bisect.bisect_left(self._numbers, number):])

    def at_most(self, number):
        return set(self._ids[:bisect.bisect_right(self._numbers, number)])


class ProfileIndex:
    """Sets of ids of profiles, by what they have."""

    def __init__(self):
        self._all = set()
        self._by_size = collections.defaultdict(set)
        self._by_trait = collections.defaultdict(set)
        # By the name of the property, and its value.
        self._by_value: dict = collections.defaultdict(
            lambda: collections.defaultdict(set))
        self._numbers = collections.defaultdict(_Numbers)

    def add(self, profiles):
        """Add profiles that are not in it yet.

        :param profiles: iterable of known_profiles.Known
        """
        numbers = collections.defaultdict(list)
        for profile in profiles:
            self._all.add(profile.id)
            self._by_size[len(profile.traits)].add(profile.id)
            for trait in profile.traits:
                self._by_trait[trait].add(profile.id)
            for name, value in profile.properties.items():
                value = constraints.comparable(value)
                self._by_value[name][value].add(profile.id)
                if not isinstance(value, str):
                    numbers[name].append((value, profile.id))
        for name, pairs in numbers.items():
            self._numbers[name].add(pairs)

    def find(self, requirement):
        """Find the profiles that suit, by rank.

        :param requirement: suitability.Requirement
        :returns: dict of tuples of ids by weight, in falling order, and
            number of traits, in rising order
        """
        by_weight = self._weigh(self._suiting(requirement),
                                requirement.preferred)
        found = {}
        for weight in sorted(by_weight, reverse=True):
            for size in sorted(self._by_size):
                if ids := by_weight[weight] & self._by_size[size]:
                    found[weight, size] = tuple(ids)
        return found

    def _suiting(self, requirement):
        wanted = [self._of_trait(trait) for trait in requirement.traits]
        wanted += [set().union(*map(self._of_trait, group))
                   for group in requirement.any_of]
        unwanted = [self._of_trait(trait) for trait in requirement.forbidden]
        for name, operator, value in requirement.properties:
            ids = self._compared(name, operator, value)
            (unwanted if operator in ('!=', 'not in') else wanted).append(ids)
        wanted = sorted(wanted or [self._all], key=len)
        return wanted[0].intersection(*wanted[1:]).difference(*unwanted)

    def _of_trait(self, trait):
        return self._by_trait.get(trait, _NONE)

    def _compared(self, name, operator, value):
        """Find the profiles of which a comparison holds.

        For an operator that negates another one, those of which it does not.
        """
        if operator in ('>=', '<='):
            numbers = self._numbers.get(name)
            if numbers is None:
                return _NONE
            return (numbers.at_least(value) if operator == '>='
                    else numbers.at_most(value))
        by_value: dict = self._by_value.get(name, {})
        values = value if isinstance(value, tuple) else (value,)
        return set().union(*(by_value.get(one, _NONE) for one in values))

    def _weigh(self, ids, preferred):
        """Divide profiles by the weight of their preferred traits.

        :returns: dict of sets of ids by weight
        """
        weights: collections.Counter = collections.Counter()
        for trait, weight in preferred:
            for id_ in ids & self._of_trait(trait):
                weights[id_] += weight
        found = collections.defaultdict(set)
        for id_, weight in weights.items():
            found[weight].add(id_)
        found[0] = ids.difference(weights)
        return found
