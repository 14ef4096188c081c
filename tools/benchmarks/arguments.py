# SPDX-License-Identifier: Apache-2.0
"""The command line."""

import argparse

from benchmarks import backends
from benchmarks import seeding
from benchmarks.comparison import parts

MEASURES = ('latency', 'throughput', 'variants', 'two-conductors', 'pages',
            'overload', 'waiting', 'backlog')

# What is measured only if it is named.
NAMED = ('floor', 'size', 'simulation')

# … and with nothing else.
ALONE = ('size', 'simulation')


def parse(argv):
    """Read the command line.

    :param argv: list of arguments; those of the process if None
    :returns: argparse.Namespace
    """
    parser = argparse.ArgumentParser(
        prog='tools/benchmark', description=(
            'Measure the service: time to active, throughput, latencies, '
            'lists, memory. Nodes and allocations of the database are '
            'replaced.'))
    parser.add_argument('--backends', action='store_true', help=(
        'measure what it costs to hand out the nodes of Bare Metal services; '
        'starts them, needs MariaDB, RabbitMQ and tools/test-setup ironic'))
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
    parser.add_argument('--compare', metavar='INSTALLATION', help=(
        'measure two installations in turns: this one, a virtual '
        'environment with the service in it or a checkout, and that of '
        '--with; each gets databases of its own, beside that of --database'))
    parser.add_argument('--with', dest='other', metavar='INSTALLATION',
                        help='default: what is beside this Python')
    parser.add_argument('--pairs', type=int, default=5, help=(
        'how often --compare, and --measure size, measure each; default 5'))
    parser.add_argument('--old-release', metavar='INSTALLATION', help=(
        'have --measure size migrate the large table from its schema'))
    parser.add_argument('--given', action='append', default=[],
                        metavar='NAME=VALUE', help=(
                            'what --measure simulation takes a site to have, '
                            'and steps to take, in seconds; an unknown name '
                            'has all of them told'))
    parser.add_argument('--tables', metavar='N,N,N,N', help=(
        'allocations and nodes of the small and the large table of --measure '
        'size; default 10000,10000,1000000,100000'))
    parser.add_argument('--noise', action='store_true', help=(
        'have --compare measure the first one twice, to tell what is chance'))
    parser.add_argument('--resource-class', default=seeding.RESOURCE_CLASS,
                        help='what to ask --endpoint for')
    parser.add_argument('--sizes', metavar='N,N', help=(
        'numbers of nodes; default 100,1000,10000,100000. With --endpoint: '
        'how many free nodes it has'))
    parser.add_argument('--runs', type=int, help=(
        'how often each measurement is repeated; the best run counts'))
    for name, what in (('requests', 'requests of one run of a throughput'),
                       ('clients', 'concurrent clients of a throughput'),
                       ('samples', 'requests of one run of a latency'),
                       ('backlog', 'rows that wait for the conductor alone'),
                       ('rows', 'rows of the listed table of allocations')):
        parser.add_argument('--' + name, type=int, metavar='N', help=what)
    parser.add_argument('--measure', action='append',
                        choices=sorted({*MEASURES, *NAMED, *backends.MEASURES,
                                        *parts.PARTS}),
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
    for name in options.measure or ():
        _check_measure(parser, options, name)
    for name in ALONE:
        if name in (options.measure or ()) and len(options.measure) > 1:
            parser.error('--measure %s is measured alone' % name)
    if options.backends or options.measure == ['simulation']:
        return options
    if not (options.database or options.endpoint):
        parser.error('--database or --endpoint is needed')
    if (options.database and not options.broker
            and not options.database.startswith('sqlite')):
        parser.error('--broker is needed with this database')
    return options


def _check_measure(parser, options, name):
    """Refuse a measure that the chosen way of measuring does not have."""
    ways = {'--backends': (options.backends, backends.MEASURES),
            '--compare': (options.compare, tuple(parts.PARTS))}
    for way, (is_chosen, known) in ways.items():
        if is_chosen:
            if name not in known:
                parser.error('--measure %s is not for %s' % (name, way))
            return
    if name in (*MEASURES, *NAMED):
        return
    for way, (_, known) in ways.items():
        if name in known:
            parser.error('--measure %s is for %s' % (name, way))
