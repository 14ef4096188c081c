# SPDX-License-Identifier: Apache-2.0
"""What the measure of size found, in lines."""

from benchmarks import goals

# How many times slower than the small table.
GOAL = 1.3

# Megabytes by which a process may differ without being larger.
SAME_MIB = 10


def compare(results):
    """Make the lines of the table.

    :param results: dict that measuring.size() returned
    :returns: list of goals.Line
    """
    large = results['large']
    lines = [_line(name, found) for name, found
             in results['requests'].items()]
    lines += _lists(results['lists'])
    sizes = [max(process['rss_mib']
                 for group in results[side]['memory'].values()
                 for process in group) for side in ('small', 'large')]
    lines.append(goals.Line(
        'largest process', '%g MiB, small table %g MiB' % (
            sizes[1], sizes[0]), 'the same',
        sizes[1] - sizes[0] <= SAME_MIB))
    lines.append(goals.Line('tables with their indexes', ', '.join(
        '%s %.0f MiB' % (name, bytes_ / 2 ** 20)
        for name, bytes_ in large['bytes'].items())))
    for name, title in (('filling_s', 'filling the tables'),
                        ('migration_s', 'migration'),
                        ('profiles_s', 'profiles of the migrated nodes')):
        if name in large:
            lines.append(goals.Line(title, '%g s' % large[name]))
    lines.append(goals.Line('purge of %d failed allocations'
                            % large['purge']['removed'],
                            '%g s' % large['purge']['seconds']))
    return lines


def _line(title, found):
    return goals.Line(
        title, '%.3g ms, small table %.3g: %.2f times (%.2f to %.2f)' % (
            found['after'], found['before'], found['ratio'],
            found['lowest'], found['highest']),
        '%g times' % GOAL, found['ratio'] <= GOAL)


def _lists(found):
    """Tell the page that the size slows most, by age and in other orders."""
    lines = []
    for title, is_by_age in (('lists by age', True),
                             ('lists in other orders', False)):
        chosen = [page for page in found
                  if (page['sort_key'] == 'id') == is_by_age]
        worst = max(chosen, key=lambda page: page['ratio'])
        slow = sum(page['ratio'] > GOAL for page in chosen)
        lines.append(_line('%d %s, the one that grows most (%s); %d above '
                           'the goal' % (len(chosen), title, _page(worst),
                                         slow), worst))
    return lines


def _page(page):
    return '%s by %s, %s' % (
        ', '.join('%s=%s' % pair for pair in page['values'].items())
        or 'no filter', page['sort_key'], page['page'])
