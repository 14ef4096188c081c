# SPDX-License-Identifier: Apache-2.0
"""The command line, and the order of the measurements."""

import argparse
import dataclasses
import os
import sys
import tempfile

from benchmarks import backlog
from benchmarks import bench as bench_module
from benchmarks import goals
from benchmarks import idle
from benchmarks import overload
from benchmarks import pages
from benchmarks import plots
from benchmarks import processes
from benchmarks import report
from benchmarks import seeding
from benchmarks import service
from benchmarks import throughput

MEASURES = ('latency', 'throughput', 'variants', 'two-conductors', 'pages',
            'overload', 'backlog')

# How many times slower than the goals these may be.
FACTORS = {'postgresql': 1.5, 'sqlite': 2.5}


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog='tools/benchmark', description=(
            'Measure the service: time to active, throughput, latencies, '
            'lists, memory. Nodes and allocations of the database are '
            'replaced.'))
    parser.add_argument('--database', metavar='URL', help=(
        'SQLAlchemy URL of a database for the benchmark alone'))
    parser.add_argument('--broker', metavar='URL', help=(
        'transport URL of RabbitMQ; SQLite needs none'))
    parser.add_argument('--endpoint', metavar='URL', help=(
        'measure the service that runs there instead, through its API alone, '
        'with the nodes it has'))
    parser.add_argument('--header', action='append', default=[],
                        metavar='NAME:VALUE', help=(
                            'send this with each request, e.g. a token'))
    parser.add_argument('--resource-class', default=seeding.RESOURCE_CLASS,
                        help='what to ask --endpoint for')
    parser.add_argument('--sizes', metavar='N,N', help=(
        'numbers of nodes; default 100,1000,10000,100000. With --endpoint: '
        'how many free nodes it has'))
    parser.add_argument('--runs', type=int, help=(
        'how often each measurement is repeated; the best run counts'))
    parser.add_argument('--measure', action='append', choices=MEASURES,
                        help='measure only this; may be repeated')
    parser.add_argument('--api-workers', type=int, default=2)
    parser.add_argument('--conductor-workers', type=int, default=1)
    parser.add_argument('--option', action='append', default=[],
                        metavar='GROUP.NAME=VALUE',
                        help='configuration option of the service')
    parser.add_argument('--output', metavar='DIRECTORY', help=(
        'where to write result.json, the plots and the logs'))
    parser.add_argument('--tiny', action='store_true', help=(
        'a few requests only, to see that the benchmark works'))
    parser.add_argument('--no-goals', action='store_true', help=(
        'end with status 0 whatever the results are'))
    options = parser.parse_args(argv)
    if not (options.database or options.endpoint):
        parser.error('--database or --endpoint is needed')
    if (options.database and not options.broker
            and not options.database.startswith('sqlite')):
        parser.error('--broker is needed with this database')
    return options


def _scale(options):
    scale = bench_module.TINY if options.tiny else bench_module.Scale()
    if options.sizes:
        scale = dataclasses.replace(scale, sizes=tuple(
            int(size) for size in options.sizes.split(',')))
    if options.runs:
        scale = dataclasses.replace(scale, runs=options.runs)
    return scale


def _configuration(options):
    for option in options.option:
        name, _, value = option.partition('=')
        group, _, name = name.rpartition('.')
        yield group or 'DEFAULT', name, value


def main(argv=None):
    """Measure and report.

    :returns: exit status, 1 if a goal was missed
    """
    options = _parse(argv)
    folder = options.output or tempfile.mkdtemp(prefix='benchmark-')
    os.makedirs(folder, exist_ok=True)
    if options.endpoint:
        engine = None
        results = _elsewhere(options)
    else:
        engine = seeding.connect(options.database)
        try:
            seeding.check_unused(engine)
        except seeding.Occupied as exc:
            sys.exit('tools/benchmark: %s' % exc)
        results = _here(options, folder, engine)
    factor = FACTORS.get(engine.dialect.name, 1) if engine else 1
    lines = goals.compare(results, factor)
    report.show(lines)
    report.write(os.path.join(folder, 'result.json'),
                 report.circumstances(engine), results, lines)
    plots.draw(folder, results, 'allocator')
    print('Results, plots and logs are in', folder)
    missed = any(line.is_met is False for line in lines)
    return int(missed and not options.tiny and not options.no_goals)


def _say(text):
    print('measuring', text, file=sys.stderr, flush=True)


def _elsewhere(options):
    """Measure a service of which only the API is at hand."""
    headers = dict(header.split(':', 1) for header in options.header)
    bench = bench_module.Bench(
        options.endpoint, _scale(options), headers,
        body={'resource_class': options.resource_class})
    size = bench.scale.sizes[-1]
    bench.scale = dataclasses.replace(
        bench.scale, samples=min(bench.scale.samples, size * 9 // 10))
    _say('latencies')
    results = {'time_to_active': {
        str(size): idle.time_to_active(bench, size)},
        'requests': idle.requests(bench)}
    _say('throughput')
    results['throughput'] = {
        str(size): throughput.throughput(bench, size * 9 // 10)}
    return results


def _here(options, folder, engine):
    """Measure the project's own commands."""
    measures = options.measure or MEASURES
    running = service.Service(
        folder, options.database, options.broker, options.api_workers,
        options.conductor_workers, _configuration(options))
    running.make_schema()
    bench = bench_module.Bench(running.endpoint, _scale(options),
                               service=running, engine=engine)
    results = {}
    try:
        running.start()
        _measure_running(bench, measures, results)
        if running.is_single:
            return results
        if 'two-conductors' in measures:
            _say('two conductors')
            results['two_conductors'] = throughput.two_conductors(bench)
        if 'backlog' in measures:
            _say('the conductor alone')
            running.stop()
            results['backlog'] = backlog.backlog(bench)
        return results
    finally:
        running.close()


def _measure_running(bench, measures, results):
    for size in bench.scale.sizes:
        _measure_size(bench, size, measures, results)
    if 'latency' in measures:
        _say('single requests')
        seeding.nodes(bench.engine, bench.scale.size)
        results['requests'] = idle.requests(bench)
    if 'variants' in measures:
        _say('scarce nodes')
        results['variants'] = throughput.variants(bench)
    if 'overload' in measures:
        _say('overload')
        results['overload'] = overload.overload(bench)
    if 'pages' in measures:
        _say('pages')
        seeding.nodes(bench.engine, bench.scale.rows)
        seeding.history(bench.engine, bench.scale.rows)
        found = pages.pages(bench)
        results['pages'] = pages.summary(found) | {'all': found}
    results.setdefault('memory', {})['end'] = processes.memory(bench.service)
    results['idle'] = processes.processor_share(bench.service,
                                                bench.scale.idle)


def _measure_size(bench, size, measures, results):
    if not {'latency', 'throughput'} & set(measures):
        return
    _say('%d nodes' % size)
    seeding.nodes(bench.engine, size)
    if 'latency' in measures:
        results.setdefault('time_to_active', {})[str(size)] = (
            idle.time_to_active(bench, size))
    if 'throughput' in measures:
        results.setdefault('throughput', {})[str(size)] = (
            throughput.throughput(bench, size * 9 // 10))
    results.setdefault('memory', {})[str(size)] = processes.memory(
        bench.service)
