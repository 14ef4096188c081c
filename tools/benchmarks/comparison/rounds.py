# SPDX-License-Identifier: Apache-2.0
"""Who is measured when, and what follows from figures measured in turns."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Compared:
    """One measure of two installations.

    :ivar before: median of the one
    :ivar after: median of the other
    :ivar ratio: of the medians, after to before
    :ivar lowest: the smallest ratio of one pair
    :ivar highest: the largest ratio of one pair
    :ivar pairs: list of (before, after) in the order of the pairs
    """

    before: float
    after: float
    ratio: float
    lowest: float
    highest: float
    pairs: list


def order(sides, number):
    """Tell in which order the sides are measured.

    What drifts over a round hits each of them first as often as last.

    :param sides: list
    :param number: of the round, from 0
    """
    return list(sides) if number % 2 == 0 else list(reversed(sides))


def compare(before, after):
    """Compare figures that were measured in turns.

    :param before: list of figures of the one
    :param after: list of figures of the other, in the same order of pairs
    :returns: Compared; None if there is nothing to compare by
    :raises: ValueError if these are no pairs
    """
    pairs = list(zip(before, after, strict=True))
    if not pairs or not all(one > 0 for one in before):
        return None
    ratios = [other / one for one, other in pairs]
    medians = statistics.median(before), statistics.median(after)
    return Compared(*medians, medians[1] / medians[0], min(ratios),
                    max(ratios), pairs)


def medians(found):
    """Sum up several dicts of figures.

    :param found: list of dicts with the same keys
    :returns: dict of the medians
    """
    return {name: statistics.median(one[name] for one in found)
            for name in found[0]}
