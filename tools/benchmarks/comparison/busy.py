# SPDX-License-Identifier: Apache-2.0
"""What an allocation costs while many clients ask, and who takes how much."""

import os
import time

from benchmarks import crowd
from benchmarks import processes
from benchmarks import throughput

CLIENTS = 'clients'
DATABASE = 'database'
BUS = 'bus'
API = 'api'
CONDUCTOR = 'conductor'
SINGLE = 'service'
OTHERS = 'others'
STOLEN = 'stolen'
IDLE = 'idle'


def busy(bench, limit):
    """Have clients ask until they have seen each allocation settled.

    :param bench: bench.Bench
    :param limit: number of free nodes there are
    :returns: dict of figures, with "shares": shares of all processors of the
        machine by who took them
    :raises: RuntimeError if an allocation is not made
    """
    clients = crowd.Crowd(bench.connect(), bench.endpoint,
                          bench.scale.clients)
    used, samples, seconds = {}, [], 0
    while len(samples) < bench.scale.requests:
        # As many as there are nodes, again and again.
        size = min(bench.scale.requests - len(samples), limit)
        before = _used(bench)
        found, took = clients.allocate(bench.body, size)
        after = _used(bench)
        for name, value in after.items():
            used[name] = used.get(name, 0) + value - before[name]
        samples += found
        seconds += took
        throughput.give_back(bench, found)
    failed = [one for one in samples if one.state != 'active']
    if failed:
        raise RuntimeError('%d of %d allocations were not made: %s'
                           % (len(failed), len(samples), failed[0]))
    return _figures(used, seconds, len(samples))


def _used(bench):
    """Read the processor time of everybody in seconds."""
    found = {CLIENTS: time.process_time()}
    for name, seconds in processes.times(bench.service).items():
        if role(name):
            found[role(name)] = found.get(role(name), 0) + seconds
    found['machine'], found[STOLEN] = processes.machine_times()
    if bench.service.is_single:
        return found  # the database is in it, and there is no bus
    for name, seconds in ((DATABASE, processes.database_time(bench.engine)),
                          (BUS, processes.broker_time())):
        if seconds is not None:
            found[name] = seconds
    return found


def role(name):
    """Tell what a process of the service is.

    :param name: as service.Service calls it
    :returns: API, CONDUCTOR or SINGLE; None for one that takes no part
    """
    if name.startswith('conductor'):
        return CONDUCTOR
    return {'api': API, 'allocator': SINGLE}.get(name)


def _figures(used, seconds, count):
    figures = {'per_second': count / seconds}
    own = 0
    for name, value in used.items():
        if name in (API, CONDUCTOR, DATABASE, BUS, CLIENTS):
            figures['cpu_' + name] = value / count * 1e3
        if name in (API, CONDUCTOR, SINGLE):
            own += value
    figures['cpu'] = own / count * 1e3
    return figures | {'shares': shares(used, seconds, os.cpu_count())}


def shares(used, seconds, processors):
    """Tell who took what share of all processors of the machine.

    :param used: dict of seconds of processor time by who used them, with
        "machine" for all and "stolen" for other machines
    :param seconds: how long that was
    :param processors: how many processors there are
    :returns: dict of percent; what is in nobody's name is others'
    """
    used = dict(used)
    machine = used.pop('machine')
    stolen = used.pop(STOLEN)
    whole = seconds * processors
    found = used | {OTHERS: max(machine - sum(used.values()), 0),
                    STOLEN: stolen,
                    IDLE: max(whole - machine - stolen, 0)}
    return {name: round(value / whole * 100, 1)
            for name, value in found.items()}
