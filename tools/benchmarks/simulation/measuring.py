# SPDX-License-Identifier: Apache-2.0
"""A site under rising load, and what breaks first."""

import dataclasses

from benchmarks import goals
from benchmarks.simulation import paper
from benchmarks.simulation import queue

RATES = (100, 250, 500, 1000, 2000, 4000)

# Database servers that are written to, in the second part.
WRITERS = 3

# How often a client asks for its allocation, where nothing waits.
GETS = 3


def simulation(site, seconds, rates=RATES):
    """Simulate a site.

    :param site: site.Site
    :param seconds: how long each load lasts
    :param rates: allocations asked for in a second
    :returns: dict of figures
    """
    return {
        'site': vars(site),
        'loads': [queue.simulate(site, rate, seconds) for rate in rates],
        'galera': [queue.simulate(several(site), rate, seconds)
                   for rate in rates],
        'capacities': paper.capacities(site, GETS),
        'sums': {str(rate): paper.sums(site, rate) for rate in rates}}


def several(site):
    """Have a site write to several database servers."""
    return dataclasses.replace(site, writers=WRITERS)


def compare(results):
    """Make the lines of the table.

    :param results: dict that simulation() returned
    :returns: list of goals.Line
    """
    lines = [goals.Line('%d/s%s' % (load['rate'], title), _load(load))
             for name, title in (('loads', ''),
                                 ('galera', ', %d writers' % WRITERS))
             for load in results[name]]
    first = sorted(results['capacities'].items(), key=lambda pair: pair[1])
    lines.append(goals.Line('nothing left from', ', '.join(
        '%s %.0f/s' % pair for pair in first)))
    for rate, found in results['sums'].items():
        lines.append(goals.Line(
            'at %s/s' % rate, '%d connections, tables %.1f GiB, binary log '
            '%.1f MiB/s, replica in one thread %.0f %%' % (
                found['connections'], found['table_gib'],
                found['log_mib_per_s'], found['replica_share'])))
    return lines


def _load(load):
    if not load['is_steady']:
        text = 'does not keep up'
    else:
        text = 'POST %g/%g ms, active %g/%g ms' % tuple(
            load[name][key] for name in ('post', 'active')
            for key in ('p50_ms', 'p99_ms'))
    if load['conflicts']:
        text += ', %.0f %% of the batches lost' % (
            load['conflicts'] / (load['conflicts'] + load['batches']) * 100)
    return '%s; %s' % (text, ', '.join(
        '%s %g %%' % pair for pair in load['shares'].items()))
