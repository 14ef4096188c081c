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

FREE = '%d suitable nodes are free; it is about to be served.'

_lock = threading.Lock()
_kept: collections.OrderedDict = collections.OrderedDict()


def of(requirement):
    """Say why no node suits.

    :param requirement: suitability.Requirement
    :returns: a sentence, at most AGE seconds old
    """
    now = time.monotonic()
    with _lock:
        kept = _kept.get(requirement)
    if kept is None or kept[0] < now - AGE:
        suitable, sentence = census.take(requirement)
        if suitable:
            sentence = FREE % suitable
        kept = now, sentence
        with _lock:
            _kept[requirement] = kept
            _kept.move_to_end(requirement)
            if len(_kept) > REMEMBERED:
                _kept.popitem(last=False)
    return kept[1]


def forget():
    """Keep nothing: for a process that goes on to another database."""
    with _lock:
        _kept.clear()
