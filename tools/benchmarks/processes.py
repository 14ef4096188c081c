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


def database_time(engine):
    """Measure the processor time of a database server of this machine.

    :param engine: sqlalchemy.Engine
    :returns: seconds since its start; None if it cannot be told
    """
    try:
        master, *others = _database_pids(engine)
        return _time_of(master, ended=True) + sum(map(_time_of, others))
    except OSError:
        return None


def broker_time():
    """Measure the processor time of the message bus of this machine.

    :returns: seconds since its start; None if no RabbitMQ runs here
    """
    found = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                with open('/proc/%s/stat' % name) as file:
                    before, _, after = file.read().rpartition(')')
            except OSError:
                continue  # it has ended meanwhile
            if before.endswith('(beam.smp'):
                found[int(after.split()[19])] = int(name)
    # The commands that ask RabbitMQ something are called the same, and do
    # not live long.
    return _time_of(found[min(found)]) if found else None


def machine_times():
    """Measure what the processors of the machine have done since its start.

    :returns: seconds of all processors together that they were busy, and
        seconds that the hypervisor gave to other machines
    """
    with open('/proc/stat') as file:
        fields = [int(field) / _TICK for field in file.readline().split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return user + nice + system + irq + softirq, steal


def _database_pids(engine):
    with engine.connect() as connection:
        if engine.dialect.name == 'postgresql':
            # Where its files are, only a superuser is told.
            backend = connection.exec_driver_sql(
                'SELECT pg_backend_pid()').scalar()
            master = _parent_of(backend)
        else:
            path = connection.exec_driver_sql('SELECT @@pid_file').scalar()
            with open(path) as file:
                master = int(file.readline())
    with open('/proc/%d/task/%d/children' % (master, master)) as file:
        return [master, *map(int, file.read().split())]


def _parent_of(pid):
    with open('/proc/%d/stat' % pid) as file:
        return int(file.read().rpartition(')')[2].split()[1])


def processor_share(service, seconds):
    """Measure how busy the processes are.

    :param seconds: how long to look
    :returns: dict of shares of one processor by name, in percent
    """
    before = times(service)
    time.sleep(seconds)
    after = times(service)
    return {name: round((after[name] - before[name]) / seconds * 100, 2)
            for name in before}


def times(service):
    """Measure the processor time of the processes.

    :param service: Service
    :returns: dict of seconds, user and system, by name
    """
    return {name: sum(_time_of(pid) for pid in pids)
            for name, pids in service.processes().items()}


def _time_of(pid, ended=False):
    """Measure the processor time of a process.

    :param ended: with that of its children that have ended
    :returns: seconds
    """
    with open('/proc/%d/stat' % pid) as file:
        fields = file.read().rpartition(')')[2].split()
    return sum(map(int, fields[11:15 if ended else 13])) / _TICK
