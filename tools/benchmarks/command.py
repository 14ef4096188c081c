# SPDX-License-Identifier: Apache-2.0
"""The order of the measurements."""

import dataclasses
import importlib
import os
import signal
import sys
import tempfile

from benchmarks import arguments
from benchmarks import backends
from benchmarks import backlog
from benchmarks import bench as bench_module
from benchmarks import goals
from benchmarks import idle
from benchmarks import installation
from benchmarks import overload
from benchmarks import pages
from benchmarks import plots
from benchmarks import processes
from benchmarks import report
from benchmarks import seeding
from benchmarks import service
from benchmarks import throughput
from benchmarks import waiting
from benchmarks.comparison import goals as comparison_goals
from benchmarks.comparison import parts as comparison_parts
from benchmarks.comparison import running as comparison
from benchmarks.comparison import sides
from benchmarks.floor import measuring as floor
from benchmarks.simulation import measuring as simulation
from benchmarks.simulation import site
from benchmarks.size import goals as size_goals
from benchmarks.size import measuring as table_size

# How many times slower than the goals these may be.
FACTORS = {'postgresql': 1.5, 'sqlite': 2.5}


def _scale(options):
    scale = bench_module.TINY if options.tiny else bench_module.Scale()
    if options.sizes:
        scale = dataclasses.replace(scale, sizes=tuple(
            int(size) for size in options.sizes.split(',')))
    if options.tables:
        small, nodes, large, more = map(int, options.tables.split(','))
        scale = dataclasses.replace(
            scale, tables=((small, nodes), (large, more)))
    given = {name: getattr(options, name) for name in (
        'runs', 'requests', 'clients', 'samples', 'backlog', 'rows')}
    return dataclasses.replace(scale, **{
        name: value for name, value in given.items() if value})


def _configuration(options):
    for option in options.option:
        name, _, value = option.partition('=')
        group, _, name = name.rpartition('.')
        yield group or 'DEFAULT', name, value


def main(argv=None):
    """Measure and report.

    :returns: exit status, 1 if a goal was missed
    """
    options = arguments.parse(argv)
    # What was started ends, and what was made is removed.
    signal.signal(signal.SIGTERM, lambda *args: sys.exit(128 + args[0]))
    folder = options.output or tempfile.mkdtemp(prefix='benchmark-')
    os.makedirs(folder, exist_ok=True)
    if options.backends:
        return _before_backends(options, folder)
    if options.compare:
        return _side_by_side(options, folder)
    if options.measure == ['size']:
        return _at_size(options, folder)
    if options.measure == ['simulation']:
        return _simulated(options, folder)
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
    plots.draw(folder, results, 'allocator')
    return _tell(options, folder, results, lines, engine)


def _tell(options, folder, results, lines, engine=None):
    report.show(lines)
    report.write(os.path.join(folder, 'result.json'),
                 report.circumstances(engine), results, lines)
    print('Results, plots and logs are in', folder)
    missed = any(line.is_met is False for line in lines)
    return int(missed and not options.tiny and not options.no_goals)


def _before_backends(options, folder):
    """Measure the service in front of Bare Metal services."""
    for variable, url in (('MYSQL', options.database),
                          ('RABBITMQ', options.broker)):
        if url:
            os.environ['ALLOCATOR_TEST_%s_URL' % variable] = url
    # They need what only the tests need.
    running, scale, comparing = (
        importlib.import_module('benchmarks.backends.' + name)
        for name in ('running', 'scale', 'goals'))
    results = {}
    try:
        running.measure(options.measure or backends.MEASURES,
                        scale.chosen(options.tiny, options.runs), results)
    except BaseException:
        # Whatever ended it: what has been measured has been measured.
        _tell(options, folder, results, comparing.compare(results))
        raise
    return _tell(options, folder, results, comparing.compare(results))


def _side_by_side(options, folder):
    """Compare two installations."""
    installations = {comparison.BEFORE: _installation(options.compare),
                     comparison.AFTER: _installation(options.other)}
    if options.noise:
        installations[comparison.AGAIN] = installations[comparison.BEFORE]
    figures = {}
    try:
        comparison.compare(
            installations, _setting(options, folder), _scale(options),
            options.measure or comparison_parts.USUAL, options.pairs, figures)
    except BaseException:
        # Whatever ended it: what has been measured has been measured.
        _tell_compared(options, folder, figures)
        raise
    return _tell_compared(options, folder, figures)


def _tell_compared(options, folder, figures):
    results = comparison.results(figures)
    return _tell(options, folder, results, comparison_goals.compare(results),
                 seeding.connect(options.database))


def _installation(path):
    try:
        return installation.Installation(path)
    except ValueError as exc:
        sys.exit('tools/benchmark: %s' % exc)


def _setting(options, folder):
    return sides.Setting(
        folder, options.database, options.broker, options.api_workers,
        options.conductor_workers, tuple(_configuration(options)))


def _at_size(options, folder):
    """Measure a large table beside a small one."""
    old = None
    if options.old_release:
        old = _installation(options.old_release)
    results = table_size.size(_setting(options, folder), _scale(options),
                              options.pairs, old)
    return _tell(options, folder, results, size_goals.compare(results),
                 seeding.connect(options.database))


def _simulated(options, folder):
    """Simulate a site."""
    try:
        chosen = site.given(site.Site(), options.given)
    except ValueError as exc:
        sys.exit('tools/benchmark: %s' % exc)
    results = simulation.simulation(chosen, 1 if options.tiny else 10)
    return _tell(options, folder, results, simulation.compare(results))


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
    measures = options.measure or arguments.MEASURES
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
    if 'waiting' in measures and not bench.service.is_single:
        _say('those that wait')
        results['waiting'] = waiting.waiting(bench)
    if 'floor' in measures and not bench.service.is_single:
        _say('the floor')
        results['floor'] = floor.floor(bench)
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
