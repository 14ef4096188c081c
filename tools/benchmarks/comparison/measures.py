# SPDX-License-Identifier: Apache-2.0
"""What the measures are called, and what is to be reached."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Measure:
    """A measure.

    :ivar title: for the table
    :ivar unit: of its figures
    :ivar goal: what the ratio shall be at most, or at least where more is
        better; None where it shall not be worse than the noise
    :ivar is_more_better: whether it is a rate
    """

    title: str
    unit: str
    goal: float | None = None
    is_more_better: bool = False


_ALL = (
    ('cpu', 'processor of API and conductor for an allocation', 'ms', 0.5),
    ('cpu_api', '… of the API', 'ms'),
    ('cpu_conductor', '… of the conductor', 'ms'),
    ('cpu_database', '… of the database', 'ms'),
    ('cpu_bus', '… of the bus', 'ms'),
    ('cpu_clients', '… of the clients that measure', 'ms'),
    ('per_second', 'throughput of that', '/s', 1.6, True),
    ('active_(.*)', r'time to active, idle, \1 nodes', 'ms', 0.8),
    ('post_(.*)', r'POST, \1 nodes', 'ms', 0.8),
    ('post', 'POST', 'ms', 0.8),
    ('get', 'GET', 'ms'),
    ('delete', 'DELETE', 'ms'),
    ('allocations', 'page of allocations', 'ms', 0.7),
    ('nodes', 'page of nodes for a tenant', 'ms', 0.4),
    ('nodes_detail', '… with all fields', 'ms', 0.4),
    ('backlog', 'conductor alone', '/s', None, True),
    ('bare', 'bare SQL', '/s', None, True),
    ('share_of_bare', 'conductor alone as a share of bare SQL', '', None,
     True),
    ('rss_(.*)', r'largest process: \1, resident', 'MiB'),
    ('pss_(.*)', r'… \1, its share of common pages', 'MiB'),
    ('one_percent_suitable', 'throughput, 1 % suitable by traits', '/s',
     None, True),
    ('nine_tenths_taken', 'throughput, 90 % of the nodes taken', '/s', None,
     True),
    ('all_free', '… all free, as few at a time', '/s', None, True),
    ('all_suitable_in_small_rounds', '… all suitable, as few at a time',
     '/s', None, True),
    ('pages_median', 'all pages of a long list, the median', 'ms'),
    ('pages_slowest', '… the slowest', 'ms'),
    ('overload_posts', 'POSTs in overload', '/s', None, True),
    ('idle', 'processor when idle', '%'),
)


def find(name):
    """Find a measure.

    :param name: as the parts call it
    :returns: Measure
    :raises: KeyError
    """
    for pattern, title, *rest in _ALL:
        match = re.fullmatch(pattern, name)
        if match:
            return Measure(match.expand(title), *rest)
    raise KeyError(name)


# What the conductor alone shall reach of the bare script; not a ratio of the
# two sides.
SHARE_OF_BARE = 0.65
