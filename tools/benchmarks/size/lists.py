# SPDX-License-Identifier: Apache-2.0
"""Pages of a large table beside the same pages of a small one."""

import dataclasses

import sqlalchemy as sa

from allocator.db import models
from benchmarks import figures
from benchmarks import load
from benchmarks import pages
from benchmarks.comparison import rounds

_allocation = models.Allocation.__table__
_node = models.Node.__table__

# Rows of a page: each filter leaves as many in the small table too.
PAGE = 100

# How often a page is asked for in one round; the first is not counted.
TIMES = 5


def lists(benches, pairs):
    """Measure the first page of each filter in each order, and one in the
    middle where it is by age.

    :param benches: list of bench.Bench: the small table, the large one
    :param pairs: how often each page of each is measured
    :returns: list of dicts: the filter's values, sort key, page, and as
        rounds.Compared
    """
    found = []
    connections = [bench.connect() for bench in benches]
    for chosen, key, place in _kinds():
        paths = [_path(bench, chosen, key, place) for bench in benches]
        runs = [[] for _ in benches]
        for number in range(pairs):
            for index in rounds.order(range(len(benches)), number):
                runs[index].append(_measure(connections[index],
                                            paths[index]))
        found.append({'values': chosen, 'sort_key': key or 'id',
                      'page': place}
                     | dataclasses.asdict(rounds.compare(*runs)))
    for connection in connections:
        connection.close()
    return found


def _kinds():
    """List filters, sort keys and places in the list."""
    for chosen in (*pages.FILTERS, {'node': None}):
        for key in pages.SORT_KEYS:
            yield chosen, key, 'first'
        if 'node' not in chosen:
            yield chosen, None, 'middle'


def _path(bench, chosen, key, place):
    if 'node' in chosen:
        chosen = {'node': _a_taken_node(bench.engine)}
    marker = None
    if place == 'middle':
        marker = _middle(bench.engine, chosen)
    return pages.path_of(PAGE, chosen, key, marker=marker)


def _middle(engine, chosen):
    conditions = [_allocation.c[name] == value
                  for name, value in chosen.items()]
    with engine.connect() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(
            _allocation).where(*conditions)).scalar()
        return connection.execute(
            sa.select(_allocation.c.uuid).where(*conditions)
            .order_by(_allocation.c.id).offset(count // 2).limit(1)).scalar()


def _a_taken_node(engine):
    with engine.connect() as connection:
        return connection.execute(
            sa.select(_node.c.uuid).join(
                _allocation, _allocation.c.id == _node.c.allocation_id)
            .order_by(_node.c.id).limit(1)).scalar()


def _measure(connection, path):
    times = []
    for _ in range(TIMES + 1):
        status, seconds = load.timed(connection, 'GET', path)
        if status != 200:
            raise RuntimeError('GET %s: %d' % (path, status))
        times.append(seconds)
    return figures.latency(times[1:])['p50_ms']
