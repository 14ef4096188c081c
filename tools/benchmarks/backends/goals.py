# SPDX-License-Identifier: Apache-2.0
"""What is to be reached with backends, and how a result compares with it."""

from benchmarks import goals

# Seconds between two looks, and how much later a change may be known.
POLL_INTERVAL = 5
LATE = 1

# What counts as no slower, and as flat, on a machine that is never idle.
NO_SLOWER = 1.15
FLAT = 1.05


def compare(results):
    """Compare results with the goals.

    :param results: dict of what the measurements returned
    :returns: list of goals.Line
    """
    lines = []
    for name, function in (
            ('time_to_active', _time_to_active), ('throughput', _throughput),
            ('first_look', _first_look), ('look', _look),
            ('change', _change), ('flood', _flood), ('fleet', _fleet)):
        if name in results:
            lines += function(results[name])
    return lines


def _line(measure, result, goal, is_met):
    return goals.Line(measure, result, goal, bool(is_met))


def _time_to_active(found):
    lines = [_line(
        'time to active, %s nodes' % size,
        '%g ms, bare %g ms: %.2f times (%.2f to %.2f)' % (
            run['service']['p50_ms'], run['bare']['p50_ms'], run['ratio'],
            run['ratio_p10'], run['ratio_p90']),
        '1.5 times', run['ratio'] <= 1.5) for size, run in found.items()]
    medians = [run['service']['p50_ms'] for run in found.values()]
    if len(medians) > 1:
        ratio = medians[-1] / medians[0]
        lines.append(_line('the largest against the smallest',
                           '%.2f times' % ratio, 'the same',
                           ratio <= NO_SLOWER))
    return lines


def _throughput(found):
    return [_line(
        'throughput against %s' % count,
        '%g/s, bare %g/s: %.2f times (%s)' % (
            run['service_per_second'], run['bare_per_second'], run['ratio'],
            ', '.join('%.2f' % ratio for ratio in run['ratios'])),
        '0.9 times', run['ratio'] >= 0.9) for count, run in found.items()]


def _first_look(found):
    return [_line('first look at %d nodes' % found['nodes'],
                  '%.1f s; its processor %.1f s, the conductors %.1f s' % (
                      found['seconds'], found['ironic_cpu_s'],
                      found['conductor_cpu_s']), '25 s',
                  found['seconds'] <= 25)]


def _look(found):
    return [_line('a look without changes',
                  '%.2f s of its processor' % found['cpu_s'], '0.2 s',
                  found['cpu_s'] <= 0.2)]


def _change(found):
    longest = POLL_INTERVAL + LATE
    return [_line('a change is known', 'p50 %.1f s, at most %.1f s' % (
        found['p50_ms'] / 1e3, found['max_s']), 'within %d s' % longest,
        found['max_s'] <= longest)]


def _flood(found):
    count = found['requests']
    is_met = (found['statuses'] == {'201': count}
              and found['states'] == {'active': count}
              and found['there'] == count)
    limit = found['max_requests']
    return [
        _line('%d requests at once' % count, '%s; %s; %d there, after %g s' % (
            _counts(found['statuses']), _counts(found['states']),
            found['there'], found['seconds']),
            'none lost, none refused', is_met),
        _line('requests there at the same time',
              '%d, and %d allocations undecided' % (
                  found['most_requests'], found['most_open']),
              'at most %d' % limit,
              max(found['most_requests'], found['most_open']) <= limit)]


def _counts(found):
    return ', '.join('%d %s' % (count, name)
                     for name, count in sorted(found.items()))


def _fleet(found):
    sizes = [memory['largest_mib'] for memory in found['memory']]
    what = '%d nodes of %d backends' % (found['nodes'], found['backends'])
    run = found['drained']
    return [
        goals.Line('first look at ' + what, '%g s' % found['first_look_s']),
        _line('largest conductor process after each full look',
              ', '.join('%g' % size for size in sizes) + ' MiB', 'flat',
              sizes[-1] <= FLAT * sizes[0]),
        _line('idle conductor with ' + what,
              '%g %% of a processor' % found['idle_percent'], '5 %',
              found['idle_percent'] < 5),
        _line('%d drained nodes before 100 others' % found['nodes'],
              '%g ms, without them %g ms: %.2f times (%.2f to %.2f)' % (
                  run['service']['p50_ms'], run['bare']['p50_ms'],
                  run['ratio'], run['ratio_p10'], run['ratio_p90']),
              'no slower', run['ratio'] <= NO_SLOWER)]
