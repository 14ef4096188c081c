# SPDX-License-Identifier: Apache-2.0
"""Where and when it was measured; the table; the JSON file."""

import datetime
import json
import os
import platform
import shlex
import sys

from allocator import version

VERDICTS = {True: 'met', False: 'MISSED', None: ''}


def circumstances(engine=None):
    """Describe machine, software and command.

    :param engine: engine of the database, or None
    :returns: dict
    """
    found = {
        'date': datetime.datetime.now(datetime.UTC).isoformat(
            timespec='seconds'),
        'command': shlex.join(['tools/benchmark', *sys.argv[1:]]),
        'processors': len(os.sched_getaffinity(0)),
        'processor': _field('/proc/cpuinfo', 'model name'),
        'memory': _field('/proc/meminfo', 'MemTotal'),
        'load': os.getloadavg(),
        'python': platform.python_version(),
        'allocator': version.version_info.release_string(),
    }
    if engine is not None:
        with engine.connect() as connection:
            found['database'] = '%s %s' % (
                engine.dialect.name, '.'.join(map(
                    str, connection.dialect.server_version_info)))
    return found


def _field(path, name):
    with open(path) as file:
        for line in file:
            if line.startswith(name):
                return line.partition(':')[2].strip()
    return 'unknown'


def show(lines):
    """Print the table.

    :param lines: list of goals.Line
    """
    widths = [max((len(getattr(line, name)) for line in lines), default=0)
              for name in ('measure', 'result', 'goal')]
    for line in lines:
        print('%-*s  %-*s  %-*s  %s' % (
            widths[0], line.measure, widths[1], line.result,
            widths[2], line.goal, VERDICTS[line.is_met]), flush=True)


def write(path, where, results, lines):
    """Write everything as JSON.

    :param path: the file
    :param where: what circumstances() returned
    :param results: dict of what the measurements returned
    :param lines: list of goals.Line
    """
    with open(path, 'w') as file:
        json.dump({'circumstances': where, 'results': results,
                   'goals': [line.__dict__ for line in lines]},
                  file, indent=1)
