# SPDX-License-Identifier: Apache-2.0
"""The parts of the comparison: what is put into the database, and measured.

Each part prepares every side once, and is then measured on the sides in
turns. A measure is a name and a figure; ``measures`` says what they mean.
"""

from benchmarks import backlog
from benchmarks import figures
from benchmarks import idle
from benchmarks import load
from benchmarks import overload
from benchmarks import pages
from benchmarks import processes
from benchmarks import seeding
from benchmarks import throughput
from benchmarks.comparison import busy
from benchmarks.comparison import identity

# How often a page is asked for in one round.
PAGES = 20

CONDUCTOR = 'conductor-0'


class Part:
    """A part of the comparison.

    :ivar needs_servers: whether the single process has no such thing
    """

    needs_servers = False

    def prepare(self, side):
        """Fill the database of a side.

        :param side: sides.Side
        """
        seeding.nodes(side.bench.engine, side.bench.scale.size)

    def measure(self, side):
        """Measure a side once.

        :returns: dict of figures by name of the measure
        """
        raise NotImplementedError


class Busy(Part):
    """Allocations with many clients at once."""

    def measure(self, side):
        return busy.busy(side.bench, side.bench.scale.size * 9 // 10)


class Idle(Part):
    """Time to active on an idle service with so many nodes.

    :param size: number of nodes
    """

    def __init__(self, size):
        self._size = size

    def prepare(self, side):
        seeding.nodes(side.bench.engine, self._size)

    def measure(self, side):
        found = idle.time_to_active(side.bench, self._size)
        return {'%s_%d' % (name, self._size): found[name]['p50_ms']
                for name in ('active', 'post')}


class Requests(Part):
    """Single requests of one client."""

    def measure(self, side):
        return {name: found['p50_ms'] for name, found
                in idle.requests(side.bench).items()}


class Allocations(Part):
    """A page of a long list of allocations, as an administrator sees it."""

    def prepare(self, side):
        super().prepare(side)
        seeding.history(side.bench.engine, side.bench.scale.rows)

    def measure(self, side):
        return {'allocations': _page(
            side.bench.connect(),
            '/v1/allocations?limit=%d' % side.bench.scale.page)}


class Nodes(Part):
    """Pages of the nodes of a tenant, who may not see everything of them."""

    needs_servers = True

    def prepare(self, side):
        super().prepare(side)
        seeding.own(side.bench.engine, identity.PROJECT)

    def measure(self, side):
        limit = side.bench.scale.page
        return {name: _page(side.connect_as_tenant(), path % limit)
                for name, path in (
                    ('nodes', '/v1/nodes?limit=%d'),
                    ('nodes_detail', '/v1/nodes/detail?limit=%d'))}


def _page(connection, path):
    times = []
    connection.get(path)
    for _ in range(PAGES):
        status, seconds = load.timed(connection, 'GET', path)
        if status != 200:
            raise RuntimeError('GET %s: %d' % (path, status))
        times.append(seconds)
    connection.close()
    return figures.latency(times)['p50_ms']


class Backlog(Part):
    """The conductor alone, and the bare script beside it."""

    needs_servers = True

    def prepare(self, side):
        """Each round fills the tables itself."""

    def measure(self, side):
        side.bench.service.stop(CONDUCTOR)
        claims = backlog.conductor(side.bench)
        bare = backlog.bare(side.bench)
        side.bench.service.start_conductor(CONDUCTOR)
        return {'backlog': claims, 'bare': bare,
                'share_of_bare': claims / bare}


class Memory(Part):
    """The memory of the processes after everything before it."""

    def prepare(self, side):
        """What the other parts left is what is to be seen."""

    def measure(self, side):
        found = {}
        for name, pids in processes.memory(side.bench.service).items():
            role = busy.role(name)
            for kind in ('rss', 'pss') if role else ():
                found['%s_%s' % (kind, role)] = max(
                    process[kind + '_mib'] for process in pids)
        return found


class Variants(Part):
    """What makes nodes harder to find."""

    def measure(self, side):
        return {name: found['per_second'] for name, found
                in throughput.variants(side.bench).items()}


class Lists(Part):
    """All pages of a long list of allocations."""

    prepare = Allocations.prepare

    def measure(self, side):
        found = pages.summary(pages.pages(side.bench))
        return {'pages_median': found['median_p50_ms'],
                'pages_slowest': found['slowest']['p50_ms']}


class Overload(Part):
    """More requests than nodes."""

    def prepare(self, side):
        """Each round fills the tables itself."""

    def measure(self, side):
        found = overload.overload(side.bench)
        if found['states'] != found['wanted']:
            raise RuntimeError('the overload ended with %s' % found['states'])
        return {'overload_posts': found['posts_per_second']}


class Quiet(Part):
    """Processor time of processes that have nothing to do."""

    def measure(self, side):
        shares = processes.processor_share(side.bench.service,
                                           side.bench.scale.idle)
        return {'idle': sum(shares.values())}


def chosen(names, scale):
    """Make parts by name.

    :param names: list of names
    :param scale: bench.Scale
    :returns: list of Part
    """
    found = []
    for name in names:
        if name == 'idle':
            found += [Idle(size) for size in sorted({min(scale.sizes),
                                                     max(scale.sizes)})]
        else:
            found.append(PARTS[name]())
    return found


PARTS = {'busy': Busy, 'idle': Idle, 'requests': Requests,
         'allocations': Allocations, 'nodes': Nodes, 'backlog': Backlog,
         'variants': Variants, 'lists': Lists, 'overload': Overload,
         'quiet': Quiet, 'memory': Memory}

# What the goals speak of; the others are said if asked for.
USUAL = ('busy', 'idle', 'requests', 'allocations', 'nodes', 'backlog',
         'memory')
