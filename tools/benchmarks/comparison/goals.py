# SPDX-License-Identifier: Apache-2.0
"""The table of the comparison, and whether what was to be reached was."""

from benchmarks import goals
from benchmarks.comparison import measures

# A ratio of one pair that is off by less is what any two runs may differ by
# where the noise was not measured.
NOISE = 0.1


def compare(results):
    """Make the lines of the table.

    :param results: dict that running.results() returned
    :returns: list of goals.Line
    """
    lines = []
    for name, found in results['measures'].items():
        if 'compared' in found:
            lines.append(_line(name, found['compared'], found.get('noise')))
    for side, shares in results['shares'].items():
        lines.append(goals.Line(
            'shares of the processors, ' + side, ', '.join(
                '%s %g %%' % pair for pair in shares.items())))
    return lines


def _line(name, compared, noise):
    measure = measures.find(name)
    result = '%s %s, before %s: %.2f times (%.2f to %.2f)' % (
        _number(compared['after']), measure.unit, _number(compared['before']),
        compared['ratio'], compared['lowest'], compared['highest'])
    if noise:
        result += '; the same twice %.2f to %.2f' % (noise['lowest'],
                                                     noise['highest'])
    if name == 'share_of_bare':
        return goals.Line(measure.title, result,
                          '%g' % measures.SHARE_OF_BARE,
                          compared['after'] >= measures.SHARE_OF_BARE)
    if measure.goal is not None:
        return goals.Line(
            measure.title, result, '%s %g times' % (
                'at least' if measure.is_more_better else 'at most',
                measure.goal), _is_reached(measure, compared['ratio']))
    return goals.Line(measure.title, result, 'not worse',
                      is_not_worse(measure, compared, noise))


def _is_reached(measure, ratio):
    return (ratio >= measure.goal if measure.is_more_better
            else ratio <= measure.goal)


def is_not_worse(measure, compared, noise):
    """Tell whether a difference could be noise, or is for the better.

    :param measure: measures.Measure
    :param compared: dict as rounds.Compared
    :param noise: the same of one side measured twice, or None
    """
    if measure.is_more_better:
        lowest = noise['lowest'] if noise else 1 - NOISE
        return compared['ratio'] >= min(lowest, 1)
    highest = noise['highest'] if noise else 1 + NOISE
    return compared['ratio'] <= max(highest, 1)


def _number(value):
    return '%.3g' % value if value < 1000 else '%.0f' % value
