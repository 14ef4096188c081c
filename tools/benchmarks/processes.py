# SPDX-License-Identifier: Apache-2.0
"""Memory and processor time of processes (proc(5))."""

import os
import time

_TICK = os.sysconf('SC_CLK_TCK')


def memory(service):
    """Measure the memory of each process.

    :param service: Service
    :returns: dict of lists of {"rss_mib", "pss_mib"} by name; PSS shares the
        common pages out among the processes that have them
    """
    return {name: [_memory_of(pid) for pid in pids]
            for name, pids in service.processes().items()}


def _memory_of(pid):
    found = {}
    with open('/proc/%d/smaps_rollup' % pid) as file:
        for line in file:
            name, _, rest = line.partition(':')
            if name in ('Rss', 'Pss'):
                found[name.lower() + '_mib'] = round(
                    int(rest.split()[0]) / 1024, 1)
    return found


def processor_share(service, seconds):
    """Measure how busy the processes are.

    :param seconds: how long to look
    :returns: dict of shares of one processor by name, in percent
    """
    before = _times(service)
    time.sleep(seconds)
    after = _times(service)
    return {name: round((after[name] - before[name]) / seconds * 100, 2)
            for name in before}


def _times(service):
    return {name: sum(_time_of(pid) for pid in pids)
            for name, pids in service.processes().items()}


def _time_of(pid):
    with open('/proc/%d/stat' % pid) as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
