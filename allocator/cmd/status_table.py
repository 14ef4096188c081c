# SPDX-License-Identifier: Apache-2.0
"""What "allocator-status show" has found, as a screen of text."""

# Seconds of each unit of time, the greatest first.
_UNITS = (('d', 86400), ('h', 3600), ('m', 60))

# Longer ones are cut: the screen has an end.
_LONGEST = 200


def render(found):
    """Put what was found into lines.

    :param found: what status_show.look() returns
    :returns: text, without a newline at the end
    """
    sections = [_versions(found['versions']), _conductors(found['conductors'])]
    if 'error' in found:
        sections.append(found['error'])
    else:
        sections += [
            _allocations(found), _reasons(found['waiting']['by_reason']),
            _pool(found['pool']), _backends(found['backends'])]
    return '\n\n'.join(section for section in sections if section)


def duration(seconds):
    """Put a time into few characters: "12 s", "3 m", "5 h", "2 d".

    :param seconds: the time; None for one that is not known
    """
    if seconds is None:
        return '-'
    for unit, size in _UNITS:
        # Twice the unit, so that no more than half of it is lost.
        if seconds >= 2 * size:
            return '%d %s' % (seconds // size, unit)
    return '%d s' % seconds


def _columns(title, head, rows):
    """Align rows below a title.

    :param title: line above them
    :param head: names of the columns
    :param rows: list of tuples of values
    """
    cells = [[_cell(value) for value in row] for row in (head, *rows)]
    widths = [max(len(row[index]) for row in cells)
              for index in range(len(head))]
    return '\n'.join([title] + [
        ('  ' + '  '.join(cell.ljust(width) for cell, width in zip(
            row, widths, strict=True))).rstrip() for row in cells])


def _cell(value):
    text = '-' if value is None else ' '.join(str(value).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST - 1] + '…'


def _versions(versions):
    text = 'Release %(release)s, schema %(schema)s' % versions
    if versions['schema'] != versions['schema_wanted']:
        text += (' (this release needs %(schema_wanted)s: see '
                 '"allocator-status upgrade check")' % versions)
    return text


def _conductors(conductors):
    alive = sum(found['alive'] for found in conductors)
    title = 'Conductors: %d of %d alive' % (alive, len(conductors))
    if not conductors:
        return title
    return _columns(title, ('host', 'alive', 'heartbeat', 'version'), [
        (found['host'], 'yes' if found['alive'] else 'NO',
         duration(found['heartbeat_age_seconds']) + ' ago',
         _version(found)) for found in conductors])


def _version(conductor):
    if 'version' not in conductor:
        return None
    if conductor['version'] == conductor['version_wanted']:
        return conductor['version']
    return '%(version)d (this release: %(version_wanted)d)' % conductor


def _allocations(found):
    due, waiting = found['due'], found['waiting']
    title = ('Allocations: %d due, %d to be confirmed by a backend, '
             '%d waiting' % (due['count'], found['confirming'],
                             waiting['count']))
    if due['count']:
        title += '; due for up to ' + duration(due['oldest_seconds'])
    by_class: dict = {}
    for row in due['by_class']:
        by_class[row['resource_class']] = [row['count'], 0, None]
    for row in waiting['by_class']:
        found_ = by_class.setdefault(row['resource_class'], [0, 0, None])
        found_[1:] = row['count'], row['oldest_seconds']
    if not by_class:
        return title
    return _columns(title, ('class', 'due', 'waiting', 'for up to'), [
        (name, *by_class[name][:2], duration(by_class[name][2]))
        for name in sorted(by_class, key=str)])


def _reasons(reasons):
    if not reasons:
        return None
    return _columns('Why most of them wait', ('class', 'count', 'reason'), [
        (found['resource_class'], found['count'], found['reason'])
        for found in reasons])


def _pool(pool):
    if not pool:
        return 'Pool: there are no nodes'
    return _columns(
        'Pool: %d nodes' % sum(found['nodes'] for found in pool),
        ('class', 'nodes', 'free', 'held', 'out of order'), [
            (found['resource_class'], found['nodes'], found['free'],
             found['held'], found['out_of_order']) for found in pool])


def _backends(backends):
    if not backends:
        return None
    return _columns(
        'Backends',
        ('name', 'status', 'for', 'lag', 'open writes', 'oldest',
         'last error'), [
            (found['name'], found['status'],
             duration(found['status_for_seconds']),
             duration(found['lag_seconds']), found['open_writes'],
             duration(found['oldest_write_seconds']), found['last_error'])
            for found in backends])
