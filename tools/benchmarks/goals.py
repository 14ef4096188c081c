# SPDX-License-Identifier: Apache-2.0
"""The goals, and how a result compares with them."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of the report.

    :ivar measure: what was measured
    :ivar result: the figures, as text
    :ivar goal: what they should be, as text
    :ivar is_met: whether they are; None where there is no goal
    """

    measure: str
    result: str
    goal: str = ''
    is_met: bool | None = None


def compare(results, factor=1):
    """Compare results with the goals.

    :param results: dict of what the measurements returned
    :param factor: how many times slower the database may be
    :returns: list of Line
    """
    lines = []
    for name, function in (
            ('time_to_active', _time_to_active), ('requests', _requests),
            ('throughput', _throughput), ('variants', _variants),
            ('two_conductors', _two_conductors), ('pages', _pages),
            ('backlog', _backlog), ('overload', _overload),
            ('waiting', _waiting), ('floor', _floor),
            ('memory', _memory), ('idle', _idle)):
        if name in results:
            lines += function(results, factor)
    return lines


def _time_to_active(results, factor):
    found = results['time_to_active']
    p50, p99 = 20 * factor, 50 * factor
    lines = [Line(
        'time to active, idle, %s nodes' % size,
        _latency(run['active']), 'p50 %g, p99 %g ms' % (p50, p99),
        run['active']['p50_ms'] <= p50 and run['active']['p99_ms'] <= p99)
        for size, run in found.items()]
    medians = [run['active']['p50_ms'] for run in found.values()]
    if len(medians) > 1:
        ratio = medians[-1] / medians[0]
        lines.append(Line('the largest against the smallest',
                          '%.2f times' % ratio, '1.3 times', ratio <= 1.3))
    return lines


def _requests(results, factor):
    goals = {'post': (8, 25), 'get': (4, None), 'delete': (12, None)}
    lines = []
    for method, (p50, p99) in goals.items():
        found = results['requests'][method]
        goal = 'p50 %g' % (p50 * factor)
        is_met = found['p50_ms'] <= p50 * factor
        if p99:
            goal += ', p99 %g' % (p99 * factor)
            is_met &= found['p99_ms'] <= p99 * factor
        lines.append(Line(method.upper() + ', one client', _latency(found),
                          goal + ' ms', is_met))
    return lines


def _throughput(results, factor):
    return [Line('throughput, %s nodes' % size, '%g/s' % run['per_second'],
                 '%.0f/s' % (200 / factor) if int(size) >= 10000 else '',
                 run['per_second'] >= 200 / factor
                 if int(size) >= 10000 else None)
            for size, run in results['throughput'].items()]


def _variants(results, factor):
    names = {'one_percent_suitable': 'throughput, 1 % suitable by traits',
             'nine_tenths_taken': 'throughput, 90 % of the nodes taken'}
    lines = []
    for key, name in names.items():
        found = results['variants'][key]
        ratio = found['times_slower']
        lines.append(Line(name, '%g/s, %.2f times slower'
                          % (found['per_second'], ratio), '1.3 times',
                          ratio <= 1.3))
    return lines


def _two_conductors(results, factor):
    one, two = (results['two_conductors'][name] for name in ('one', 'two'))
    clean = set(two['statuses']) == {'201'} and set(
        two['states']) == {'active'}
    return [Line('throughput, two conductors', '%g/s, %s' % (
        two['per_second'], 'no error' if clean else two['states']),
        'no error, not below %g/s' % one['per_second'],
        clean and two['per_second'] >= 0.95 * one['per_second'])]


def _pages(results, factor):
    found = results['pages']
    slowest = found['slowest']
    return [
        Line('%d different pages of a long list' % found['pages'],
             'half below %g ms, slowest p50 %g ms (%s)' % (
                 found['median_p50_ms'], slowest['p50_ms'], _page(slowest)),
             'p50 %g ms' % (60 * factor),
             slowest['p50_ms'] <= 60 * factor),
        Line('first and last page', 'p50 %g and %g ms' % (
            found['first']['p50_ms'], found['last']['p50_ms']), 'the same',
            found['last']['p50_ms'] <= 1.3 * found['first']['p50_ms'])]


def _page(page):
    return ', '.join([
        *('%s=%s' % pair for pair in page['filter'].items()),
        'by %s %s' % (page['sort_key'], page['sort_dir']), page['page']])


def _backlog(results, factor):
    found = results['backlog']
    return [
        Line('conductor alone', '%d/s' % found['per_second'],
             '%.0f/s' % (2000 / factor),
             found['per_second'] >= 2000 / factor),
        Line('against bare SQL', '%.2f of %d/s' % (
            found['share_of_bare'], found['bare_per_second']), '0.33',
            found['share_of_bare'] >= 1 / 3),
        Line('two conductors alone',
             '%d/s' % found['two_conductors_per_second'])]


def _overload(results, factor):
    found = results['overload']
    is_met = (set(found['statuses']) == {'201'}
              and found['states'] == found['wanted']
              and found['settled_after_s'] <= 15)
    return [Line('overload', '%s; %s, settled after %g s' % (
        _counts(found['statuses']), _counts(found['states']),
        found['settled_after_s']),
        'no 5xx; %s within 15 s' % _counts(found['wanted']), is_met)]


def _counts(found):
    return ', '.join('%d %s' % (count, name)
                     for name, count in sorted(found.items()))


def _waiting(results, factor):
    found = results['waiting']
    empty, lines = found['empty'], []
    for kinds, run in found.items():
        if kinds in ('empty', 'deadlines'):
            continue
        who = '%d wait for %s things' % (run['count'], kinds)
        is_goal = int(kinds) <= 20
        ratio = (run['other_class']['active']['p50_ms']
                 / empty['other_class']['active']['p50_ms'])
        lines += [
            Line(who + ': a freed node is given', _latency(run['served']),
                 'p99 %g ms' % (50 * factor) if is_goal else '',
                 run['served']['p99_ms'] <= 50 * factor if is_goal else None),
            Line(who + ': time to active of another class',
                 '%.2f times' % ratio, '1.3 times', ratio <= 1.3),
            Line(who + ': processor time when idle', ', '.join(
                '%s %g %% (%g %% with none)' % (name, share,
                                                empty['idle'].get(name, 0))
                for name, share in run['idle'].items()))]
    deadlines = found['deadlines']
    return [*lines, Line(
        '%d deadlines that pass together' % deadlines['count'],
        'settled after %g s' % deadlines['settled_after_s'],
        '%g s' % (10 * factor),
        deadlines['settled_after_s'] <= 10 * factor)]


def _floor(results, factor):
    return [Line('processor for a POST, %s clients' % clients,
                 '%.2f ms; with a constant answer %.2f, one INSERT %.2f: '
                 '%.2f times' % (found['api'], found['constant'],
                                 found['insert'], found['times']),
                 '2.5 times', found['times'] <= 2.5)
            for clients, found in results['floor'].items()]


def _memory(results, factor):
    largest = max(process['rss_mib']
                  for at_size in results['memory'].values()
                  for group in at_size.values() for process in group)
    return [Line('largest process', '%g MiB resident' % largest, '150 MiB',
                 largest <= 150)]


def _idle(results, factor):
    return [Line('processor time when idle', ', '.join(
        '%s %g %%' % pair for pair in results['idle'].items()))]


def _latency(found):
    return 'p50 %g, p99 %g ms' % (found['p50_ms'], found['p99_ms'])
