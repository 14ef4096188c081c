# SPDX-License-Identifier: Apache-2.0
"""Pages of a long list of allocations."""

import sqlalchemy as sa

from allocator.db import models
from benchmarks import figures
from benchmarks import load

_allocation = models.Allocation.__table__

SORT_KEYS = (None, 'uuid', 'name', 'state', 'last_error', 'resource_class',
             'owner', 'created_at', 'updated_at')

FILTERS = ({}, {'state': 'active'}, {'state': 'error'},
           {'owner': 'project-0001'}, {'owner': 'project-0003'},
           {'resource_class': 'benchmark'},
           {'state': 'error', 'owner': 'project-0001'})


def pages(bench):
    """Measure first, middle and last pages of every list.

    :returns: list of dicts: filter, sort key, direction, page, latency
    """
    connection = bench.connect()
    found = []
    for chosen in FILTERS:
        for key in SORT_KEYS:
            for direction in ('asc', 'desc'):
                for name, marker in markers(bench, chosen, key, direction):
                    path = path_of(bench.scale.page, chosen, key,
                                   direction, marker)
                    found.append({
                        'filter': chosen, 'sort_key': key or 'id',
                        'sort_dir': direction, 'page': name,
                    } | _measure(connection, path, bench.scale.runs))
    connection.close()
    return found


def _measure(connection, path, runs):
    times = []
    for _ in range(2 * runs + 1):
        status, seconds = load.timed(connection, 'GET', path)
        if status != 200:
            raise RuntimeError('GET %s: %d' % (path, status))
        times.append(seconds)
    return figures.latency(times) | {
        'min_ms': round(min(times) * 1e3, 2)}


def path_of(limit, chosen, key=None, direction='asc', marker=None):
    """Write the path of a page.

    :param limit: its rows
    :param chosen: dict of filters
    :param key: what it is sorted by, unless by age
    """
    query = {'limit': limit, **chosen, 'sort_dir': direction}
    if key:
        query['sort_key'] = key
    if marker:
        query['marker'] = marker
    return '/v1/allocations?' + '&'.join('%s=%s' % pair
                                         for pair in query.items())


def markers(bench, chosen, key, direction):
    """Find where pages begin; the order of ties matters to nobody here.

    :returns: list of (name of the page, marker)
    """
    column = _allocation.c[key or 'id']
    conditions = [_allocation.c[name] == value
                  for name, value in chosen.items()]
    order = column.desc() if direction == 'desc' else column.asc()
    with bench.engine.connect() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(
            _allocation).where(*conditions)).scalar()
        found = [('first', None)]
        for name, place in (('middle', count // 2),
                            ('last', count - bench.scale.page - 1)):
            if place >= bench.scale.page:
                found.append((name, connection.execute(
                    sa.select(_allocation.c.uuid).where(*conditions)
                    .order_by(order, _allocation.c.id)
                    .offset(place).limit(1)).scalar()))
    return found


def summary(found):
    """Sum up the pages.

    :param found: what pages() returned
    :returns: dict of the slowest page and of the plain first and last ones
    """
    plain = {page['page']: page for page in found
             if not page['filter'] and page['sort_key'] == 'id'
             and page['sort_dir'] == 'asc'}
    slowest = max(found, key=lambda page: page['p50_ms'])
    return {
        'pages': len(found), 'slowest': slowest,
        'median_p50_ms': figures.percentile(
            [page['p50_ms'] for page in found], 0.5),
        'first': plain['first'], 'last': plain.get('last', plain['first']),
        'over_60_ms': [page for page in found if page['p50_ms'] > 60],
    }
