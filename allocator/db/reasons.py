# SPDX-License-Identifier: Apache-2.0
"""Reasons: why nothing suits those that wait, counted once for all of them."""

import collections
import threading
import time

from allocator.db import census

# Seconds for which a count holds.
AGE = 5

# Requirements whose counts are kept.
REMEMBERED = 2000

# A list of those that wait counts for no more requirements than these: each
# reads all nodes of a class.
LISTED = 20

# Other than a reason for which there is no node, this may be past any moment.
FREE = ('Suitable nodes that are free: %d. One is about to be claimed; if '
        'that goes on, the log of the conductors says why.')
# To whom it was said, another one may have got the node.
LATE = ('Suitable nodes that were free in the last seconds: %d. They went to '
        'others or could not be claimed; the log of the conductors says more.')

_lock = threading.Lock()
# Time, number of suitable nodes and sentence, by requirement.
_kept: collections.OrderedDict = collections.OrderedDict()


def of(requirement):
    """Say why no node suits.

    :param requirement: suitability.Requirement
    :returns: a sentence, at most AGE seconds old; about nodes that are free,
        as of now
    """
    suitable, sentence = _known(requirement) or (1, '')
    if suitable:
        suitable, sentence = _count(requirement)
    return FREE % suitable if suitable else sentence


def at_deadline(requirement):
    """Say why an allocation gets no node that has waited for long enough.

    :param requirement: suitability.Requirement
    :returns: a sentence, at most AGE seconds old
    """
    suitable, sentence = _known(requirement) or _count(requirement)
    return LATE % suitable if suitable else sentence


def few(most=LISTED):
    """Make a function that says why, and does not count for ever.

    :param most: for so many requirements, beyond those that are known
    :returns: function like of(), which says None for any further ones
    """
    said: dict = {}

    def say(requirement):
        suitable, sentence = _known(requirement) or (1, '')
        if not suitable:
            return sentence
        if requirement not in said and len(said) < most:
            said[requirement] = of(requirement)
        return said.get(requirement)

    return say


def _known(requirement):
    """Look up what has been counted.

    :returns: the number of suitable nodes, and why there is none; or None
    """
    with _lock:
        counted_at, *found = _kept.get(requirement, (None, None, None))
    if counted_at is None or counted_at < time.monotonic() - AGE:
        return None
    return found


def _count(requirement):
    """Count; returns what _known() does then."""
    now = time.monotonic()
    found = census.take(requirement)
    with _lock:
        _kept[requirement] = now, *found
        _kept.move_to_end(requirement)
        if len(_kept) > REMEMBERED:
            _kept.popitem(last=False)
    return found


def forget():
    """Keep nothing: for a process that goes on to another database."""
    with _lock:
        _kept.clear()
